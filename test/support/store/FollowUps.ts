import { assert } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import type { JobId } from "../../../src/services/Queue/Job.ts"
import type { ClaimedJob, SettleOutcome } from "../../../src/services/Store/Turn.ts"
import { rank } from "../../../src/services/Queue/policy/Rank.ts"
import { failure, type JobSpec, leaseMs, stepMs, type StoreDriver, type StoreTest } from "./StoreDriver.ts"

interface Following {
  readonly jobs: ReadonlyArray<JobSpec>
  readonly afterJobs?: ReadonlyArray<number>
  readonly afterIds?: ReadonlyArray<JobId>
}

/** Settles with a follow-up. Answers whether it was accepted. */
const settle = (
  driver: StoreDriver,
  session: number,
  { attempt, id }: ClaimedJob,
  outcome: SettleOutcome,
  { afterIds = [], afterJobs = [], jobs }: Following
) =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    driver.turn({
      session,
      settle: [
        {
          id,
          attempt,
          outcome,
          result: driver.encode("done"),
          failure: outcome === "failed" ? failure() : undefined,
          due: now,
          rank: rank(now, 5, stepMs),
          runMs: 1,
          followUp: { jobs: jobs.map((job) => driver.newJob(job, now)), afterJobs, afterIds }
        }
      ]
    })
  ).pipe(Effect.map(({ lost }) => lost === undefined))

/** The jobs whose payload is `step`, by state. */
const steps = (driver: StoreDriver) =>
  Effect.map(driver.store.jobs.list({ tag: "step" }, { limit: 100, order: "oldest" }), ({ jobs }) => jobs)

const step: JobSpec = { extra: { tags: ["step"] } }

export const clauses = (test: StoreTest): void => {
  test("jobs that follow a completion are stored with it and run", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      yield* driver.add()
      const [job] = yield* driver.claim(session)
      assert.isTrue(yield* settle(driver, session, job!, "completed", { jobs: [step, step] }))
      const stored = yield* steps(driver)
      assert.deepStrictEqual(
        (yield* driver.claim(session)).map(({ id }) => id),
        stored.map(({ id }) => id)
      )
      assert.strictEqual(stored.length, 2)
    }))

  test("a released job waits for the jobs it brings, then runs again with its attempt unspent", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const parent = yield* driver.add()
      const [first] = yield* driver.claim(session)
      assert.isTrue(yield* settle(driver, session, first!, "release", { jobs: [step, step, step], afterJobs: [0, 2] }))
      const stored = yield* steps(driver)
      const waiting = yield* driver.job(parent)
      assert.deepStrictEqual([waiting.state, waiting.waitReason, waiting.attempt], ["scheduled", "parents", 0])
      assert.deepStrictEqual([...waiting.waitingFor], [stored[0]!.id, stored[2]!.id])
      const claimed = yield* driver.claim(session)
      assert.strictEqual(claimed.length, 3)
      yield* driver.settle(session, claimed[0]!, "completed")
      assert.deepStrictEqual(yield* driver.claim(session), [])
      yield* driver.settle(session, claimed[2]!, "completed")
      const again = yield* driver.claim(session)
      assert.deepStrictEqual(
        again.map(({ attempt, id }) => [id, attempt]),
        [[parent, 1]]
      )
    }))

  test("it is woken by jobs that fail, are cancelled or are removed, too", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const parent = yield* driver.add()
      const [first] = yield* driver.claim(session)
      yield* settle(driver, session, first!, "release", { jobs: [step, step, step], afterJobs: [0, 1, 2] })
      const [a, b, c] = yield* steps(driver)
      yield* driver.cancel(b!.id)
      yield* driver.remove(c!.id)
      assert.deepStrictEqual((yield* driver.job(parent)).waitingFor, [a!.id])
      yield* driver.run(session, "failed", { failure: failure() })
      assert.deepStrictEqual(yield* driver.states([parent]), ["pending"])
    }))

  test("it may wait for jobs that were there; finished and unknown ones are not waited for", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const done = yield* driver.add()
      yield* driver.run(session)
      const parent = yield* driver.add()
      const [first] = yield* driver.claim(session)
      const live = yield* driver.add()
      const unknown = (live + 1_000_000) as JobId
      yield* settle(driver, session, first!, "release", { jobs: [], afterIds: [done, unknown, live] })
      assert.deepStrictEqual((yield* driver.job(parent)).waitingFor, [live])
      yield* driver.run(session)
      const [again] = yield* driver.claim(session)
      assert.strictEqual(again!.id, parent)
      yield* settle(driver, session, again!, "release", { jobs: [], afterIds: [done, unknown] })
      assert.deepStrictEqual(yield* driver.states([parent]), ["pending"])
    }))

  test("nothing of a refused settle is stored", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      yield* driver.add()
      const [job] = yield* driver.claim(session)
      yield* TestClock.adjust(leaseMs + 1)
      yield* driver.sweep()
      assert.isFalse(yield* settle(driver, session, job!, "completed", { jobs: [step] }))
      const other = yield* driver.join()
      const [again] = yield* driver.claim(other)
      assert.isFalse(
        yield* settle(driver, other, { ...again!, attempt: 1 }, "release", { jobs: [step], afterJobs: [0] })
      )
      assert.deepStrictEqual(yield* steps(driver), [])
    }))

  test("a job cancelled while it ran brings nothing when it would go on", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const parent = yield* driver.add()
      const [job] = yield* driver.claim(session)
      yield* driver.cancel(parent)
      assert.isTrue(yield* settle(driver, session, job!, "release", { jobs: [step], afterJobs: [0] }))
      assert.deepStrictEqual(yield* driver.states([parent]), ["cancelled"])
      assert.deepStrictEqual(yield* steps(driver), [])
    }))

  test("a waiting job that is cancelled is not woken", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const parent = yield* driver.add()
      const [job] = yield* driver.claim(session)
      yield* settle(driver, session, job!, "release", { jobs: [step], afterJobs: [0] })
      yield* driver.cancel(parent)
      yield* driver.run(session)
      assert.deepStrictEqual(yield* driver.states([parent]), ["cancelled"])
    }))

  test(
    "the limit of live jobs does not refuse what follows accepted work",
    (driver) =>
      Effect.gen(function* () {
        const session = yield* driver.join()
        yield* driver.add()
        const [job] = yield* driver.claim(session)
        yield* settle(driver, session, job!, "release", { jobs: [step, step, step], afterJobs: [0, 1, 2] })
        assert.strictEqual((yield* steps(driver)).length, 3)
        const { notes } = yield* driver.enqueue([{}])
        assert.strictEqual(notes?.get(0)?._tag, "Overloaded")
      }),
    { maxLive: 2 }
  )

  test("retention leaves finished jobs whose holder is live", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const holder = yield* driver.add({ task: "other" })
      const none = { ageMs: 0, count: 0 }
      const prune = Effect.flatMap(Clock.currentTimeMillis, (now) =>
        driver.store.jobs.prune({ completed: none, failed: none, cancelled: none }, { now: now + 1, limit: 100 })
      )
      yield* driver.enqueue([{ extra: { holder } }, {}, { extra: { holder } }, { extra: { owner: "ann" } }])
      for (const job of yield* driver.claim(session)) yield* driver.settle(session, job, "completed")
      assert.strictEqual(yield* prune, 2)
      assert.strictEqual(yield* prune, 0)
      assert.strictEqual((yield* driver.store.jobs.count({ states: ["completed"] })).count, 2)
      yield* driver.cancel(holder)
      assert.strictEqual(yield* prune, 3)
    }))
}
