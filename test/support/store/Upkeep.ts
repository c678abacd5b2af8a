import { assert } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import type { Retention, RetentionPolicy } from "../../../src/services/Store/JobStore.ts"
import { failure, start, type StoreDriver, type StoreTest } from "./StoreDriver.ts"

const forever: Retention = { ageMs: Number.MAX_SAFE_INTEGER, count: Number.MAX_SAFE_INTEGER }
const keep = (policy: Partial<RetentionPolicy>): RetentionPolicy => ({
  completed: forever,
  failed: forever,
  cancelled: forever,
  ...policy
})

const prune = (driver: StoreDriver, policy: Partial<RetentionPolicy>, limit = 1000) =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => driver.store.jobs.prune(keep(policy), { now, limit }))

export const clauses = (test: StoreTest): void => {
  test("removes a finished job once it is older than the retention, not when it is as old", (driver) =>
    Effect.gen(function* () {
      const id = yield* driver.add()
      yield* driver.cancel(id)
      const retention = { ageMs: 1000, count: 10 }
      const policy = { completed: retention, failed: retention, cancelled: retention }
      assert.strictEqual(yield* driver.store.jobs.prune(policy, { now: start + 1000, limit: 10 }), 0)
      assert.strictEqual(yield* driver.store.jobs.prune(policy, { now: start + 1001, limit: 10 }), 1)
    }))

  test("removes finished jobs beyond their state's age, and no others", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const old = yield* driver.add()
      yield* driver.run(session, "completed")
      const failed = yield* driver.add()
      yield* driver.run(session, "failed", { failure: failure() })
      const waiting = yield* driver.add({ delay: 1_000_000 })
      yield* TestClock.adjust(10_000)
      const young = yield* driver.add()
      yield* driver.run(session, "completed")
      assert.strictEqual(yield* prune(driver, { completed: { ageMs: 5000, count: 100 } }), 1)
      assert.deepStrictEqual(
        (yield* driver.store.jobs.get([old, failed, waiting, young])).map(({ id }) => id),
        [failed, waiting, young]
      )
      assert.strictEqual(yield* prune(driver, { failed: { ageMs: 5000, count: 100 } }), 1)
      assert.strictEqual(yield* driver.get(failed), undefined)
    }))

  test("removes what is beyond its state's count, the longest finished first, up to the limit", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const { ids } = yield* driver.enqueue(Array.from({ length: 8 }, () => ({})))
      const jobs = yield* driver.claim(session)
      // Finished in the opposite order of their ids.
      for (const job of [...jobs].reverse()) {
        yield* driver.settle(session, job, "completed")
        yield* TestClock.adjust(10)
      }
      const completed = { ageMs: 1_000_000, count: 3 }
      assert.strictEqual(yield* prune(driver, { completed }, 2), 2)
      assert.strictEqual(yield* prune(driver, { completed }), 3)
      assert.strictEqual(yield* prune(driver, { completed }), 0)
      const { jobs: left } = yield* driver.store.jobs.list({}, { limit: 10, order: "oldest" })
      assert.deepStrictEqual(
        left.map(({ id }) => id),
        ids.slice(0, 3)
      )
      assert.deepStrictEqual(
        (yield* driver.store.jobs.counters).map(({ count }) => count),
        [3]
      )
    }))

  test("takes logs and labels of a pruned job with it", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const id = yield* driver.add({ extra: { tags: ["t"] } })
      const [job] = yield* driver.claim(session)
      yield* driver.log(session, job!, ["line"])
      yield* driver.settle(session, job!, "completed")
      assert.strictEqual(yield* prune(driver, { completed: { ageMs: 0, count: 0 } }), 1)
      assert.deepStrictEqual((yield* driver.store.jobs.logs(id, { after: 0, limit: 9 })).lines, [])
      assert.deepStrictEqual(yield* driver.store.jobs.count({ tag: "t" }), { count: 0, exact: true })
    }))

  test("a retried job counts from its new end", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const id = yield* driver.add()
      yield* driver.run(session, "failed", { failure: failure() })
      yield* TestClock.adjust(10_000)
      yield* driver.change({ ids: [id] }, { _tag: "Retry" })
      assert.strictEqual(yield* prune(driver, { failed: { ageMs: 5000, count: 10 } }), 0)
      yield* driver.run(session, "failed", { failure: failure() })
      assert.strictEqual(yield* prune(driver, { failed: { ageMs: 5000, count: 10 } }), 0)
      yield* TestClock.adjust(5001)
      assert.strictEqual(yield* prune(driver, { failed: { ageMs: 5000, count: 10 } }), 1)
    }))

  test("a waiting child does not notice that its completed parent was pruned", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const { ids: parents } = yield* driver.enqueue([{ priority: 1 }, {}])
      const child = yield* driver.add({ after: parents })
      const [one, two] = yield* driver.claim(session)
      yield* driver.settle(session, one!, "completed")
      yield* prune(driver, { completed: { ageMs: 0, count: 0 } })
      assert.deepStrictEqual(yield* driver.states([child]), ["scheduled"])
      yield* driver.settle(session, two!, "completed")
      assert.deepStrictEqual(yield* driver.states([child]), ["pending"])
    }))

  test("gives a role's lead to one session at a time, until its time has passed", (driver) =>
    Effect.gen(function* () {
      const one = yield* driver.join()
      const two = yield* driver.join()
      const lead = (session: number, role = "cron") =>
        Effect.flatMap(Clock.currentTimeMillis, (now) =>
          driver.store.workers.lead(role, session, { now, ttlMs: 10_000 })
        )
      assert.isTrue(yield* lead(one))
      assert.isFalse(yield* lead(two))
      assert.isTrue(yield* lead(two, "scaling"))
      yield* TestClock.adjust(9000)
      assert.isTrue(yield* lead(one), "renewed")
      yield* TestClock.adjust(9000)
      assert.isFalse(yield* lead(two))
      yield* TestClock.adjust(1001)
      assert.isTrue(yield* lead(two))
      assert.isFalse(yield* lead(one))
    }))

  test("tells what it is and how much it holds", (driver) =>
    Effect.gen(function* () {
      const before = yield* driver.store.jobs.status
      yield* driver.enqueue([{}, {}])
      const after = yield* driver.store.jobs.status
      assert.deepStrictEqual([before.live, after.live, after.finished], [0, 2, 0])
      assert.isAbove(after.bytes, 0)
      assert.notStrictEqual(driver.store.jobs.traits.label, "")
    }))
}
