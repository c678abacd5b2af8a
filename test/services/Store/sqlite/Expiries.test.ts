import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { DatabaseSync } from "node:sqlite"
import type { JobId } from "../../../../src/services/Queue/Job.ts"
import { setAside } from "../../../../src/services/Store/sqlite/Maintenance.ts"
import { setAsideKind } from "../../../../src/services/Store/SetAsideRow.ts"
import type { ClaimedJob } from "../../../../src/services/Store/Turn.ts"
import { SeededRandom, seeds } from "../../../support/SeededRandom.ts"
import { start, type StoreDriver } from "../../../support/store/StoreDriver.ts"
import { newFile, withoutDiskWaits, withStore } from "./SqliteStores.ts"

const steps = 120

const inFile = (file: string, sql: string): ReadonlyArray<unknown> => {
  const db = new DatabaseSync(file)
  try {
    return db.prepare(sql).all()
  } finally {
    db.close()
  }
}

const stored = (file: string) => inFile(file, "SELECT at, id FROM expiry ORDER BY at, id")

/** Those that wait for their first attempt, and expire. */
const waiting = (file: string) =>
  inFile(
    file,
    `SELECT expires AS at, job.id FROM job WHERE expires IS NOT NULL AND id IN
       (SELECT id FROM pending WHERE attempt = 0 UNION ALL SELECT id FROM scheduled WHERE attempt = 0) ORDER BY at, id`
  )

const act = (
  driver: StoreDriver,
  session: number,
  running: Array<ClaimedJob>,
  ids: Array<JobId>,
  random: SeededRandom
) =>
  Effect.gen(function* () {
    switch (random.below(8)) {
      case 0:
      case 1: {
        const specs = Array.from({ length: 1 + random.below(4) }, () => ({
          partitionKey: random.pick(["a", "b"]),
          ...(random.chance(0.3) && { delay: random.below(2_000) }),
          ...(random.chance(0.6) && { expiresIn: random.below(3_000) }),
          ...(random.chance(0.3) && ids.length > 0 && { after: [random.pick(ids)] })
        }))
        return ids.push(...(yield* driver.enqueue(specs)).ids.filter((id) => id > 0))
      }
      case 2:
        return running.push(...(yield* driver.claim(session, 1 + random.below(3))))
      case 3: {
        const [job] = running.splice(random.below(running.length), 1)
        if (job === undefined) return
        const outcome = random.pick(["completed", "retry", "failed", "release", "cancelled"] as const)
        return yield* driver.settle(session, job, outcome, { delay: random.below(1_000) })
      }
      case 4:
        return yield* driver.sweep(1 + random.below(4))
      case 5:
        return (
          ids.length > 0 &&
          (yield* driver.change(
            { ids: [random.pick(ids)] },
            random.pick([{ _tag: "Cancel", reason: "not needed" }, { _tag: "Retry" }, { _tag: "Remove" }] as const)
          ))
        )
      default:
        return yield* driver.store.jobs.setGroup("group", {
          policy: random.pick([{}, { fair: true }, { keys: [{ keys: "*", policy: { concurrency: 1 } }] }]),
          limit: 1 + random.below(4)
        })
    }
  })

describe("the jobs that expire if they have not started", () => {
  for (const seed of seeds(3))
    it.effect(`are those that wait for their first attempt, whatever happens (${steps} steps, seed ${seed})`, () =>
      Effect.gen(function* () {
        yield* TestClock.setTime(start)
        const file = yield* newFile
        const random = new SeededRandom(seed)
        yield* withStore({ path: file, ...withoutDiskWaits }, (driver) =>
          Effect.gen(function* () {
            const session = yield* driver.join()
            const running: Array<ClaimedJob> = []
            const ids: Array<JobId> = []
            for (let step = 0; step < steps; step++) {
              yield* Effect.ignore(act(driver, session, running, ids, random))
              assert.deepStrictEqual(stored(file), waiting(file), `after step ${step}`)
              yield* TestClock.adjust(random.below(300))
            }
          })
        )
      })
    )

  it.effect("are known again when a row that names one cannot be read", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(start)
      const file = yield* newFile
      const options = { path: file, ...withoutDiskWaits }
      const id = yield* withStore(options, (driver) => driver.add({ expiresIn: 1_000 }))
      inFile(file, "UPDATE expiry SET at = x'00'")
      assert.strictEqual(yield* setAside(file, start), 1)
      yield* withStore(options, (driver) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(stored(file), waiting(file))
          assert.strictEqual((yield* driver.store.documents.all(setAsideKind)).length, 1)
          yield* TestClock.adjust(1_001)
          yield* driver.sweep()
          assert.deepStrictEqual(yield* driver.states([id]), ["cancelled"])
        })
      )
    })
  )
})
