import { assert } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import type { JobExtra, JobId } from "../../../src/services/Queue/Job.ts"
import type { RetentionPolicy } from "../../../src/services/Store/JobStore.ts"
import type { SettleOutcome } from "../../../src/services/Store/Turn.ts"
import { failure, type JobSpec, type StoreDriver, type StoreTest } from "./StoreDriver.ts"

type Own = NonNullable<JobExtra["retention"]>

const keeping = (retention: Own, spec: JobSpec = {}): JobSpec => ({ ...spec, extra: { ...spec.extra, retention } })
const nothing: Own = { completed: { ageMs: 0 }, failed: { ageMs: 0 }, cancelled: { ageMs: 0 } }

const policyOf = (ageMs: number, count: number): RetentionPolicy => {
  const each = { ageMs, count }
  return { completed: each, failed: each, cancelled: each }
}

const prune = (driver: StoreDriver, policy: RetentionPolicy = policyOf(1_000_000, 1_000_000), limit = 1000) =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => driver.store.jobs.prune(policy, { now, limit }))

const ids = (driver: StoreDriver) =>
  Effect.map(driver.store.jobs.list({}, { limit: 100, order: "oldest" }), ({ jobs }) => jobs.map(({ id }) => id))

/** Adds a job, runs it and answers its id. */
const ended = (driver: StoreDriver, session: number, spec: JobSpec, outcome: SettleOutcome = "completed") =>
  Effect.gen(function* () {
    const id = yield* driver.add(spec)
    yield* driver.run(session, outcome, { failure: failure() })
    return id
  })

export const clauses = (test: StoreTest): void => {
  test("a job that leaves no history is gone with its end, however that comes, and is counted all the same", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      for (const outcome of ["completed", "failed", "cancelled"] as const) {
        const id = yield* driver.add(keeping(nothing, { extra: { tags: ["t"] } }))
        const [job] = yield* driver.claim(session)
        yield* driver.log(session, job!, ["line"])
        yield* driver.turn({ session, progress: [{ id, attempt: 1, value: driver.encode(1) }] })
        assert.isTrue(yield* driver.settle(session, job!, outcome, { failure: failure() }))
        assert.isFalse(yield* driver.settle(session, job!, outcome), "it is settled once")
        assert.strictEqual(yield* driver.get(id), undefined)
        assert.deepStrictEqual((yield* driver.store.jobs.logs(id, { after: 0, limit: 9 })).lines, [])
      }
      yield* driver.cancel(yield* driver.add(keeping(nothing)))
      yield* driver.add(keeping(nothing, { expiresIn: 10 }))
      yield* TestClock.adjust(10)
      yield* driver.sweep()
      const lost = yield* driver.add(keeping(nothing, { maxAttempts: 1 }))
      yield* driver.claim(session)
      yield* driver.leave(session)
      assert.deepStrictEqual([yield* driver.get(lost), yield* ids(driver)], [undefined, []])
      assert.deepStrictEqual(yield* driver.store.jobs.counters, [])
      assert.deepStrictEqual(yield* driver.store.jobs.count({ tag: "t" }), { count: 0, exact: true })
      const { finished, live } = yield* driver.store.jobs.status
      assert.deepStrictEqual([live, finished], [0, 0])
      const [cell] = yield* driver.store.rollUps.jobs({ width: 3_600_000, from: 0, to: 2 ** 52 })
      assert.deepStrictEqual([cell!.arrivals, cell!.completed, cell!.dead, cell!.cancelled], [6, 1, 2, 3])
    }))

  test("a failed attempt with retries left is no end", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const id = yield* driver.add(keeping(nothing))
      yield* driver.run(session, "retry", { failure: failure() })
      assert.deepStrictEqual(yield* driver.states([id]), ["pending"])
      yield* driver.run(session)
      assert.strictEqual(yield* driver.get(id), undefined)
    }))

  test("says it state by state: what it does not name stays as long as the store's retention says", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const own: Own = { completed: { ageMs: 0 }, cancelled: { ageMs: 60_000 } }
      yield* ended(driver, session, keeping(own))
      const failed = yield* ended(driver, session, keeping(own), "failed")
      const cancelled = yield* ended(driver, session, keeping(own), "cancelled")
      assert.deepStrictEqual(yield* ids(driver), [failed, cancelled])
      yield* TestClock.adjust(30_000)
      assert.strictEqual(yield* prune(driver, policyOf(10_000, 1_000)), 1)
      assert.deepStrictEqual(yield* ids(driver), [cancelled])
    }))

  test("goes once it is older than its own age, whether that is shorter or longer than the store's", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const short = yield* ended(driver, session, keeping({ completed: { ageMs: 1000 } }))
      const long = yield* ended(driver, session, keeping({ completed: { ageMs: 100_000 } }))
      yield* TestClock.adjust(1000)
      assert.strictEqual(yield* prune(driver), 0, "not when it is as old")
      yield* TestClock.adjust(1)
      assert.strictEqual(yield* prune(driver), 1)
      assert.deepStrictEqual(yield* ids(driver), [long])
      yield* TestClock.adjust(90_000)
      assert.strictEqual(yield* prune(driver, policyOf(1, 0)), 0)
      yield* TestClock.adjust(10_000)
      assert.strictEqual(yield* prune(driver), 1)
      assert.strictEqual(yield* driver.get(short), undefined)
    }))

  test("the store's count is about the others: jobs with an age of their own neither go by it nor fill it", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const own: Array<JobId> = []
      for (let i = 0; i < 5; i++) own.push(yield* ended(driver, session, keeping({ completed: { ageMs: 100_000 } })))
      const others: Array<JobId> = []
      for (let i = 0; i < 4; i++) {
        others.push(yield* ended(driver, session, {}))
        yield* TestClock.adjust(1)
      }
      assert.strictEqual(yield* prune(driver, policyOf(1_000_000, 3)), 1)
      assert.deepStrictEqual(yield* ids(driver), [...own, ...others.slice(1)])
      assert.strictEqual(yield* prune(driver, policyOf(1_000_000, 3)), 0)
    }))

  test("removes up to the limit, of its own age and of the store's together", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      for (let i = 0; i < 3; i++) {
        yield* ended(driver, session, keeping({ completed: { ageMs: 5 } }))
        yield* ended(driver, session, {})
      }
      yield* TestClock.adjust(10)
      assert.strictEqual(yield* prune(driver, policyOf(5, 100), 4), 4)
      assert.strictEqual(yield* prune(driver, policyOf(5, 100), 4), 2)
    }))

  test("with a count the newest of the task in its group stay, from the end of the next on", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join(["task", "other"])
      const own: Own = { completed: { count: 2 } }
      const others = [
        yield* ended(driver, session, keeping(own, { task: "other" })),
        yield* ended(driver, session, keeping(own), "failed")
      ]
      const newest: Array<JobId> = []
      for (let i = 0; i < 5; i++) newest.push(yield* ended(driver, session, keeping(own)))
      assert.deepStrictEqual(yield* ids(driver), [...others, ...newest.slice(-2)])
      yield* TestClock.adjust(2000)
      assert.strictEqual(yield* prune(driver, policyOf(1000, 100)), 4, "and no longer than the store's retention says")
    }))

  test("a count brings down what was there before it, a few with each end", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      for (let i = 0; i < 20; i++) yield* ended(driver, session, {})
      const last: Array<JobId> = []
      for (let i = 0; i < 4; i++) last.push(yield* ended(driver, session, keeping({ completed: { count: 1 } })))
      assert.deepStrictEqual(yield* ids(driver), last.slice(-1))
    }))

  test("stays while its holder is live, and goes with the next pass after that", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join(["task"])
      const holder = yield* driver.add({ task: "holder", delay: 60_000 })
      const held = [
        yield* ended(driver, session, keeping(nothing, { extra: { holder } })),
        yield* ended(driver, session, keeping({ completed: { count: 1 } }, { extra: { holder } })),
        yield* ended(driver, session, keeping({ completed: { count: 1 } }, { extra: { holder } }))
      ]
      yield* TestClock.adjust(1)
      assert.strictEqual(yield* prune(driver), 0)
      assert.deepStrictEqual(yield* ids(driver), [holder, ...held])
      yield* driver.remove(holder)
      assert.strictEqual(yield* prune(driver), 1)
      const next = yield* ended(driver, session, keeping({ completed: { count: 1 } }))
      assert.deepStrictEqual(yield* ids(driver), [next])
    }))

  test("stays as long as calls of its key are answered with it", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const unique = { key: "k", onConflict: "existing", windowMs: 5000 } as const
      const id = yield* ended(driver, session, keeping({ completed: { ageMs: 0, count: 1 } }, unique))
      yield* TestClock.adjust(4999)
      yield* prune(driver)
      const { notes } = yield* driver.enqueue([unique])
      assert.deepStrictEqual(notes?.get(0), { _tag: "Existing", id })
      assert.deepStrictEqual(yield* driver.states([id]), ["completed"])
      yield* TestClock.adjust(2)
      assert.strictEqual(yield* prune(driver), 1)
      assert.strictEqual((yield* driver.enqueue([unique])).notes, undefined, "its key is free")
    }))

  test("frees its key at once without a window, and whoever was held behind it follows", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const id = yield* driver.add(keeping(nothing, { key: "k", onConflict: "keepLast" }))
      const [job] = yield* driver.claim(session)
      const { ids: held } = yield* driver.enqueue([keeping(nothing, { key: "k", onConflict: "keepLast" })])
      yield* driver.settle(session, job!, "completed")
      assert.strictEqual(yield* driver.get(id), undefined)
      assert.deepStrictEqual(yield* driver.states(held), ["pending"])
    }))

  test("lets jobs that wait for it go by how it ended, and is unknown to those that come later", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const parents = [yield* driver.add(keeping(nothing)), yield* driver.add(keeping(nothing))] as const
      const well = yield* driver.add({ after: [parents[0]] })
      const not = yield* driver.add({ after: [parents[1]] })
      const chain = yield* driver.add(keeping(nothing, { after: [not] }))
      const jobs = yield* driver.claim(session)
      yield* driver.settle(session, jobs[0]!, "completed")
      yield* driver.settle(session, jobs[1]!, "failed", { failure: failure() })
      assert.deepStrictEqual(yield* driver.states([well, not]), ["pending", "cancelled"])
      assert.strictEqual((yield* driver.job(not)).failure?.cause, "ParentFailed")
      assert.strictEqual(yield* driver.get(chain), undefined)
      const { notes } = yield* driver.enqueue([{ after: [parents[0]] }])
      assert.deepStrictEqual(notes?.get(0), { _tag: "ParentNotFound", parent: parents[0] })
    }))

  test("a job that is retried stays by its own word again after its new end", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const id = yield* ended(driver, session, keeping({ completed: { ageMs: 0 }, failed: { ageMs: 1000 } }), "failed")
      yield* driver.change({ ids: [id] }, { _tag: "Retry" })
      yield* TestClock.adjust(2000)
      assert.strictEqual(yield* prune(driver), 0)
      yield* driver.run(session, "failed", { failure: failure() })
      yield* TestClock.adjust(1000)
      assert.strictEqual(yield* prune(driver), 0)
      yield* driver.change({ ids: [id] }, { _tag: "Retry" })
      yield* driver.run(session)
      assert.strictEqual(yield* driver.get(id), undefined)
    }))

  test("wakes who waits for ends, though nothing is left of them", (driver) =>
    Effect.gen(function* () {
      const heard: Array<"ready" | "finished" | "control" | "noted"> = []
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* driver.store.jobs.onWake((wake) => void heard.push(wake))
          const session = yield* driver.join()
          yield* ended(driver, session, keeping(nothing))
          yield* driver.hears(heard, "finished")
        })
      )
    }))

  test("never gives the id of a job that left no history again", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const seen: Array<JobId> = []
      for (let i = 0; i < 5; i++) seen.push(yield* ended(driver, session, keeping(nothing)))
      assert.strictEqual(new Set(seen).size, 5)
    }))
}
