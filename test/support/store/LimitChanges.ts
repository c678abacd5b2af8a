import { assert } from "@effect/vitest"
import { Clock, Effect } from "effect"
import type { GroupPolicy } from "../../../src/services/Limits/GroupPolicy.ts"
import { noRankings } from "../../../src/services/Queue/policy/Order.ts"
import type { StoreDriver, StoreTest } from "./StoreDriver.ts"

const one: GroupPolicy = { keys: [{ keys: "*", policy: { concurrency: 1 } }] }
const three: GroupPolicy = { keys: [{ keys: "*", policy: { concurrency: 3 } }] }

const standing = (driver: StoreDriver, ids: Parameters<StoreDriver["states"]>[0]) =>
  Effect.map(driver.store.jobs.get(ids), (jobs) => jobs.map(({ state, waitReason }) => waitReason ?? state))

export const clauses = (test: StoreTest): void => {
  test("an operator's policy goes before the declared one, and null returns to it; without one the declared stays", (driver) =>
    Effect.gen(function* () {
      const { jobs } = driver.store
      yield* jobs.declareGroups([{ name: "group", limit: 5, policy: one }])
      yield* jobs.declareGroups([{ name: "group", limit: 5 }])
      const set = yield* jobs.setGroup("group", { policy: three })
      assert.deepStrictEqual([set.policy, set.declaredPolicy, set.operatorPolicy], [three, one, three])
      const back = yield* jobs.setGroup("group", { policy: null })
      assert.deepStrictEqual([back.policy, back.operatorPolicy], [one, undefined])
    }))

  test("a new limit holds for the jobs that are there: what is ready beyond it waits, what runs counts and goes on", (driver) =>
    Effect.gen(function* () {
      const { jobs } = driver.store
      const session = yield* driver.join()
      const { ids } = yield* driver.enqueue(Array.from({ length: 5 }, () => ({ partitionKey: "a" })))
      const [running] = yield* driver.claim(session, 1)
      yield* jobs.setGroup("group", { policy: three })
      assert.deepStrictEqual(yield* standing(driver, ids), ["running", "pending", "pending", "limit", "limit"])
      yield* jobs.setGroup("group", { policy: one })
      assert.deepStrictEqual(yield* standing(driver, ids), ["running", "limit", "limit", "limit", "limit"])
      yield* driver.settle(session, running!, "completed")
      assert.deepStrictEqual(yield* standing(driver, ids.slice(1)), ["pending", "limit", "limit", "limit"])
      yield* jobs.setGroup("group", { policy: null })
      assert.deepStrictEqual(yield* standing(driver, ids.slice(1)), ["pending", "pending", "pending", "pending"])
      assert.deepStrictEqual(yield* jobs.limitKeys({}, 10), [])
    }))

  test("a group that becomes fair, and is so no more, gives its jobs tags and their own ranks again", (driver) =>
    Effect.gen(function* () {
      const { jobs } = driver.store
      const { ids } = yield* driver.enqueue([{ partitionKey: "a" }, { partitionKey: "a" }, {}])
      const ranks = Effect.map(jobs.get(ids), (found) => found.map(({ rank }) => rank))
      const own = yield* ranks
      yield* jobs.setGroup("group", { limit: 5, policy: { fair: true } })
      assert.deepStrictEqual(yield* ranks, [0, 1, 0])
      yield* jobs.setGroup("group", { policy: null })
      assert.deepStrictEqual(yield* ranks, own)
    }))

  test("an operator's policy for one key holds over the rules, and of a paused key nothing starts", (driver) =>
    Effect.gen(function* () {
      const { jobs } = driver.store
      yield* jobs.declareGroups([{ name: "group", limit: 9, policy: one }])
      const session = yield* driver.join()
      const { ids } = yield* driver.enqueue([{ partitionKey: "a" }, { partitionKey: "a" }, { partitionKey: "b" }])
      const set = yield* jobs.setKey("group", "a", { policy: { concurrency: 2 } })
      assert.deepStrictEqual([set.policy, set.ownPolicy, set.held], [{ concurrency: 2 }, { concurrency: 2 }, 2])
      const paused = yield* jobs.setKey("group", "a", { paused: true })
      assert.deepStrictEqual([paused.paused, paused.held, paused.waiting], [true, 0, 2])
      assert.deepStrictEqual(
        (yield* driver.claim(session)).map(({ id }) => id),
        [ids[2]]
      )
      yield* jobs.setKey("group", "a", { paused: false, policy: null })
      assert.deepStrictEqual(yield* standing(driver, ids.slice(0, 2)), ["pending", "limit"])
    }))

  test("a key without any rule may be paused, and its jobs go on when it is resumed", (driver) =>
    Effect.gen(function* () {
      const { jobs } = driver.store
      const session = yield* driver.join()
      yield* driver.enqueue([{ partitionKey: "a" }, { partitionKey: "b" }])
      yield* jobs.setKey("group", "a", { paused: true })
      assert.deepStrictEqual(
        (yield* driver.claim(session)).map(({ partitionKey }) => partitionKey),
        ["b"]
      )
      yield* jobs.setKey("group", "a", { paused: false })
      assert.strictEqual((yield* driver.claim(session)).length, 1)
      assert.deepStrictEqual(yield* jobs.limitKeys({}, 10), [])
    }))

  test("a job that is edited into another group leaves its key and meets the limits there", (driver) =>
    Effect.gen(function* () {
      const { jobs } = driver.store
      yield* jobs.declareGroups([
        { name: "group", limit: 9, policy: one },
        { name: "other", limit: 9, policy: one }
      ])
      const { ids } = yield* driver.enqueue([
        { partitionKey: "a" },
        { partitionKey: "a" },
        { partitionKey: "a", group: "other" }
      ])
      yield* driver.change({ ids: [ids[0]!] }, { _tag: "Edit", group: "other", rankings: noRankings })
      assert.deepStrictEqual(yield* standing(driver, ids), ["limit", "pending", "pending"])
    }))

  test("an edit or another order of the group leaves a job the slots that it holds", (driver) =>
    Effect.gen(function* () {
      yield* driver.store.jobs.declareGroups([{ name: "group", limit: 9, policy: one }])
      const { ids } = yield* driver.enqueue([{ partitionKey: "a" }, { partitionKey: "a" }])
      yield* driver.change({ ids: [ids[0]!] }, { _tag: "Edit", priority: 10, rankings: noRankings })
      yield* driver.change({ ids }, { _tag: "Rank", rankings: noRankings })
      assert.deepStrictEqual(yield* standing(driver, ids), ["pending", "limit"])
    }))

  test("lists limited keys with the most waiting jobs first, by group and by name", (driver) =>
    Effect.gen(function* () {
      const { jobs } = driver.store
      yield* jobs.declareGroups([{ name: "group", limit: 9, policy: one }])
      yield* jobs.declareGroups([{ name: "other", limit: 9, policy: one }])
      yield* driver.enqueue(["a", "b", "b", "b", "c", "c"].map((partitionKey) => ({ partitionKey })))
      yield* driver.enqueue([{ partitionKey: "a", group: "other" }])
      const names = (filter: Parameters<typeof jobs.limitKeys>[0], limit = 10) =>
        Effect.map(jobs.limitKeys(filter, limit), (keys) => keys.map(({ group, key }) => `${group} ${key}`))
      assert.deepStrictEqual(yield* names({}), ["group b", "group c", "group a", "other a"])
      assert.deepStrictEqual(yield* names({}, 1), ["group b"])
      assert.deepStrictEqual(yield* names({ group: "other" }), ["other a"])
      assert.deepStrictEqual(yield* names({ keys: ["a", "nobody"] }), ["group a", "other a"])
    }))

  test("a group that is removed takes its policy and those of its keys along", (driver) =>
    Effect.gen(function* () {
      const { jobs } = driver.store
      yield* jobs.setGroup("group", { policy: one })
      yield* jobs.setKey("group", "a", { paused: true })
      assert.isTrue(yield* jobs.removeGroup("group"))
      assert.deepStrictEqual(yield* jobs.limitKeys({}, 10), [])
      assert.deepStrictEqual((yield* jobs.setGroup("group", {})).policy, {})
    }))

  test("finds nothing to repair in what it did itself", (driver) =>
    Effect.gen(function* () {
      const { jobs } = driver.store
      yield* jobs.declareGroups([{ name: "group", limit: 9, policy: { fair: true, ...one } }])
      const session = yield* driver.join()
      yield* driver.enqueue(["a", "a", "b"].map((partitionKey) => ({ partitionKey })))
      yield* driver.claim(session, 1)
      assert.strictEqual(yield* jobs.repairKeys(yield* Clock.currentTimeMillis), 0)
    }))
}
