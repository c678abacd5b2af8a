import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { spawnSync } from "node:child_process"
import { SqliteStore } from "../../../../src/services/Store/sqlite/SqliteStore.ts"
import { openStoreFile } from "../../../../src/services/Store/sqlite/StoreFile.ts"
import { load, type StoreDriver } from "../../../support/store/StoreDriver.ts"
import { newFile, withoutDiskWaits, withStore } from "./SqliteStores.ts"

/** One process that works, and the file as another sees it. */
const besides = <A, E>(body: (driver: StoreDriver, other: SqliteStore) => Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const path = yield* newFile
    return yield* withStore({ path, ...withoutDiskWaits }, (driver) =>
      Effect.acquireUseRelease(
        Effect.sync(() => openStoreFile({ path, durability: "relaxed", busyTimeoutMs: 1_000 })),
        ({ db }) => {
          const other = new SqliteStore(db, { maxLive: 1_000, onCommit: () => undefined })
          other.news()
          return body(driver, other)
        },
        ({ db }) => Effect.sync(() => db.close())
      )
    )
  }).pipe(Effect.scoped)

const beat = { leaseMs: 30_000, mayBlockMs: 60_000, tasks: ["task"], slots: {}, load }

describe("what a process learns of the commits of others", () => {
  it.effect("is told once, as what they would have said of it", () =>
    besides((driver, other) =>
      Effect.gen(function* () {
        yield* driver.add()
        assert.deepStrictEqual(other.news(), ["ready"])
        assert.deepStrictEqual(other.news(), [])
        const session = yield* driver.join()
        const [job] = yield* driver.claim(session)
        assert.deepStrictEqual(other.news(), [], "a claim concerns nobody")
        yield* driver.settle(session, job!, "completed")
        assert.sameMembers([...other.news()], ["ready", "finished"])
        yield* driver.store.jobs.setGroup("bench", { limit: 7 })
        assert.deepStrictEqual(other.news(), ["control"])
        yield* driver.store.jobs.setPaused(true)
        assert.deepStrictEqual(other.news(), ["control"])
        yield* driver.store.documents.put("kind", "key", "text", { now: 1 })
        assert.deepStrictEqual(other.news(), ["control"])
      })
    )
  )

  it.effect("is nothing when a worker renews its lease or its leads", () =>
    besides((driver, other) =>
      Effect.gen(function* () {
        const session = yield* driver.join()
        const now = yield* Clock.currentTimeMillis
        other.news()
        const before = other.version()
        yield* driver.store.workers.beat(session, { ...beat, now })
        yield* driver.store.workers.lead("sweep", session, { now, ttlMs: 10_000 })
        assert.notStrictEqual(other.version(), before)
        assert.deepStrictEqual(other.news(), [])
      })
    )
  )

  it.effect("costs no commit while a lead has more than half of its time left", () =>
    besides((driver, other) =>
      Effect.gen(function* () {
        const one = yield* driver.join()
        const two = yield* driver.join()
        const now = yield* Clock.currentTimeMillis
        const lead = (session: number, at: number) =>
          driver.store.workers.lead("sweep", session, { now: at, ttlMs: 10_000 })
        assert.isTrue(yield* lead(one, now))
        const taken = other.version()
        assert.isTrue(yield* lead(one, now + 4_000))
        assert.isFalse(yield* lead(two, now + 4_000))
        assert.strictEqual(other.version(), taken)
        assert.isTrue(yield* lead(one, now + 6_000))
        assert.isFalse(yield* lead(two, now + 15_000))
        assert.isTrue(yield* lead(two, now + 16_001))
      })
    )
  )

  it.effect("finds the lead of a dead process free at once", () =>
    besides((driver) =>
      Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        const { pid } = spawnSync(process.execPath, ["--eval", ""])
        const dead = yield* driver.store.workers.join(
          { name: "dead", host: "host", pid, version: "1", slots: {}, tasks: [] },
          { now, leaseMs: 30_000 }
        )
        assert.isTrue(yield* driver.store.workers.lead("sweep", dead, { now, ttlMs: 10_000 }))
        assert.isTrue(yield* driver.store.workers.lead("sweep", yield* driver.join(), { now, ttlMs: 10_000 }))
      })
    )
  )

  it.effect("sees a beat and what it adds to the roll-ups in one commit", () =>
    besides((driver, other) =>
      Effect.gen(function* () {
        const session = yield* driver.join()
        const now = yield* Clock.currentTimeMillis
        yield* driver.store.workers.beat(session, { ...beat, now })
        const beaten = other.version()
        const range = { width: 10_000, from: 0, to: now + 10_000 } as const
        assert.deepStrictEqual(
          other.resourceRollUps(range).map(({ beats }) => beats),
          [1]
        )
        assert.deepStrictEqual(
          (yield* driver.store.rollUps.resources(range)).map(({ beats }) => beats),
          [1]
        )
        assert.strictEqual(other.version(), beaten)
      })
    )
  )
})
