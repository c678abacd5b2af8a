import { assert } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import { type JobId, liveStates } from "../../../src/services/Queue/Job.ts"
import type { ClaimedJob, NewJob } from "../../../src/services/Queue/JobStore.ts"
import {
  noRankings,
  type OrderName,
  orders,
  type Ranking,
  rankIn,
  type Rankings
} from "../../../src/services/Queue/policy/Order.ts"
import { SeededRandom, seeds } from "../SeededRandom.ts"
import { type StoreDriver, type StoreTest, start } from "./StoreDriver.ts"

const tasks = ["short", "middle", "long"]

const runs = new Map([
  ["short", { ms: 100, share: 0.1 }],
  ["middle", { ms: 2_000, share: 0.4 }],
  ["long", { ms: 60_000, share: 1 }]
])

const by = (order: OrderName, boundMs: number): Rankings => ({
  ...noRankings,
  groups: new Map<string, Ranking>([["group", { order, boundMs, runs }]])
})

const ranked = (
  driver: StoreDriver,
  rankings: Rankings,
  spec: { readonly task: string; readonly priority: number; readonly deadlineIn: number | undefined },
  now: number
): NewJob => {
  const { deadlineIn, ...rest } = spec
  const job = driver.newJob({ ...rest, ...(deadlineIn === undefined ? {} : { deadlineIn }) }, now)
  return { ...job, rank: rankIn(rankings, "group", job.task, job.due, job.priority, job.extra?.deadline) }
}

export const clauses = (test: StoreTest): void => {
  for (const order of orders) {
    for (const seed of seeds(1)) {
      test(`lets no job be passed by one due more than the bound after it, at saturation, by ${order} (seed ${seed})`, (driver) =>
        Effect.gen(function* () {
          const random = new SeededRandom(seed * 31 + orders.indexOf(order))
          const boundMs = order === "fifo" ? 0 : 1 + random.below(60_000)
          const rankings = by(order, boundMs)
          const session = yield* driver.join(tasks)
          const waiting = new Map<JobId, number>()
          let passedMost = 0
          const started = (job: ClaimedJob) => {
            waiting.delete(job.id)
            for (const due of waiting.values()) passedMost = Math.max(passedMost, job.due - due)
          }
          // More comes than goes, so that something always waits; then the rest starts.
          for (let round = 0; round < 100; round++) {
            const now = yield* Clock.currentTimeMillis
            const jobs = Array.from({ length: 1 + random.below(4) }, () =>
              ranked(
                driver,
                rankings,
                {
                  task: random.pick(tasks),
                  priority: 1 + random.below(10),
                  deadlineIn: random.chance(0.6) ? random.below(200_000) - 50_000 : undefined
                },
                now
              )
            )
            const { ids } = yield* driver.turn({ enqueue: jobs })
            for (const id of ids) waiting.set(id, now)
            for (const job of yield* driver.claim(session, 1 + random.below(2))) {
              started(job)
              yield* driver.settle(session, job, "completed")
            }
            yield* TestClock.adjust(random.below(3_000))
            yield* driver.beat(session, tasks)
          }
          assert.isAbove(waiting.size, 25, "saturated")
          for (const job of yield* driver.claim(session, 1_000)) started(job)
          assert.strictEqual(waiting.size, 0, "every job started")
          assert.isAtMost(passedMost, boundMs)
          if (order !== "fifo" && boundMs > 10_000) assert.isAbove(passedMost, 0, "the order made a difference")
        }))
    }
  }

  test("ranks live jobs anew by the order of their group, pages of them after the last one, and nothing else of them changes", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join(tasks)
      const { ids } = yield* driver.enqueue(
        Array.from({ length: 9 }, (_, i) => ({
          task: tasks[i % 3]!,
          priority: 1 + i,
          ...(i === 4 && { delay: 5_000 }),
          ...(i === 5 && { deadlineIn: 1_000 })
        }))
      )
      const [running] = yield* driver.claim(session, 1)
      const before = yield* driver.store.get(ids)
      const change = { _tag: "Rank", rankings: by("shortest", 10_000) } as const
      const now = yield* Clock.currentTimeMillis
      const filter = { groups: ["group"], states: liveStates }
      const seen: Array<JobId> = []
      let after = 0 as JobId
      for (;;) {
        const page = yield* driver.store.change(filter, change, { now, limit: 4, after })
        seen.push(...page.changed)
        if (!page.more) break
        after = page.changed.at(-1)!
      }
      assert.deepStrictEqual(seen, [...ids], "each once, oldest first")
      const jobs = yield* driver.store.get(ids)
      assert.deepStrictEqual(
        jobs,
        before.map((job) => ({ ...job, rank: job.due + 10_000 * runs.get(job.task)!.share }))
      )
      assert.isTrue(jobs.some(({ id, state }) => id === running!.id && state === "running"))
      const next = yield* driver.claim(session, 100)
      const shares = next.map(({ task }) => runs.get(task)!.share)
      assert.deepStrictEqual(
        shares,
        shares.toSorted((a, b) => a - b),
        "shorter ones first"
      )
      assert.strictEqual(next.length, 7, "all but the running and the scheduled one")
    }))

  test("ranks nothing that has finished, and ranks a finished job that is retried by the order in force", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join(tasks)
      const id = yield* driver.add({ task: "long", deadlineIn: 7_000 })
      yield* driver.run(session, "failed")
      const rankings = by("deadline", 5_000)
      const { refused } = yield* driver.change({ ids: [id] }, { _tag: "Rank", rankings })
      assert.deepStrictEqual(refused, [{ id, state: "failed" }])
      yield* TestClock.adjust(1_000)
      yield* driver.change({ ids: [id] }, { _tag: "Retry", rankings })
      assert.strictEqual((yield* driver.job(id)).rank, start + 1_000, "its deadline is too near to wait for")
    }))

  test("ranks an edited job by the order of its group, with the deadline it is given", (driver) =>
    Effect.gen(function* () {
      const id = yield* driver.add({ task: "short" })
      const rankings = by("deadline", 60_000)
      yield* driver.change({ ids: [id] }, { _tag: "Edit", rankings, deadline: start + 20_100 })
      const job = yield* driver.job(id)
      assert.deepStrictEqual([job.extra?.deadline, job.rank], [start + 20_100, start + 20_000])
      yield* driver.change({ ids: [id] }, { _tag: "Edit", rankings, due: start + 30_000 })
      assert.strictEqual((yield* driver.job(id)).rank, start + 30_000)
    }))

  test("a job that replaces a waiting one brings its deadline, or that it has none", (driver) =>
    Effect.gen(function* () {
      const key = { key: "k", onConflict: "replace" } as const
      const id = yield* driver.add({ ...key, deadlineIn: 1_000, extra: { owner: "ann" } })
      yield* driver.enqueue([{ ...key, deadlineIn: 2_000 }])
      assert.deepStrictEqual((yield* driver.job(id)).extra, { owner: "ann", deadline: start + 2_000 })
      yield* driver.enqueue([key])
      assert.deepStrictEqual((yield* driver.job(id)).extra, { owner: "ann" })
    }))

  test("shows the pending jobs of a group in the order in which they start", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join(tasks)
      const random = new SeededRandom(5)
      yield* driver.enqueue(
        Array.from({ length: 40 }, () => ({ task: random.pick(tasks), priority: 1 + random.below(10) }))
      )
      yield* driver.enqueue([{ delay: 10 }, { group: "other" }])
      assert.deepStrictEqual(yield* driver.store.upNext("nothing", 10), [])
      const upNext = yield* driver.store.upNext("group", 30)
      const claimed = yield* driver.claim(session, 30)
      assert.deepStrictEqual(
        upNext.map(({ id }) => id),
        claimed.map(({ id }) => id)
      )
      const [first] = upNext
      const job = yield* driver.job(first!.id)
      assert.deepStrictEqual(first, {
        id: job.id,
        task: job.task,
        priority: job.priority,
        due: job.due,
        rank: job.rank
      })
    }))
}
