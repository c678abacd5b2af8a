import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type { GroupPolicy } from "../../../src/services/Limits/GroupPolicy.ts"
import type { StoreDriver, StoreTest } from "./StoreDriver.ts"

const declare = (driver: StoreDriver, policy: GroupPolicy, limit: number) =>
  driver.store.jobs.declareGroups([{ name: "group", limit, policy }])

const weights = [1, 2, 4, 1]
const weighted: GroupPolicy = {
  fair: true,
  keys: weights.map((weight, i) => ({ keys: `k${i}`, policy: { weight } }))
}

export const clauses = (test: StoreTest): void => {
  for (const slots of [1, 4]) {
    test(`keys of a fair group share its starts by their weights, within one job (${slots} slots)`, (driver) =>
      Effect.gen(function* () {
        yield* declare(driver, weighted, slots)
        const session = yield* driver.join()
        for (let i = 0; i < weights.length; i++)
          yield* driver.enqueue(Array.from({ length: 120 }, () => ({ partitionKey: `k${i}` })))
        const started = new Map<string, number>()
        for (let turn = 0; turn < 160 / slots; turn++) {
          for (const job of yield* driver.claim(session)) {
            started.set(job.partitionKey!, (started.get(job.partitionKey!) ?? 0) + 1)
            yield* driver.settle(session, job, "completed")
          }
        }
        weights.forEach((weight, i) => {
          assert.closeTo(started.get(`k${i}`)!, (160 * weight) / 8, 1, `k${i}`)
        })
      }))
  }

  test("a key that was idle has no credit for it, and a backlog holds nobody up", (driver) =>
    Effect.gen(function* () {
      yield* declare(driver, { fair: true }, 1)
      const session = yield* driver.join()
      const turn = (count: number) =>
        Effect.gen(function* () {
          const keys: Array<string> = []
          for (let i = 0; i < count; i++) {
            const [job] = yield* driver.claim(session)
            keys.push(job!.partitionKey ?? "none")
            yield* driver.settle(session, job!, "completed")
          }
          return keys.join(" ")
        })
      yield* driver.enqueue(Array.from({ length: 40 }, () => ({ partitionKey: "a" })))
      yield* turn(10)
      yield* driver.enqueue(Array.from({ length: 5 }, () => ({ partitionKey: "b" })))
      yield* driver.enqueue(Array.from({ length: 5 }, () => ({})))
      const starts = (yield* turn(9)).split(" ")
      for (const key of ["a", "b", "none"]) assert.strictEqual(starts.filter((each) => each === key).length, 3, key)
    }))

  test("inside a key of a fair group priorities hold, and a ready job's rank is the tag that its key gave it", (driver) =>
    Effect.gen(function* () {
      yield* declare(driver, { fair: true }, 1)
      const session = yield* driver.join()
      const { ids } = yield* driver.enqueue([
        { partitionKey: "a", priority: 5 },
        { partitionKey: "a", priority: 9 },
        { partitionKey: "a", priority: 1 }
      ])
      assert.strictEqual((yield* driver.job(ids[0]!)).rank, 0)
      const own = (yield* driver.job(ids[2]!)).rank
      for (const i of [0, 2, 1]) {
        const [job] = yield* driver.claim(session)
        assert.strictEqual(job!.id, ids[i])
        if (i === 2) assert.strictEqual((yield* driver.job(job!.id)).rank, own, "its own is back when it runs")
        yield* driver.settle(session, job!, "completed")
      }
    }))
}
