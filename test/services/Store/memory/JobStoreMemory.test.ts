import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import type { JobId } from "../../../../src/services/Queue/Job.ts"
import * as JobStoreMemory from "../../../../src/services/Store/memory/JobStoreMemory.ts"
import { suite } from "../../../support/JobStoreSuite.ts"
import { start, storeTest } from "../../../support/store/StoreDriver.ts"

suite("memory", (options) => JobStoreMemory.layer(options))

const test = storeTest((options) => JobStoreMemory.layer(options))
const testUnbounded = storeTest((options) => JobStoreMemory.layer({ ...options, maxFinished: 1_000_000 }))
const testFew = storeTest((options) => JobStoreMemory.layer({ ...options, maxFinished: 3 }))

describe("JobStoreMemory", () => {
  test("answers a turn in the caller's stack", (driver) =>
    Effect.sync(() => {
      const turn = driver.store.jobs.turnSync!
      const { ids } = turn({
        now: start,
        session: 0,
        settle: [],
        enqueue: [driver.newJob({}, start)],
        batches: undefined,
        claim: [],
        progress: [],
        logs: []
      })
      assert.strictEqual(ids.length, 1)
    }))

  test("hands the handler the very payload, and the caller the very result", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const payload = { list: [1] }
      const result = { sum: 1 }
      const id = yield* driver.add({ payload })
      const claimed = yield* driver.run(session, "completed", { result })
      assert.strictEqual(claimed.payload, payload)
      assert.strictEqual((yield* driver.job(id)).result, result)
    }))

  testUnbounded("cancels a chain of 100,000 jobs from its head without running out of stack", (driver) =>
    Effect.gen(function* () {
      const { ids } = yield* driver.enqueue([{}])
      const turn = driver.store.jobs.turnSync!
      let last = ids[0]!
      const parts = { now: start, session: 0, settle: [], batches: undefined, claim: [], progress: [], logs: [] }
      for (let i = 1; i < 100_000; i++) {
        last = turn({ ...parts, enqueue: [driver.newJob({ after: [last] }, start)] }).ids[0]!
      }
      yield* driver.cancel(ids[0]!)
      assert.deepStrictEqual(yield* driver.store.jobs.count({ states: ["cancelled"] }), { count: 100_000, exact: true })
    })
  )

  test("lets a listener call the store", (driver) =>
    Effect.scoped(
      Effect.gen(function* () {
        const session = yield* driver.join()
        const claimed: Array<JobId> = []
        yield* driver.store.jobs.onWake((wake) => {
          if (wake !== "ready") return
          const { jobs } = driver.store.jobs.turnSync!({
            now: start,
            session,
            settle: [],
            enqueue: [],
            batches: undefined,
            claim: [{ group: "group", limit: 1 }],
            progress: [],
            logs: []
          })
          claimed.push(...jobs.map(({ id }) => id))
        })
        const { ids } = yield* driver.enqueue([{}, {}])
        assert.deepStrictEqual(claimed, [ids[0]!])
      })
    ))

  test("finds jobs by id after most of their neighbours were removed, and after all of them were", (driver) =>
    Effect.gen(function* () {
      const { ids } = yield* driver.enqueue(
        Array.from({ length: 5000 }, (_, i) => ({ task: `task ${i % 3}`, extra: { owner: `o ${i % 2}` } }))
      )
      const kept = ids.filter((_, i) => i % 700 === 3)
      const removed = ids.filter((id) => !kept.includes(id))
      for (let i = 0; i < removed.length; i += 1000) {
        yield* driver.change({ ids: removed.slice(i, i + 1000) }, { _tag: "Remove" })
      }
      assert.deepStrictEqual(
        (yield* driver.store.jobs.get(ids)).map(({ id }) => id),
        kept
      )
      for (const filter of [{}, { tasks: ["task 0", "task 1", "task 2"] }]) {
        assert.deepStrictEqual(
          (yield* driver.store.jobs.list(filter, { limit: 100, order: "oldest" })).jobs.map(({ id }) => id),
          kept
        )
      }
      const owned = yield* driver.store.jobs.list({ owner: "o 1" }, { limit: 100, order: "newest" })
      assert.deepStrictEqual(
        owned.jobs.map(({ id }) => id),
        kept.filter((id) => ids.indexOf(id) % 2 === 1).reverse()
      )
      yield* driver.change({ ids: kept }, { _tag: "Remove" })
      assert.deepStrictEqual((yield* driver.store.jobs.list({}, { limit: 100, order: "oldest" })).jobs, [])
      const fresh = yield* driver.add()
      assert.deepStrictEqual(
        (yield* driver.store.jobs.list({}, { limit: 100, order: "oldest" })).jobs.map(({ id }) => id),
        [fresh]
      )
    }))

  testFew("keeps no more finished jobs of a state than it is allowed, whatever the retention: the newest", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const { ids } = yield* driver.enqueue(Array.from({ length: 10 }, () => ({})))
      const jobs = yield* driver.claim(session)
      for (const job of jobs.slice(0, 8)) yield* driver.settle(session, job, "completed")
      for (const job of jobs.slice(8)) yield* driver.settle(session, job, "failed")
      yield* driver.turn({})
      const kept = yield* driver.store.jobs.get(ids)
      assert.deepStrictEqual(
        kept.map(({ id }) => id),
        ids.slice(5)
      )
      assert.strictEqual((yield* driver.store.jobs.count({})).count, 5)
    })
  )
})
