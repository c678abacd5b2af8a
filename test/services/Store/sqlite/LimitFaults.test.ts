import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import type { GroupPolicy } from "../../../../src/services/Limits/GroupPolicy.ts"
import type { ClaimedJob } from "../../../../src/services/Store/Turn.ts"
import { Database } from "../../../../src/services/Store/sqlite/Database.ts"
import { check } from "../../../../src/services/Store/sqlite/Maintenance.ts"
import { StoreFault, unavailable } from "../../../../src/services/Store/sqlite/StoreFault.ts"
import { SeededRandom, seeds } from "../../../support/SeededRandom.ts"
import { start, type StoreDriver } from "../../../support/store/StoreDriver.ts"
import { newFile, withoutDiskWaits, withStore } from "./SqliteStores.ts"

const steps = 150

const policies: ReadonlyArray<GroupPolicy> = [
  { keys: [{ keys: "*", policy: { concurrency: 1 } }] },
  { keys: [{ keys: "*", policy: { concurrency: 3 } }] },
  { fair: true, keys: [{ keys: "a", policy: { weight: 3 } }] },
  { keys: [{ keys: "*", policy: { rate: { limit: 5, perMs: 1_000, burst: 2 } } }] },
  { keys: [{ keys: "*", policy: { order: "fifo" } }] },
  { rate: { limit: 20, perMs: 1_000 } }
]

/** Some transactions are undone when all of them is written and nothing is committed. */
const failing = <A, E, R>(isFailing: () => boolean, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
  const write = Database.prototype.write
  return Effect.acquireUseRelease(
    Effect.sync(() => {
      Database.prototype.write = function <B>(this: Database, body: () => B): B {
        return write.call(this, () => {
          const result = body()
          if (isFailing()) throw new StoreFault(unavailable("the disk has failed"))
          return result
        }) as B
      }
    }),
    () => effect,
    () =>
      Effect.sync(() => {
        Database.prototype.write = write
      })
  )
}

/** What one of several processes does, at random. */
const act = (driver: StoreDriver, session: number, running: Array<ClaimedJob>, random: SeededRandom) =>
  Effect.gen(function* () {
    switch (random.below(7)) {
      case 0:
      case 1:
        return yield* driver.enqueue(
          Array.from({ length: 1 + random.below(4) }, () => ({
            partitionKey: random.pick(["a", "b", "c"]),
            maxAttempts: 100,
            ...(random.chance(0.3) && { delay: random.below(2_000) }),
            ...(random.chance(0.2) && { extra: { slots: 2 } })
          }))
        )
      case 2:
      case 3:
        return running.push(...(yield* driver.claim(session, 1 + random.below(4))))
      case 4:
      case 5: {
        const [job] = running.splice(random.below(running.length), 1)
        if (job === undefined) return
        return yield* driver.settle(
          session,
          job,
          random.pick(["completed", "retry", "release", "cancelled"] as const),
          {
            delay: random.below(1_000)
          }
        )
      }
      default:
        return yield* random.chance(0.5)
          ? driver.store.jobs.setGroup("group", { policy: random.pick(policies), limit: 1 + random.below(6) })
          : driver.store.jobs.setKey("group", "b", { paused: random.chance(0.5) })
    }
  })

describe("limited jobs of a file that two stores have open", () => {
  for (const seed of seeds(3)) {
    it.effect(
      `are counted by their keys, whatever fails (${steps} steps, repeat with SLUICE_SEED=${seed})`,
      () =>
        Effect.gen(function* () {
          yield* TestClock.setTime(start)
          const file = yield* newFile
          const random = new SeededRandom(seed)
          const options = { path: file, ...withoutDiskWaits }
          yield* withStore(options, (one) =>
            withStore(options, (other) =>
              Effect.gen(function* () {
                yield* one.store.jobs.setGroup("group", { policy: policies[0]!, limit: 5 })
                const sides: Array<{ driver: StoreDriver; session: number; running: Array<ClaimedJob> }> = []
                for (const driver of [one, other]) sides.push({ driver, session: yield* driver.join(), running: [] })
                let isUnderWay = true
                yield* failing(
                  () => isUnderWay && random.chance(0.15),
                  Effect.gen(function* () {
                    for (let step = 0; step < steps; step++) {
                      const { driver, running, session } = random.pick(sides)
                      yield* Effect.ignore(act(driver, session, running, random))
                      yield* TestClock.adjust(random.below(300))
                      if (step % 10 !== 0) continue
                      assert.deepStrictEqual((yield* check(file)).findings, [], `after step ${step}`)
                    }
                    isUnderWay = false
                  })
                )
                for (const { driver, session } of sides) yield* driver.leave(session)
                for (const driver of [one, other])
                  assert.strictEqual(yield* driver.store.jobs.repairKeys(yield* Clock.currentTimeMillis), 0)
                // Nothing is left behind that nobody lets go.
                yield* one.store.jobs.setKey("group", "b", { paused: false })
                yield* one.store.jobs.setGroup("group", { limit: 100 })
                const last = yield* one.join()
                for (let idle = 0; idle < 20; ) {
                  const jobs = yield* one.claim(last, 50)
                  for (const job of jobs) yield* one.settle(last, job, "completed", { result: 1 })
                  idle = jobs.length === 0 ? idle + 1 : 0
                  yield* TestClock.adjust(500)
                }
                const left = yield* one.store.jobs.count({ states: ["scheduled", "pending", "running"] })
                assert.strictEqual(left.count, 0)
                assert.deepStrictEqual((yield* check(file)).findings, [])
              })
            )
          )
        }),
      60_000
    )
  }
})
