import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { JobId } from "../../../src/services/Queue/Job.ts"
import type { BatchClaim, ClaimedJob, Settle, SettleOutcome } from "../../../src/services/Store/Turn.ts"
import { SeededRandom, seeds } from "../SeededRandom.ts"
import { leaseMs, start, type StoreDriver, type StoreTest } from "./StoreDriver.ts"

const rule: BatchClaim = { task: "task", size: 3, waitMs: 100, keyed: false }

const many = (count: number, spec: object = {}) => Array.from({ length: count }, () => spec)

const ask = (driver: StoreDriver, session: number, limit = 100, batches: ReadonlyArray<BatchClaim> = [rule]) =>
  driver.turn({ session, claim: [{ group: "group", limit, batches }] })

const idsOf = (batches: ReadonlyArray<ReadonlyArray<ClaimedJob>> | undefined): ReadonlyArray<ReadonlyArray<JobId>> =>
  (batches ?? []).map((batch) => batch.map(({ id }) => id))

const settled = (job: ClaimedJob, outcome: SettleOutcome = "completed"): Settle => ({
  id: job.id,
  attempt: job.attempt,
  outcome,
  result: undefined,
  failure: undefined,
  due: start,
  rank: start,
  runMs: 1
})

const busy = (driver: StoreDriver) =>
  Effect.map(driver.store.jobs.groups, (groups) => groups.find(({ name }) => name === "group")!.busy)

export const clauses = (test: StoreTest): void => {
  test("hands out full batches at once, in order of rank, and keeps the rest for their time", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const { ids } = yield* driver.enqueue(many(7))
      const first = yield* ask(driver, session)
      assert.deepStrictEqual(idsOf(first.batches), [ids.slice(0, 3), ids.slice(3, 6)])
      assert.deepStrictEqual([first.jobs, first.nextDue], [[], start + 100])
      yield* TestClock.adjust(99)
      assert.deepStrictEqual((yield* ask(driver, session)).batches, [])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(idsOf((yield* ask(driver, session)).batches), [ids.slice(6)])
    }))

  test("sees a batch fill up before its time, whoever enqueues", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      yield* driver.enqueue(many(2))
      assert.deepStrictEqual((yield* ask(driver, session)).batches, [])
      yield* driver.enqueue(many(1))
      assert.strictEqual((yield* ask(driver, session)).batches![0]!.length, 3)
    }))

  test("takes one slot of the group's limit per batch, over all workers, until its first job is settled", (driver) =>
    Effect.gen(function* () {
      yield* driver.store.jobs.declareGroups([{ name: "group", limit: 2 }])
      const one = yield* driver.join()
      const two = yield* driver.join()
      yield* driver.enqueue(many(12))
      const [a] = (yield* ask(driver, one, 1)).batches!
      const [b] = (yield* ask(driver, two, 5)).batches!
      assert.strictEqual(yield* busy(driver), 2)
      assert.deepStrictEqual((yield* ask(driver, one)).batches, [])
      yield* driver.turn({ session: one, settle: [settled(a![1]!), settled(a![2]!, "retry")] })
      assert.strictEqual(yield* busy(driver), 2, "its first job still holds the slot")
      yield* driver.turn({ session: one, settle: [settled(a![0]!, "release")] })
      assert.strictEqual(yield* busy(driver), 1)
      yield* driver.turn({ session: two, settle: b!.map((job) => settled(job)) })
      assert.strictEqual(yield* busy(driver), 0)
      assert.strictEqual((yield* ask(driver, one)).batches!.length, 2)
    }))

  test("batches and single jobs share a group in order of rank", (driver) =>
    Effect.gen(function* () {
      yield* driver.store.jobs.declareGroups([{ name: "group", limit: 4 }])
      const session = yield* driver.join(["task", "single"])
      const { ids } = yield* driver.enqueue([
        { task: "single" },
        ...many(3),
        { task: "single" },
        ...many(3, { priority: 9 }),
        { task: "single", priority: 10 }
      ])
      const { batches, jobs } = yield* ask(driver, session)
      assert.deepStrictEqual(
        [jobs.map(({ id }) => id), idsOf(batches)],
        [
          [ids[0], ids[4]],
          [ids.slice(1, 4), ids.slice(5, 8)]
        ]
      )
      assert.strictEqual(yield* busy(driver), 4)
    }))

  test("new jobs of a batch task do not start alone in the turn that stores them", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join(["task", "single"])
      const parts = { session, claim: [{ group: "group", limit: 9, batches: [rule] }] }
      const { batches, jobs } = yield* driver.enqueue([{}, { task: "single" }, {}], parts)
      assert.deepStrictEqual([jobs.map(({ task }) => task), batches], [["single"], []])
    }))

  test("keeps the keys apart where the batch is keyed, and fills each from behind the others", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const keyed = [{ ...rule, keyed: true }]
      const { ids } = yield* driver.enqueue(["a", "b", "a", "b", "a"].map((partitionKey) => ({ partitionKey })))
      assert.deepStrictEqual(idsOf((yield* ask(driver, session, 9, keyed)).batches), [[ids[0], ids[2], ids[4]]])
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(idsOf((yield* ask(driver, session, 9, keyed)).batches), [[ids[1], ids[3]]])
    }))

  test("a job that was lost with its worker comes alone", (driver) =>
    Effect.gen(function* () {
      yield* driver.store.jobs.declareGroups([{ name: "group", limit: 5 }])
      const session = yield* driver.join()
      const { ids } = yield* driver.enqueue(many(3))
      yield* ask(driver, session)
      yield* TestClock.adjust(leaseMs)
      yield* driver.sweep()
      assert.strictEqual(yield* busy(driver), 0)
      const next = yield* driver.join()
      yield* driver.enqueue(many(3))
      const batches = idsOf((yield* ask(driver, next)).batches)
      assert.deepStrictEqual(batches.slice(0, 3), [[ids[0]], [ids[1]], [ids[2]]])
      assert.deepStrictEqual(batches[3]!.length, 3)
    }))

  test("a job past its expiry leaves the batch, and another holds the slot", (driver) =>
    Effect.gen(function* () {
      yield* driver.store.jobs.declareGroups([{ name: "group", limit: 1 }])
      const session = yield* driver.join()
      const { ids } = yield* driver.enqueue([{ expiresIn: 10 }, {}, {}])
      yield* TestClock.adjust(10)
      const { batches } = yield* ask(driver, session)
      assert.deepStrictEqual(idsOf(batches), [ids.slice(1)])
      assert.strictEqual((yield* driver.job(ids[0]!)).state, "cancelled")
      assert.strictEqual(yield* busy(driver), 1)
      yield* driver.turn({ session, settle: batches![0]!.map((job) => settled(job)) })
      assert.strictEqual(yield* busy(driver), 0)
    }))

  test("whatever becomes of batches, the slots taken are the batches that run", (driver) =>
    Effect.gen(function* () {
      yield* driver.store.jobs.declareGroups([{ name: "group", limit: 3 }])
      for (const seed of seeds(10)) {
        const random = new SeededRandom(seed)
        let session = yield* driver.join()
        let open: Array<Array<ClaimedJob>> = []
        for (let step = 0; step < 40; step++) {
          const parts = { session, claim: [{ group: "group", limit: 3, batches: [rule] }] }
          const { batches } = yield* driver.enqueue(many(random.below(6)), parts)
          open.push(...batches!.map((batch) => [...batch]))
          assert.isAtMost(open.length, 3)
          assert.strictEqual(yield* busy(driver), open.length)
          if (random.below(12) === 0) {
            yield* driver.store.workers.leave(session, start)
            session = yield* driver.join()
            open = []
          }
          const settle: Array<Settle> = []
          for (const batch of open) {
            while (batch.length > 0 && random.below(3) > 0) {
              const outcome = (["completed", "failed", "cancelled", "retry", "release"] as const)[random.below(5)]!
              settle.push(settled(batch.pop()!, outcome))
            }
          }
          yield* driver.turn({ session, settle })
          open = open.filter(({ length }) => length > 0)
          assert.strictEqual(yield* busy(driver), open.length)
        }
        yield* driver.store.workers.leave(session, start)
        assert.strictEqual(yield* busy(driver), 0)
      }
    }))
}
