import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { GroupPolicy } from "../../../src/services/Limits/GroupPolicy.ts"
import { parseHours } from "../../../src/services/Limits/policy/Hours.ts"
import { type StoreDriver, type StoreTest, start } from "./StoreDriver.ts"

const hour = 3_600_000
/** It is noon: the group opens in two hours, for one. */
const hours = parseHours("14:00-15:00 UTC")
const opens = start + 2 * hour

const declare = (driver: StoreDriver, policy: GroupPolicy, limit = 100) =>
  driver.store.jobs.declareGroups([{ name: "group", limit, policy }])

export const clauses = (test: StoreTest): void => {
  test("a closed group starts nothing, and says when it opens; what runs goes on", (driver) =>
    Effect.gen(function* () {
      yield* declare(driver, { hours })
      const session = yield* driver.join()
      const { ids } = yield* driver.enqueue([{}, {}, { group: "open" }])
      const claim = [
        { group: "group", limit: 1 },
        { group: "open", limit: 1 }
      ]
      const closed = yield* driver.turn({ session, claim })
      assert.deepStrictEqual(
        closed.jobs.map(({ id }) => id),
        [ids[2]]
      )
      assert.strictEqual(closed.nextDue, opens)
      assert.deepStrictEqual(yield* driver.states(ids.slice(0, 2)), ["pending", "pending"])
      yield* TestClock.setTime(opens - 1)
      assert.lengthOf((yield* driver.turn({ session, claim })).jobs, 0)
      yield* TestClock.setTime(opens)
      const opened = yield* driver.turn({ session, claim })
      assert.deepStrictEqual(
        opened.jobs.map(({ id }) => id),
        [ids[0]]
      )
      yield* TestClock.setTime(opens + hour)
      assert.isTrue(yield* driver.settle(session, opened.jobs[0]!, "completed"))
      const again = yield* driver.turn({ session, claim })
      assert.lengthOf(again.jobs, 0)
      assert.strictEqual(again.nextDue, opens + 24 * hour)
    }))

  test("a closed group starts neither what comes with the claim, nor what becomes due, nor batches", (driver) =>
    Effect.gen(function* () {
      yield* declare(driver, { hours })
      const session = yield* driver.join()
      const { ids } = yield* driver.enqueue([{ delay: 1_000 }])
      const rule = { task: "task", size: 2, waitMs: 0, keyed: false }
      yield* TestClock.setTime(start + hour)
      const { batches, jobs, nextDue, ready } = yield* driver.turn({
        session,
        enqueue: [driver.newJob({}, start + hour), driver.newJob({}, start + hour)],
        claim: [{ group: "group", limit: 5, batches: [rule] }]
      })
      assert.deepStrictEqual([batches?.length ?? 0, jobs.length, ready], [0, 0, undefined])
      assert.strictEqual(nextDue, opens)
      assert.deepStrictEqual(yield* driver.states(ids), ["pending"])
      const other = yield* driver.turn({ session, enqueue: [driver.newJob({}, start + hour)] })
      assert.deepStrictEqual([other.jobs.length, other.ready], [0, undefined])
    }))

  test("the keys of a closed group wait for it, rated and fair ones too", (driver) =>
    Effect.gen(function* () {
      yield* declare(driver, {
        hours,
        fair: true,
        rate: { limit: 100, perMs: 1_000 },
        keys: [{ keys: "rated", policy: { rate: { limit: 10, perMs: 1_000, burst: 1 } } }]
      })
      const session = yield* driver.join()
      yield* driver.enqueue([{ partitionKey: "rated" }, { partitionKey: "rated" }, { partitionKey: "b" }, {}])
      const claim = [{ group: "group", limit: 10 }]
      const closed = yield* driver.turn({ session, claim })
      assert.lengthOf(closed.jobs, 0)
      assert.strictEqual(closed.nextDue, opens)
      yield* TestClock.setTime(opens)
      const opened = yield* driver.turn({ session, claim })
      assert.lengthOf(opened.jobs, 3)
      assert.strictEqual(opened.nextDue, opens + 100)
    }))

  test("hours that change hold at once", (driver) =>
    Effect.gen(function* () {
      yield* declare(driver, { hours })
      const session = yield* driver.join()
      yield* driver.enqueue([{}, {}, {}])
      assert.lengthOf(yield* driver.claim(session, 1), 0)
      const record = yield* driver.store.jobs.setGroup("group", { policy: {} })
      assert.deepStrictEqual(record.declaredPolicy, { hours })
      assert.lengthOf(yield* driver.claim(session, 1), 1)
      yield* driver.store.jobs.setGroup("group", { policy: { hours: parseHours("11:00-13:00 UTC") } })
      assert.lengthOf(yield* driver.claim(session, 1), 1)
      yield* driver.store.jobs.setGroup("group", { policy: null })
      const closed = yield* driver.turn({ session, claim: [{ group: "group", limit: 1 }] })
      assert.deepStrictEqual([closed.jobs.length, closed.nextDue], [0, opens])
    }))

  test("hours in a zone that nobody knows never open", (driver) =>
    Effect.gen(function* () {
      yield* declare(driver, { hours: { ...hours, timeZone: "Mars/Base" } })
      const session = yield* driver.join()
      yield* driver.enqueue([{}])
      yield* TestClock.setTime(opens)
      assert.lengthOf(yield* driver.claim(session), 0)
    }))
}
