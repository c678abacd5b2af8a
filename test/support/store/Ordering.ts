import { assert } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import { type JobId, liveStates } from "../../../src/services/Queue/Job.ts"
import type { ClaimedJob, NewJob, Settle } from "../../../src/services/Store/Turn.ts"
import {
  noRankings,
  type OrderName,
  orders,
  type Ranking,
  rankIn,
  type Rankings
} from "../../../src/services/Queue/policy/Order.ts"
import { SeededRandom, seeds } from "../SeededRandom.ts"
import { type JobSpec, type StoreDriver, type StoreTest, start } from "./StoreDriver.ts"

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

const ranked = (driver: StoreDriver, rankings: Rankings, spec: JobSpec, now: number): NewJob => {
  const job = driver.newJob(spec, now)
  return { ...job, rank: rankIn(rankings, job.group, job.task, job.due, job.priority, job.extra?.deadline) }
}

const completed = ({ attempt, id }: ClaimedJob, now: number): Settle => ({
  id,
  attempt,
  outcome: "completed",
  result: undefined,
  failure: undefined,
  due: now,
  rank: now,
  runMs: 1
})

/** A group at saturation: what waits in it, and by how much a start passed what still waited. */
class Crowd {
  readonly order: OrderName
  readonly boundMs: number
  readonly waiting = new Map<JobId, number>()
  running: ReadonlyArray<ClaimedJob> = []
  passedMs = 0

  constructor(order: OrderName, boundMs: number) {
    this.order = order
    this.boundMs = boundMs
  }

  start(jobs: ReadonlyArray<ClaimedJob>): void {
    this.running = jobs
    for (const job of jobs) {
      this.waiting.delete(job.id)
      for (const due of this.waiting.values()) this.passedMs = Math.max(this.passedMs, job.due - due)
    }
  }
}

export const clauses = (test: StoreTest): void => {
  for (const seed of seeds(1)) {
    test(`lets no job be passed by one due more than the bound of its order after it, at saturation (seed ${seed})`, (driver) =>
      Effect.gen(function* () {
        const random = new SeededRandom(seed)
        const session = yield* driver.join(tasks)
        const crowds = orders.map((order) => new Crowd(order, order === "fifo" ? 0 : 15_000 + random.below(60_000)))
        const rankings = {
          ...noRankings,
          groups: new Map(crowds.map(({ boundMs, order }): [string, Ranking] => [order, { order, boundMs, runs }]))
        }
        // More comes than goes, so that something always waits; then the rest starts.
        for (let round = 0; round < 80; round++) {
          const now = yield* Clock.currentTimeMillis
          const jobs = crowds.map(({ order }) =>
            Array.from({ length: 1 + random.below(4) }, () =>
              ranked(
                driver,
                rankings,
                {
                  group: order,
                  task: random.pick(tasks),
                  priority: 1 + random.below(10),
                  ...(random.chance(0.6) && { deadlineIn: random.below(200_000) - 50_000 })
                },
                now
              )
            )
          )
          const turn = yield* driver.turn({
            session,
            settle: crowds.flatMap(({ running }) => running.map((job) => completed(job, now))),
            enqueue: jobs.flat(),
            claim: orders.map((group) => ({ group, limit: 1 + random.below(2) }))
          })
          let at = 0
          for (const [i, crowd] of crowds.entries()) {
            for (const _ of jobs[i]!) crowd.waiting.set(turn.ids[at++]!, now)
            crowd.start(turn.jobs.filter(({ group }) => group === crowd.order))
          }
          yield* TestClock.adjust(random.below(3_000))
          if (round % 5 === 0) yield* driver.beat(session, tasks)
        }
        for (const crowd of crowds) {
          assert.isAbove(crowd.waiting.size, 20, "saturated")
          crowd.start(yield* driver.claim(session, 1_000, crowd.order))
          assert.strictEqual(crowd.waiting.size, 0, "every job started")
          assert.isAtMost(crowd.passedMs, crowd.boundMs, crowd.order)
          if (crowd.order !== "fifo") assert.isAbove(crowd.passedMs, 0, `${crowd.order} makes a difference`)
        }
      }))
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
      const before = yield* driver.store.jobs.get(ids)
      const change = { _tag: "Rank", rankings: by("shortest", 10_000) } as const
      const now = yield* Clock.currentTimeMillis
      const filter = { groups: ["group"], states: liveStates }
      const seen: Array<JobId> = []
      let after = 0 as JobId
      for (;;) {
        const page = yield* driver.store.jobs.change(filter, change, { now, limit: 4, after })
        seen.push(...page.changed)
        if (!page.more) break
        after = page.changed.at(-1)!
      }
      assert.deepStrictEqual(seen, [...ids], "each once, oldest first")
      const jobs = yield* driver.store.jobs.get(ids)
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

  test("ranks a running job for good: retried without an order in force it keeps the head start it has then", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join(tasks)
      const id = yield* driver.add({ task: "long", deadlineIn: 7_000 })
      const jobs = yield* driver.claim(session)
      yield* driver.change({ ids: [id] }, { _tag: "Rank", rankings: by("deadline", 5_000) })
      const { rank } = yield* driver.job(id)
      yield* driver.settle(session, jobs[0]!, "completed")
      assert.strictEqual((yield* driver.job(id)).rank, rank)
      yield* TestClock.adjust(1_000)
      yield* driver.change({ ids: [id] }, { _tag: "Retry" })
      assert.strictEqual((yield* driver.job(id)).rank, rank + 1_000)
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
      assert.deepStrictEqual(yield* driver.store.jobs.upNext("nothing", 10), [])
      const upNext = yield* driver.store.jobs.upNext("group", 30)
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
