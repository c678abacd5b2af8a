import { assert } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import type { GroupPolicy } from "../../../src/services/Limits/GroupPolicy.ts"
import { type StoreDriver, type StoreTest, start } from "./StoreDriver.ts"

const second = 1_000

const declare = (driver: StoreDriver, policy: GroupPolicy, limit = 1_000) =>
  driver.store.jobs.declareGroups([{ name: "group", limit, policy }])

const rated: GroupPolicy = { keys: [{ keys: "*", policy: { rate: { limit: 10, perMs: second, burst: 2 } } }] }

const keyOf = (driver: StoreDriver, key: string) =>
  Effect.map(driver.store.jobs.limitKeys({ group: "group", keys: [key] }, 1), ([record]) => record)

/** When jobs started while a claimer looked whenever the store said so, until `until` ms after the start. */
const drain = (driver: StoreDriver, session: number, until: number, limit = 100) =>
  Effect.gen(function* () {
    const starts: Array<number> = []
    for (;;) {
      const now = (yield* Clock.currentTimeMillis) - start
      const { jobs, nextDue } = yield* driver.turn({ session, claim: [{ group: "group", limit }] })
      for (const _ of jobs) starts.push(now)
      for (const job of jobs) yield* driver.settle(session, job, "completed")
      if (nextDue === undefined) return starts
      assert.isAbove(nextDue - start, now, "a time to look again is not past")
      if (nextDue - start > until) return starts
      yield* TestClock.setTime(Math.ceil(nextDue))
    }
  })

/** Most starts in any window. */
const mostIn = (starts: ReadonlyArray<number>, windowMs: number): number =>
  starts.reduce((most, from) => Math.max(most, starts.filter((at) => at >= from && at < from + windowMs).length), 0)

export const clauses = (test: StoreTest): void => {
  test("starts of a rated key keep to its rate and burst in every window, and use nearly all of it", (driver) =>
    Effect.gen(function* () {
      yield* declare(driver, rated)
      const session = yield* driver.join()
      yield* driver.enqueue(Array.from({ length: 100 }, () => ({ partitionKey: "a" })))
      const starts = yield* drain(driver, session, 9 * second)
      for (const windowMs of [100, 500, second, 3 * second])
        assert.isAtMost(mostIn(starts, windowMs), (10 * windowMs) / second + 2 + 1, `${windowMs}`)
      assert.isAtLeast(starts.length, 0.97 * 90)
    }))

  test("no job of a rated key is ready between turns, and others start meanwhile", (driver) =>
    Effect.gen(function* () {
      yield* declare(driver, rated)
      const session = yield* driver.join()
      const { ids } = yield* driver.enqueue([{ partitionKey: "a" }, { partitionKey: "a" }, { partitionKey: "a" }, {}])
      assert.deepStrictEqual(yield* driver.states(ids), ["scheduled", "scheduled", "scheduled", "pending"])
      assert.deepStrictEqual(
        (yield* driver.claim(session)).map(({ id }) => id),
        [ids[0], ids[1], ids[3]]
      )
      const job = yield* driver.job(ids[2]!)
      assert.deepStrictEqual([job.state, job.waitReason], ["scheduled", "limit"])
      const record = (yield* keyOf(driver, "a"))!
      assert.deepStrictEqual([record.waiting, record.running, record.waitingSince], [1, 2, start])
      assert.closeTo(record.nextAt!, start + 100, 0.01)
    }))

  test("a claim takes jobs of rated keys and others in order of rank, and charges only what it starts", (driver) =>
    Effect.gen(function* () {
      yield* declare(driver, rated)
      const session = yield* driver.join()
      const { ids } = yield* driver.enqueue([
        { partitionKey: "a", priority: 5 },
        { priority: 4 },
        { partitionKey: "b", priority: 3 },
        { partitionKey: "a", priority: 1 }
      ])
      const order = [3, 2, 1, 0]
      for (const i of order) {
        assert.deepStrictEqual(
          (yield* driver.claim(session, 1)).map(({ id }) => id),
          [ids[i]],
          `${i}`
        )
      }
    }))

  test("a start costs what its job says", (driver) =>
    Effect.gen(function* () {
      yield* declare(driver, { keys: [{ keys: "a", policy: { rate: { limit: 10, perMs: second, burst: 4 } } }] })
      const session = yield* driver.join()
      yield* driver.enqueue([1.5, 2.5, 20, 1].map((cost) => ({ partitionKey: "a", extra: { cost } })))
      assert.deepStrictEqual(yield* drain(driver, session, 10 * second), [0, 0, 400, 2_100])
    }))

  test("a rate of a group bounds all its jobs together, those without a key too", (driver) =>
    Effect.gen(function* () {
      yield* declare(driver, { rate: { limit: 10, perMs: second, burst: 1 } })
      const session = yield* driver.join()
      yield* driver.enqueue([{}, { partitionKey: "a" }, {}, { partitionKey: "b" }])
      assert.deepStrictEqual(yield* drain(driver, session, second), [0, 100, 200, 300])
    }))

  test("a rate may be taken from outside jobs, and is one with theirs", (driver) =>
    Effect.gen(function* () {
      yield* declare(driver, { ...rated, rate: { limit: 1, perMs: second, burst: 1 } })
      const session = yield* driver.join()
      const { jobs } = driver.store
      const take = (cost: number, key?: string) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) =>
          jobs.takeUnits({ group: "group", cost, now, ...(key !== undefined && { key }) })
        )
      assert.deepStrictEqual(yield* take(2, "a"), { taken: true, at: start })
      const refused = yield* take(1, "a")
      assert.isFalse(refused.taken)
      assert.closeTo(refused.at, start + 100, 0.01)
      assert.isTrue((yield* take(1)).taken, "the group has its own")
      assert.isFalse((yield* take(1)).taken)
      yield* driver.enqueue([{ partitionKey: "a" }])
      assert.deepStrictEqual(yield* driver.claim(session), [])
      assert.isTrue((yield* jobs.takeUnits({ group: "nobody", cost: 5, now: start })).taken, "where there is no rate")
    }))

  test("when the other side says when to come again, its key starts nothing before then, and no attempt is spent", (driver) =>
    Effect.gen(function* () {
      yield* declare(driver, { keys: [{ keys: "a", policy: { concurrency: 5 } }] })
      const session = yield* driver.join()
      yield* driver.enqueue([{ partitionKey: "a" }, { partitionKey: "a" }, {}])
      const [job] = yield* driver.claim(session, 1)
      yield* driver.settle(session, job!, "release", { heldBackUntil: start + 2 * second })
      const held = yield* driver.job(job!.id)
      assert.deepStrictEqual([held.state, held.due, held.attempt], ["scheduled", start + 2 * second, 0])
      const { jobs, nextDue } = yield* driver.turn({ session, claim: [{ group: "group", limit: 9 }] })
      assert.deepStrictEqual(
        jobs.map(({ partitionKey }) => partitionKey),
        [undefined]
      )
      assert.strictEqual(nextDue, start + 2 * second)
      assert.strictEqual((yield* keyOf(driver, "a"))!.heldBackUntil, start + 2 * second)
      yield* TestClock.adjust(2 * second)
      assert.strictEqual((yield* driver.claim(session)).length, 2)
    }))

  test("where no key is limited its group starts nothing before then; the latest of what was said holds", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      yield* driver.enqueue([{}, {}, {}])
      const [one, two] = yield* driver.claim(session, 2)
      yield* driver.settle(session, one!, "release", { heldBackUntil: start + 3 * second })
      yield* driver.settle(session, two!, "release", { heldBackUntil: start + second })
      const { jobs, nextDue } = yield* driver.turn({ session, claim: [{ group: "group", limit: 9 }] })
      assert.deepStrictEqual(jobs, [])
      assert.isDefined(nextDue)
      yield* TestClock.adjust(second)
      assert.deepStrictEqual(yield* driver.claim(session), [])
      yield* TestClock.adjust(2 * second)
      assert.strictEqual((yield* driver.claim(session)).length, 3)
    }))

  test("jobs of a rated key become a batch as far as its rate allows", (driver) =>
    Effect.gen(function* () {
      yield* declare(driver, rated)
      const session = yield* driver.join()
      yield* driver.enqueue(Array.from({ length: 4 }, () => ({ partitionKey: "a" })))
      const { batches } = yield* driver.turn({
        session,
        claim: [{ group: "group", limit: 1, batches: [{ task: "task", size: 3, waitMs: 0, keyed: false }] }]
      })
      assert.deepStrictEqual(
        batches?.map((batch) => batch.length),
        [2]
      )
      assert.strictEqual((yield* keyOf(driver, "a"))!.waiting, 2)
    }))
}
