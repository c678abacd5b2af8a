import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { JobId, JobRecord } from "../../../src/services/Queue/Job.ts"
import type { JobFilter } from "../../../src/services/Store/JobQuery.ts"
import { SeededRandom, seeds } from "../SeededRandom.ts"
import { failure, start, type StoreDriver, type StoreTest } from "./StoreDriver.ts"

/** Every page of a filter, read to its end. */
export const allPages = (driver: StoreDriver, filter: JobFilter, order: "newest" | "oldest", limit: number) =>
  Effect.gen(function* () {
    const jobs: Array<JobRecord> = []
    let cursor: JobId | undefined
    for (;;) {
      const page = yield* driver.store.jobs.list(filter, { order, limit, ...(cursor !== undefined && { cursor }) })
      assert.isAtMost(page.jobs.length, limit)
      jobs.push(...page.jobs)
      if (page.next === undefined) return jobs
      cursor = page.next
    }
  })

/** Forty jobs that differ in every field one can filter by, in all states. */
const variety = (driver: StoreDriver, random: SeededRandom) =>
  Effect.gen(function* () {
    const session = yield* driver.join(["a", "b"])
    for (let i = 0; i < 40; i++) {
      yield* driver.add({
        task: random.pick(["a", "b"]),
        group: random.pick(["x", "y"]),
        ...(random.chance(0.3) && { delay: 1_000_000 }),
        ...(random.chance(0.5) && { partitionKey: random.pick(["p", "q"]) }),
        ...(random.chance(0.7) && {
          extra: {
            ...(random.chance(0.7) && { owner: random.pick(["ann", "ben"]) }),
            ...(random.chance(0.7) && { team: random.pick(["web", "ops"]) }),
            ...(random.chance(0.7) && { tags: random.pick([["r"], ["s"], ["r", "s"], ["r", "r"], []]) }),
            ...(random.chance(0.7) && { batchKey: random.pick(["m", "n"]) })
          }
        })
      })
      if (random.chance(0.5)) yield* TestClock.adjust(100)
      if (random.chance(0.6)) {
        for (const job of yield* driver.claim(session, 1, random.pick(["x", "y"]))) {
          if (random.chance(0.8)) {
            yield* driver.settle(session, job, random.pick(["completed", "failed", "cancelled", "release"] as const), {
              failure: failure()
            })
          }
        }
      }
    }
    return yield* allPages(driver, {}, "oldest", 1000)
  })

const passes = (job: JobRecord, filter: JobFilter): boolean =>
  (filter.ids?.includes(job.id) ?? true) &&
  (filter.tasks?.includes(job.task) ?? true) &&
  (filter.groups?.includes(job.group) ?? true) &&
  (filter.states?.includes(job.state) ?? true) &&
  (filter.owner === undefined || job.extra?.owner === filter.owner) &&
  (filter.team === undefined || job.extra?.team === filter.team) &&
  (filter.tag === undefined || (job.extra?.tags?.includes(filter.tag) ?? false)) &&
  (filter.partitionKey === undefined || job.partitionKey === filter.partitionKey) &&
  (filter.batchKey === undefined || job.extra?.batchKey === filter.batchKey) &&
  (filter.from === undefined || job.enqueuedAt >= filter.from) &&
  (filter.to === undefined || job.enqueuedAt < filter.to)

const fields: ReadonlyArray<(random: SeededRandom, ids: ReadonlyArray<JobId>) => JobFilter> = [
  (random, ids) => ({ ids: ids.filter(() => random.chance(0.5)).reverse() }),
  (random) => ({ tasks: random.pick([["a"], ["b"], ["a", "b"], ["none"], ["b", "b"]]) }),
  (random) => ({ groups: random.pick([["x"], ["y"], ["x", "y"], []]) }),
  (random) => ({
    states: random.pick([["pending"], ["scheduled", "running"], ["completed", "failed", "cancelled"], []] as const)
  }),
  (random) => ({ owner: random.pick(["ann", "ben", "nobody"]) }),
  (random) => ({ team: random.pick(["web", "ops"]) }),
  (random) => ({ tag: random.pick(["r", "s"]) }),
  (random) => ({ partitionKey: random.pick(["p", "q"]) }),
  (random) => ({ batchKey: random.pick(["m", "n"]) }),
  (random) => ({ from: start + random.below(2000) }),
  (random) => ({ to: start + random.below(2000) })
]

export const clauses = (test: StoreTest): void => {
  test("gets jobs in the order asked and leaves absent ones out", (driver) =>
    Effect.gen(function* () {
      const {
        ids: [a, b, c]
      } = yield* driver.enqueue([{}, {}, {}])
      yield* driver.remove(b!)
      const found = yield* driver.store.jobs.get([c!, b!, 5 as JobId, a!, c!])
      assert.deepStrictEqual(
        found.map(({ id }) => id),
        [c!, a!, c!]
      )
    }))

  test("lists newest or oldest first, page by page, and says where to go on", (driver) =>
    Effect.gen(function* () {
      const { ids } = yield* driver.enqueue(Array.from({ length: 10 }, () => ({})))
      const first = yield* driver.store.jobs.list({}, { limit: 4, order: "newest" })
      assert.deepStrictEqual(
        first.jobs.map(({ id }) => id),
        ids.slice(6).reverse()
      )
      assert.strictEqual(first.next, ids[6])
      yield* driver.add()
      const rest = yield* driver.store.jobs.list({}, { limit: 100, order: "newest", cursor: first.next! })
      assert.deepStrictEqual(
        rest.jobs.map(({ id }) => id),
        ids.slice(0, 6).reverse(),
        "what came meanwhile does not move a page"
      )
      assert.strictEqual(rest.next, undefined)
      const oldest = yield* driver.store.jobs.list({}, { limit: 3, order: "oldest", cursor: ids[1]! })
      assert.deepStrictEqual(
        oldest.jobs.map(({ id }) => id),
        ids.slice(2, 5)
      )
    }))

  for (const seed of seeds(5)) {
    test(`finds exactly the jobs that pass, by any field and any of them joined, in either order and any page size (seed ${seed})`, (driver) =>
      Effect.gen(function* () {
        const random = new SeededRandom(seed)
        const jobs = yield* variety(driver, random)
        assert.strictEqual(jobs.length, 40)
        const ids = jobs.map(({ id }) => id)
        const filters = [
          ...fields.map((field) => field(random, ids)),
          ...Array.from({ length: 30 }, () =>
            Object.assign(
              {},
              random.pick(fields)(random, ids),
              random.pick(fields)(random, ids),
              random.pick(fields)(random, ids)
            )
          )
        ]
        for (const filter of filters) {
          const expected = jobs.filter((job) => passes(job, filter))
          const order = random.pick(["newest", "oldest"] as const)
          const found = yield* allPages(driver, filter, order, 1 + random.below(12))
          assert.deepStrictEqual(found, order === "oldest" ? expected : [...expected].reverse(), JSON.stringify(filter))
          assert.deepStrictEqual(
            yield* driver.store.jobs.count(filter),
            { count: expected.length, exact: true },
            JSON.stringify(filter)
          )
        }
      }))

    test(`keeps counters that equal a recount (seed ${seed})`, (driver) =>
      Effect.gen(function* () {
        const jobs = yield* variety(driver, new SeededRandom(seed))
        const cells = new Map<string, number>()
        for (const { group, state, task } of jobs) {
          const cell = `${group} ${task} ${state}`
          cells.set(cell, (cells.get(cell) ?? 0) + 1)
        }
        const counters = yield* driver.store.jobs.counters
        assert.deepStrictEqual(
          new Map(counters.map(({ count, group, state, task }) => [`${group} ${task} ${state}`, count])),
          cells
        )
        const { finished, live } = yield* driver.store.jobs.status
        const isLive = ({ state }: JobRecord) => ["scheduled", "pending", "running"].includes(state)
        assert.deepStrictEqual([live, finished], [jobs.filter(isLive).length, jobs.length - jobs.filter(isLive).length])
      }))
  }

  test(
    "tells how many match from its counters, and stops counting at 10,000 where it has none",
    (driver) =>
      Effect.gen(function* () {
        for (let i = 0; i < 11; i++)
          yield* driver.enqueue(Array.from({ length: 1000 }, () => ({ extra: { owner: "ann" } })))
        assert.deepStrictEqual(yield* driver.store.jobs.count({ tasks: ["task"], states: ["pending"] }), {
          count: 11_000,
          exact: true
        })
        assert.deepStrictEqual(yield* driver.store.jobs.count({ owner: "ann" }), { count: 10_000, exact: false })
      }),
    { timeoutMs: 60_000 }
  )

  test("says for each group when its next pending job was due", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      yield* driver.enqueue([
        { group: "a", delay: -500 },
        { group: "a", delay: -9000, priority: 9 },
        { group: "b", delay: 1000 }
      ])
      assert.deepStrictEqual([...(yield* driver.store.jobs.oldestPending)], [["a", start - 500]])
      yield* driver.claim(session, 1, "a")
      assert.deepStrictEqual([...(yield* driver.store.jobs.oldestPending)], [["a", start - 9000]])
      yield* driver.claim(session, 1, "a")
      assert.deepStrictEqual([...(yield* driver.store.jobs.oldestPending)], [])
    }))

  test("counts what becomes due in each step, of what waits for its time alone", (driver) =>
    Effect.gen(function* () {
      const minute = 60_000
      const dueIn = (from: number, count = 3) =>
        Effect.map(driver.store.jobs.dueIn({ from, stepMs: minute, count }), (counts) =>
          counts.map(({ group, jobs, step, task }) => `${group} ${task} ${step}: ${jobs}`).sort()
        )
      assert.deepStrictEqual(yield* dueIn(start), [])
      const { ids } = yield* driver.enqueue([{ group: "a", delay: minute }])
      yield* driver.enqueue([
        { group: "a" },
        { group: "a", delay: 1 },
        { group: "a", delay: 2 * minute - 1 },
        { group: "a", delay: 2 * minute },
        { group: "a", delay: 3 * minute - 1, task: "other" },
        { group: "a", delay: 3 * minute },
        { group: "a", delay: minute, after: ids },
        { group: "b", delay: minute + 500 }
      ])
      assert.deepStrictEqual(yield* dueIn(start), [
        "a other 2: 1",
        "a task 0: 1",
        "a task 1: 2",
        "a task 2: 1",
        "b task 1: 1"
      ])
      assert.deepStrictEqual(yield* dueIn(start + 2 * minute, 1), ["a other 0: 1", "a task 0: 4", "b task 0: 1"])
      yield* driver.store.jobs.change({ groups: ["b"] }, { _tag: "Cancel", reason: "" }, { now: start, limit: 10 })
      assert.deepStrictEqual(yield* dueIn(start + minute, 1), ["a task 0: 3"])
    }))

  test("tells what jobs take by task, group and state: exact for few, of many by some", (driver) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* driver.store.jobs.usage, [])
      const session = yield* driver.join()
      yield* driver.add({ payload: "é".repeat(49), extra: { tags: ["a"] } })
      const [job] = yield* driver.claim(session)
      yield* driver.log(session, job!, ["12345", "é"])
      yield* driver.turn({ session, progress: [{ id: job!.id, attempt: 1, value: `"${"s".repeat(8)}"`, step: "one" }] })
      yield* driver.settle(session, job!, "failed", { failure: failure("no luck") })
      yield* driver.enqueue(Array.from({ length: 500 }, (_, i) => ({ task: "other", payload: "x".repeat(i) })))
      const all = yield* driver.store.jobs.usage
      const failedText = Buffer.byteLength(JSON.stringify(failure("no luck")))
      assert.deepStrictEqual(
        all.find(({ task }) => task === "task"),
        {
          group: "group",
          task: "task",
          state: "failed",
          count: 1,
          measured: 1,
          payloadBytes: 100 + Buffer.byteLength(JSON.stringify({ tags: ["a"] })),
          resultBytes: failedText + 10,
          logBytes: 7
        }
      )
      const many = all.find(({ task }) => task === "other")!
      assert.deepInclude(many, { state: "pending", count: 500, measured: 64, resultBytes: 0, logBytes: 0 })
      assert.closeTo(many.payloadBytes / many.measured, 251.5, 10)
      assert.strictEqual(all.length, 2)
    }))

  test("finds what a session runs, and nothing that it does not run any more", (driver) =>
    Effect.gen(function* () {
      const one = yield* driver.join()
      const two = yield* driver.join()
      const { ids } = yield* driver.enqueue([{}, {}, {}, {}])
      const [first] = yield* driver.claim(one, 2)
      yield* driver.claim(two, 1)
      const of = (session: number, more: JobFilter = {}) =>
        Effect.map(driver.store.jobs.list({ ...more, session }, { limit: 10, order: "oldest" }), ({ jobs }) =>
          jobs.map(({ id }) => id)
        )
      assert.deepStrictEqual(yield* of(one), ids.slice(0, 2))
      assert.deepStrictEqual(yield* of(two), [ids[2]!])
      assert.deepStrictEqual(yield* of(two, { states: ["pending", "running"], tasks: ["task"] }), [ids[2]!])
      assert.deepStrictEqual(yield* of(two, { states: ["pending"] }), [])
      assert.deepStrictEqual(yield* driver.store.jobs.count({ session: one }), { count: 2, exact: true })
      yield* driver.settle(one, first!, "completed")
      assert.deepStrictEqual(yield* of(one), [ids[1]!])
      yield* driver.leave(one)
      assert.deepStrictEqual(yield* of(one), [])
    }))
}
