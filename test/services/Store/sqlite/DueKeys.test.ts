import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { Database, type Query, type Value } from "../../../../src/services/Store/sqlite/Database.ts"
import { start, type StoreDriver } from "../../../support/store/StoreDriver.ts"
import { newFile, withoutDiskWaits, withStore } from "./SqliteStores.ts"

const rated = (perMs: number) => ({ keys: [{ keys: "*", policy: { rate: { limit: 1, perMs, burst: 1 } } }] })

/** A store whose calls of statements are counted from here on. */
const counting = <A, E>(
  body: (
    driver: StoreDriver,
    calls: <B, F>(effect: Effect.Effect<B, F>) => Effect.Effect<number, F>
  ) => Effect.Effect<A, E>
) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(start)
    const path = yield* newFile
    let calls = 0
    const prepare = Database.prototype.prepare
    const counted = <C extends (...values: ReadonlyArray<Value>) => unknown>(call: C) =>
      ((...values: ReadonlyArray<Value>) => {
        calls++
        return call(...values)
      }) as C
    Database.prototype.prepare = function <Row extends ReadonlyArray<unknown>>(this: Database, sql: string) {
      const query: Query<Row> = prepare.call(this, sql) as unknown as Query<Row>
      return {
        all: counted((...values) => query.all(...values)),
        get: counted((...values) => query.get(...values)),
        run: counted((...values) => query.run(...values))
      } as unknown as ReturnType<typeof prepare<Row>>
    }
    const during = <B, F>(effect: Effect.Effect<B, F>) =>
      Effect.suspend(() => {
        const before = calls
        return Effect.map(effect, () => calls - before)
      })
    return yield* Effect.ensuring(
      withStore({ path, ...withoutDiskWaits }, (driver) => body(driver, during)),
      Effect.sync(() => {
        Database.prototype.prepare = prepare
      })
    )
  })

describe("keys that a rate lets start", () => {
  for (const others of [false, true]) {
    it.effect(
      `cost a claim no more the more of them there are${others ? ", also where they start jobs of tasks that nobody serves" : ""}`,
      () =>
        counting((driver, calls) =>
          Effect.gen(function* () {
            const session = yield* driver.join()
            yield* driver.store.jobs.setGroup("group", { limit: 10_000, policy: rated(1_000) })
            const add = (count: number, name: string, task: string) =>
              driver.enqueue(Array.from({ length: count }, (_, i) => ({ partitionKey: `${name}-${i}`, task })))
            yield* add(300, "few", "task")
            const few = yield* calls(driver.claim(session, 1))
            yield* add(2_000, "many", others ? "other" : "task")
            const many = yield* calls(driver.claim(session, 1))
            assert.isAtMost(few, 500)
            assert.isAtMost(many, few + 20)
          })
        )
    )
  }

  it.effect("all have their turn, those first that have waited longest, whatever the priority of others", () =>
    counting((driver) =>
      Effect.gen(function* () {
        const session = yield* driver.join()
        const keys = 400
        yield* driver.store.jobs.setGroup("group", { limit: 10_000, policy: rated(1_000) })
        for (const priority of [9, 1])
          yield* driver.enqueue(
            Array.from({ length: keys }, (_, i) => ({ partitionKey: `${priority}-${i}`, priority }))
          )
        const started = new Set<string | undefined>()
        for (let claim = 0; claim < 2 * keys; claim += 20)
          for (const job of yield* driver.claim(session, 20)) started.add(job.partitionKey)
        assert.strictEqual(started.size, 2 * keys)
      })
    )
  )
})
