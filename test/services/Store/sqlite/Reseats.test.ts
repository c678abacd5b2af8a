import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import type { GroupPolicy } from "../../../../src/services/Limits/GroupPolicy.ts"
import type { JobId } from "../../../../src/services/Queue/Job.ts"
import type { StoreError } from "../../../../src/services/Store/StoreError.ts"
import type { ClaimedJob } from "../../../../src/services/Store/Turn.ts"
import { Database } from "../../../../src/services/Store/sqlite/Database.ts"
import { jobsPerPage } from "../../../../src/services/Store/sqlite/LimitChanges.ts"
import { check } from "../../../../src/services/Store/sqlite/Maintenance.ts"
import { SeededRandom, seeds } from "../../../support/SeededRandom.ts"
import { start, type StoreDriver } from "../../../support/store/StoreDriver.ts"
import { newFile, withoutDiskWaits, withStore } from "./SqliteStores.ts"

const all = (policy: NonNullable<GroupPolicy["keys"]>[number]["policy"]): GroupPolicy => ({
  keys: [{ keys: "*", policy }]
})

const enqueue = (driver: StoreDriver, count: number, keyOf: (i: number) => string) =>
  Effect.gen(function* () {
    const ids: Array<JobId> = []
    for (let i = 0; i < count; i += 500) {
      const specs = Array.from({ length: Math.min(500, count - i) }, (_, j) => ({ partitionKey: keyOf(i + j) }))
      ids.push(...(yield* driver.enqueue(specs)).ids)
    }
    return ids
  })

/** Rows that each transaction of `effect` has changed. */
const changesOf = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<ReadonlyArray<number>, E, R> => {
  const write = Database.prototype.write
  const changes: Array<number> = []
  return Effect.acquireUseRelease(
    Effect.sync(() => {
      Database.prototype.write = function <B>(this: Database, body: () => B): B {
        const total = () => Number(this.raw.prepare("SELECT total_changes() AS n").get()!.n)
        const before = total()
        const result = write.call(this, body) as B
        changes.push(total() - before)
        return result
      }
    }),
    () => effect,
    () =>
      Effect.sync(() => {
        Database.prototype.write = write
      })
  ).pipe(Effect.as(changes))
}

/** Turns without anything to do, until none has left work for the next. */
const turnsUntilDone = (driver: StoreDriver, session: number) =>
  Effect.gen(function* () {
    for (let turns = 1; ; turns++) {
      const { nextDue, now } = yield* driver.turn({ session })
      if (!(nextDue! <= now)) return turns
    }
  })

const file = (body: (path: string) => Effect.Effect<void, StoreError>) =>
  Effect.andThen(TestClock.setTime(start), Effect.flatMap(newFile, body))

describe("a change of limits with many jobs there", () => {
  const count = 3 * jobsPerPage

  const changes: ReadonlyArray<readonly [what: string, before: GroupPolicy, after: GroupPolicy]> = [
    ["limits all keys", {}, all({ concurrency: 1 })],
    ["lifts all limits", all({ concurrency: 1 }), {}],
    ["has all jobs go by a rate", all({ weight: 2 }), all({ rate: { limit: 1, perMs: 60_000 } })],
    ["has a rate no more", all({ rate: { limit: 1, perMs: 60_000 } }), all({ weight: 2 })],
    ["is fair", {}, { fair: true }],
    ["bounds the backlog", all({ concurrency: 1 }), all({ concurrency: 1, backlog: count })]
  ]
  for (const [what, before, after] of changes) {
    it.effect(`that ${what} is applied in pages of ${jobsPerPage} jobs, and to all of them`, () =>
      file((path) =>
        withStore({ path, ...withoutDiskWaits }, (driver) =>
          Effect.gen(function* () {
            const { jobs } = driver.store
            yield* jobs.setGroup("group", { limit: 10, policy: before })
            yield* enqueue(driver, count, (i) => `key-${i % 50}`)
            const session = yield* driver.join()
            yield* turnsUntilDone(driver, session)
            const changed = yield* changesOf(
              Effect.andThen(jobs.setGroup("group", { policy: after }), turnsUntilDone(driver, session))
            )
            assert.isAtLeast(changed.length, 3)
            // A job that moves is taken from one table and put into another, and may be let go again.
            assert.isAtMost(Math.max(...changed), 4.5 * jobsPerPage)
            assert.deepStrictEqual((yield* check(path)).findings, [])
            const stands = yield* Effect.map(jobs.counters, (counters) =>
              Object.fromEntries(counters.filter((each) => each.count > 0).map(({ count, state }) => [state, count]))
            )
            const rated = after.keys?.[0]?.policy?.rate !== undefined
            const ready = rated
              ? 0
              : after.keys?.[0]?.policy?.concurrency === 1
                ? 50
                : after.fair === true
                  ? 500
                  : count
            assert.deepStrictEqual(stands, {
              ...(ready > 0 && { pending: ready }),
              ...(ready < count && { scheduled: count - ready })
            })
            if (after.keys?.[0]?.policy?.backlog === undefined) return
            const { notes } = yield* driver.enqueue([{ partitionKey: "key-1" }])
            assert.isUndefined(notes)
            yield* jobs.setGroup("group", { policy: all({ concurrency: 1, backlog: count / 50 + 1 }) })
            assert.strictEqual((yield* driver.enqueue([{ partitionKey: "key-1" }])).notes?.get(0)?._tag, "Overloaded")
            assert.isUndefined((yield* driver.enqueue([{ partitionKey: "key-2" }])).notes)
          })
        )
      )
    )
  }

  it.effect("of one key is applied to its jobs alone", () =>
    file((path) =>
      withStore({ path, ...withoutDiskWaits }, (driver) =>
        Effect.gen(function* () {
          const { jobs } = driver.store
          const rare = 20
          yield* enqueue(driver, 100 * rare, (i) => (i % 100 === 0 ? "rare" : "other"))
          const changed = yield* changesOf(jobs.setKey("group", "rare", { policy: { concurrency: 1 } }))
          assert.isAtMost(Math.max(...changed), 5 * rare)
          const [key] = yield* jobs.limitKeys({ keys: ["rare"] }, 1)
          assert.deepStrictEqual([key?.held, key?.waiting], [1, rare - 1])
        })
      )
    )
  )

  it.effect("keeps a key in order of enqueue: what comes later starts after those that are yet to come into line", () =>
    file((path) =>
      withStore({ path, ...withoutDiskWaits }, (driver) =>
        Effect.gen(function* () {
          const { jobs } = driver.store
          const session = yield* driver.join()
          const ids = yield* enqueue(driver, 2 * jobsPerPage, (i) => (i < jobsPerPage + 10 ? "other" : "line"))
          yield* jobs.setGroup("group", { policy: all({ order: "fifo" }), limit: 1_000 })
          const { ids: late } = yield* driver.enqueue([{ partitionKey: "line", priority: 1 }], { session })
          const started: Array<JobId> = []
          for (let turn = 0; turn < 20; turn++)
            for (const job of yield* driver.claim(session)) {
              if (job.partitionKey === "line") started.push(job.id)
              yield* driver.settle(session, job, "completed")
            }
          const expected = [...ids.slice(jobsPerPage + 10), ...late]
          assert.isAtLeast(started.length, 10)
          assert.deepStrictEqual(started, expected.slice(0, started.length))
        })
      )
    )
  )

  for (const seed of seeds(1)) {
    it.effect(
      `goes on in whichever process takes turns, and no key has more running than it may (repeat with SLUICE_SEED=${seed})`,
      () =>
        file((path) =>
          Effect.gen(function* () {
            const random = new SeededRandom(seed)
            const limits = [1, 2, 3, 5]
            let left = 2 * jobsPerPage
            let slots = 3
            const running = new Map<string, number>()
            const add = (key: string, by: number) => running.set(key, (running.get(key) ?? 0) + by)
            yield* withStore({ path, ...withoutDiskWaits }, (driver) =>
              Effect.andThen(
                driver.store.jobs.setGroup("group", { limit: 200, policy: all({ concurrency: slots }) }),
                enqueue(driver, left, (i) => `key-${i % 40}`)
              )
            )
            while (left > 0) {
              // As if killed after some turns, in the midst of a change: the next process has what was committed.
              yield* withStore({ path, ...withoutDiskWaits }, (driver) =>
                Effect.gen(function* () {
                  const { jobs } = driver.store
                  const session = yield* driver.join()
                  let held: Array<ClaimedJob> = []
                  const settle = (job: ClaimedJob) =>
                    Effect.andThen(
                      Effect.sync(() => add(job.partitionKey!, -1)),
                      driver.settle(session, job, "completed")
                    )
                  if (random.chance(0.3)) yield* jobs.setGroup("group", { policy: random.pick([{}, { fair: true }]) })
                  slots = random.pick(limits)
                  yield* jobs.setGroup("group", { policy: all({ concurrency: slots }) })
                  if (random.chance(0.3)) yield* jobs.setKey("group", "key-1", { paused: true })
                  for (let turn = random.below(12); turn >= 0; turn--) {
                    const jobs = yield* driver.claim(session, 120)
                    for (const job of jobs) {
                      add(job.partitionKey!, 1)
                      // What ran before the limit fell goes on, and nothing is added to it.
                      assert.isAtMost(running.get(job.partitionKey!)!, slots, job.partitionKey)
                    }
                    left -= jobs.length
                    held.push(...jobs)
                    for (const job of held.slice(0, 60)) yield* settle(job)
                    held = held.slice(60)
                  }
                  for (const job of held) yield* settle(job)
                  yield* jobs.setKey("group", "key-1", { paused: false })
                  yield* driver.leave(session)
                  assert.deepStrictEqual((yield* check(path)).findings, [])
                  assert.strictEqual(yield* jobs.repairKeys(yield* Clock.currentTimeMillis), 0)
                })
              )
            }
          })
        ),
      60_000
    )
  }
})
