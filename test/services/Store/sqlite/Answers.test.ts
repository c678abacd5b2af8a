import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import { DatabaseSync } from "node:sqlite"
import { Asked } from "../../../../src/services/Store/Asked.ts"
import { start } from "../../../support/store/StoreDriver.ts"
import { newFile, withoutDiskWaits, withStore } from "./SqliteStores.ts"

const as =
  (number: number, origin = "here") =>
  <A, E, R>(call: Effect.Effect<A, E, R>) =>
    Effect.provideService(call, Asked, { origin, number })

const rows = (file: string): ReadonlyArray<unknown> => {
  const db = new DatabaseSync(file, { readOnly: true })
  try {
    return db.prepare("SELECT origin, method, number FROM answer ORDER BY origin, method").all()
  } finally {
    db.close()
  }
}

describe("the answers that a store in a file keeps", () => {
  it.effect("are there for who asks again when the process that answered is gone", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(start)
      const path = yield* newFile
      const options = { path, remembersCalls: true, ...withoutDiskWaits }
      const first = yield* withStore(options, (driver) =>
        Effect.gen(function* () {
          const session = yield* driver.join().pipe(as(1))
          const claimed = yield* driver
            .enqueue([{}, {}], { session, claim: [{ group: "group", limit: 1 }] })
            .pipe(as(1))
          return { session, claimed }
        })
      )
      yield* withStore(options, (driver) =>
        Effect.gen(function* () {
          assert.strictEqual(yield* driver.join().pipe(as(1)), first.session)
          assert.deepStrictEqual(yield* driver.enqueue([{}, {}], { session: first.session }).pipe(as(1)), first.claimed)
          assert.strictEqual((yield* driver.store.jobs.count({})).count, 2)
        })
      )
      assert.deepStrictEqual(
        rows(path).map((row) => ({ ...(row as object) })),
        [
          { origin: "here", method: "join", number: 1 },
          { origin: "here", method: "turn", number: 1 }
        ]
      )
    }).pipe(Effect.scoped)
  )

  it.effect("of calls that changed nothing cost no row, and are given again by the process that gave them", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(start)
      const path = yield* newFile
      yield* withStore({ path, remembersCalls: true, ...withoutDiskWaits }, (driver) =>
        Effect.gen(function* () {
          const session = yield* driver.join()
          const idle = driver.claim(session).pipe(as(1))
          assert.deepStrictEqual(yield* idle, [])
          yield* driver.add()
          assert.deepStrictEqual(yield* idle, [])
          assert.strictEqual((yield* driver.claim(session).pipe(as(2))).length, 1)
        })
      )
      assert.strictEqual(rows(path).length, 1)
    }).pipe(Effect.scoped)
  )

  it.effect("are forgotten by upkeep a day after the last call of their origin", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(start)
      const path = yield* newFile
      yield* withStore({ path, remembersCalls: true, ...withoutDiskWaits }, (driver) =>
        Effect.gen(function* () {
          const policy = { ageMs: 1e12, count: 1e6 }
          const prune = Effect.flatMap(Clock.currentTimeMillis, (now) =>
            driver.store.jobs.prune({ completed: policy, failed: policy, cancelled: policy }, { now, limit: 10 })
          )
          yield* driver.add().pipe(as(1, "old"))
          yield* TestClock.adjust("20 hours")
          yield* driver.add().pipe(as(1, "young"))
          yield* prune
          assert.strictEqual(rows(path).length, 2)
          yield* TestClock.adjust("5 hours")
          yield* prune
          assert.deepStrictEqual(
            rows(path).map((row) => ({ ...(row as object) })),
            [{ origin: "young", method: "turn", number: 1 }]
          )
        })
      )
    }).pipe(Effect.scoped)
  )

  it.effect("are not kept where nobody told the store to", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(start)
      const path = yield* newFile
      yield* withStore({ path, ...withoutDiskWaits }, (driver) =>
        Effect.gen(function* () {
          yield* driver.add().pipe(as(1))
          yield* driver.add().pipe(as(1))
          assert.strictEqual((yield* driver.store.jobs.count({})).count, 2)
        })
      )
      assert.deepStrictEqual(rows(path), [])
    }).pipe(Effect.scoped)
  )
})
