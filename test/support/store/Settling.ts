import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { formatJobId } from "../../../src/services/Queue/Job.ts"
import { failure, start, type StoreTest } from "./StoreDriver.ts"

export const clauses = (test: StoreTest): void => {
  test("says in the same words on every store why it ended a job by itself", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const parent = yield* driver.add({ maxAttempts: 1 })
      const child = yield* driver.add({ after: [parent] })
      const lost = yield* driver.add()
      const late = yield* driver.add({ expiresIn: 10, delay: 10 })
      yield* driver.claim(session)
      yield* driver.leave(session)
      yield* TestClock.adjust(10)
      yield* driver.sweep()
      const failures = yield* Effect.forEach([parent, child, lost, late], (id) =>
        Effect.map(driver.job(id), ({ failure, state }) => [state, failure])
      )
      assert.deepStrictEqual(failures, [
        [
          "failed",
          {
            cause: "WorkerLost",
            message: "Its worker died or lost its lease, and no attempt is left.",
            attempt: 1,
            at: start
          }
        ],
        [
          "cancelled",
          {
            cause: "ParentFailed",
            message: `Job ${formatJobId(parent)}, which it waited for, did not complete.`,
            attempt: 0,
            at: start
          }
        ],
        ["pending", { cause: "WorkerLost", message: "Its worker died or lost its lease.", attempt: 1, at: start }],
        ["cancelled", { cause: "Expired", message: "It had not started when it expired.", attempt: 0, at: start + 10 }]
      ])
    }))

  test("keeps every attempt: who ran it, when, and how it ended; of a handed back one nothing", (driver) =>
    Effect.gen(function* () {
      const one = yield* driver.join()
      const id = yield* driver.add({ maxAttempts: 9 })
      yield* TestClock.adjust(5)
      yield* driver.run(one, "release")
      assert.deepStrictEqual((yield* driver.job(id)).attempts, [])
      const { stack: _, ...told } = { ...failure("first"), error: { code: 7 }, stack: "at line 1" }
      const [job] = yield* driver.claim(one)
      yield* TestClock.adjust(20)
      yield* driver.settle(one, job!, "retry", { failure: { ...told, stack: "at line 1" } })
      yield* driver.claim(one)
      yield* TestClock.adjust(5)
      yield* driver.leave(one)
      const two = yield* driver.join()
      const [third] = yield* driver.claim(two)
      const past = [
        { number: 1, session: one, startedAt: start + 5, endedAt: start + 25, outcome: "failed", failure: told },
        {
          number: 2,
          session: one,
          startedAt: start + 25,
          endedAt: start + 30,
          outcome: "lost",
          failure: {
            cause: "WorkerLost",
            message: "Its worker died or lost its lease.",
            attempt: 2,
            at: start + 30
          }
        }
      ] as const
      const last = { number: 3, session: two, startedAt: start + 30 } as const
      assert.deepStrictEqual((yield* driver.job(id)).attempts, [...past, { ...last, outcome: "running" }])
      yield* TestClock.adjust(70)
      yield* driver.settle(two, third!, "completed")
      assert.deepStrictEqual((yield* driver.job(id)).attempts, [
        ...past,
        { ...last, endedAt: start + 100, outcome: "completed" }
      ])
      yield* driver.change({ ids: [id] }, { _tag: "Retry" })
      assert.deepStrictEqual((yield* driver.job(id)).attempts, [], "it begins anew")
    }))

  test("keeps the newest ten attempts beside the last", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const id = yield* driver.add({ maxAttempts: 30 })
      for (let i = 1; i < 15; i++) yield* driver.run(session, "retry", { failure: failure("no", i) })
      yield* driver.run(session, "failed", { failure: failure("no", 15) })
      assert.deepStrictEqual(
        (yield* driver.job(id)).attempts.map(({ number, outcome }) => [number, outcome]),
        Array.from({ length: 11 }, (_, i) => [i + 5, "failed"])
      )
    }))

  test("keeps the failure before where a settle gives none", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const id = yield* driver.add()
      yield* driver.run(session, "retry", { failure: failure("first") })
      yield* driver.run(session, "failed")
      assert.strictEqual((yield* driver.job(id)).failure?.message, "first")
    }))

  test("tells a job that waited for several by the one that ended first", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const one = yield* driver.add()
      const two = yield* driver.add()
      const child = yield* driver.add({ after: [one, two] })
      const [first, second] = yield* driver.claim(session)
      yield* driver.turn({
        session,
        settle: [second!, first!].map(({ attempt, id }) => ({
          id,
          attempt,
          outcome: "failed",
          result: undefined,
          failure: failure(),
          due: 0,
          rank: 0,
          runMs: 1
        }))
      })
      assert.include((yield* driver.job(child)).failure?.message, formatJobId(two))
    }))

  test("completes a job with its result", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const id = yield* driver.add()
      yield* TestClock.adjust(5)
      const [job] = yield* driver.claim(session)
      yield* TestClock.adjust(20)
      assert.isTrue(yield* driver.settle(session, job!, "completed", { result: { sum: 3 } }))
      const record = yield* driver.job(id)
      assert.deepStrictEqual(
        [record.state, driver.decode(record.result), record.startedAt, record.finishedAt, record.failure],
        ["completed", { sum: 3 }, start + 5, start + 25, undefined]
      )
    }))

  test("buries a failed job with its failure, and ends a cancelled one", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const { ids } = yield* driver.enqueue([{}, {}])
      const [first, second] = yield* driver.claim(session)
      const why = { ...failure(), error: { code: 7 }, stack: "at f" }
      yield* driver.settle(session, first!, "failed", { failure: why })
      yield* driver.settle(session, second!, "cancelled", { failure: { ...failure(), cause: "Cancelled" } })
      const [buried, ended] = yield* driver.store.jobs.get(ids)
      assert.deepStrictEqual([buried!.state, buried!.failure, buried!.finishedAt], ["failed", why, start])
      assert.deepStrictEqual([ended!.state, ended!.failure?.cause], ["cancelled", "Cancelled"])
    }))

  test("schedules a retry until its due time, keeps the failure and counts the next attempt when claimed", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const id = yield* driver.add()
      const job = yield* driver.run(session, "retry", { failure: failure(), delay: 1000 })
      const waiting = yield* driver.job(id)
      assert.deepStrictEqual(
        [waiting.state, waiting.waitReason, waiting.due, waiting.attempt, waiting.failure],
        ["scheduled", "retry", start + 1000, 1, failure()]
      )
      yield* TestClock.adjust(999)
      assert.deepStrictEqual(yield* driver.claim(session), [])
      yield* TestClock.adjust(1)
      const [again] = yield* driver.claim(session)
      assert.deepStrictEqual([again!.id, again!.attempt], [job.id, 2])
      yield* driver.settle(session, again!, "completed")
      assert.strictEqual(
        (yield* driver.job(id)).failure?.message,
        "no luck",
        "the last attempt's failure stays to be seen"
      )
    }))

  test("makes a retry without delay pending at once", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const id = yield* driver.add()
      yield* driver.run(session, "retry", { failure: failure() })
      assert.deepStrictEqual(yield* driver.states([id]), ["pending"])
      assert.strictEqual((yield* driver.claim(session))[0]!.attempt, 2)
    }))

  test("takes back a released job unspent and lets it wait until its due time", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const id = yield* driver.add()
      yield* driver.run(session, "release", { delay: 300 })
      const waiting = yield* driver.job(id)
      assert.deepStrictEqual([waiting.state, waiting.waitReason, waiting.attempt], ["scheduled", "time", 0])
      yield* TestClock.adjust(300)
      assert.strictEqual((yield* driver.claim(session))[0]!.attempt, 1)
    }))

  test("frees the slot in the turn of the settle, for a claim of the same turn", (driver) =>
    Effect.gen(function* () {
      yield* driver.store.jobs.declareGroups([{ name: "group", limit: 1 }])
      const session = yield* driver.join()
      const { ids } = yield* driver.enqueue([{}, {}])
      const [job] = yield* driver.claim(session)
      const { jobs } = yield* driver.turn({
        session,
        settle: [
          {
            id: job!.id,
            attempt: 1,
            outcome: "completed",
            result: undefined,
            failure: undefined,
            due: 0,
            rank: 0,
            runMs: 1
          }
        ],
        claim: [{ group: "group", limit: 1 }]
      })
      assert.deepStrictEqual(
        jobs.map(({ id }) => id),
        [ids[1]!]
      )
    }))

  test("keeps the last progress reported", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const id = yield* driver.add()
      const [job] = yield* driver.claim(session)
      const note = (value: unknown) => ({ id, attempt: job!.attempt, value: driver.encode(value) })
      yield* driver.turn({ session, progress: [note({ done: 1 }), note({ done: 2 })] })
      assert.deepStrictEqual(driver.decode((yield* driver.job(id)).progress), { done: 2 })
      yield* driver.turn({ session, progress: [note({ done: 3 })] })
      assert.deepStrictEqual(driver.decode((yield* driver.job(id)).progress), { done: 3 })
    }))

  test("takes progress from outside the worker by its attempt alone", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const id = yield* driver.add()
      yield* driver.claim(session)
      yield* driver.turn({ session: 0, progress: [{ id, attempt: 1, value: driver.encode(40) }] })
      yield* driver.turn({ session: 0, progress: [{ id, attempt: 2, value: driver.encode(99) }] })
      assert.strictEqual(driver.decode((yield* driver.job(id)).progress), 40)
    }))

  test("takes progress and log lines that ride with the job's settle", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const id = yield* driver.add()
      const [job] = yield* driver.claim(session)
      yield* driver.turn({
        session,
        settle: [
          { id, attempt: 1, outcome: "completed", result: undefined, failure: undefined, due: 0, rank: 0, runMs: 1 }
        ],
        progress: [{ id, attempt: job!.attempt, value: driver.encode("all") }],
        logs: [{ id, attempt: 1, at: start, level: "warning", message: "last words" }]
      })
      assert.strictEqual(driver.decode((yield* driver.job(id)).progress), "all")
      const { lines } = yield* driver.store.jobs.logs(id, { after: 0, limit: 10 })
      assert.deepStrictEqual(lines, [{ id, attempt: 1, at: start, level: "warning", message: "last words" }])
    }))

  test("numbers a job's log lines and reads them a page at a time, over all its attempts", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const id = yield* driver.add()
      assert.deepStrictEqual((yield* driver.store.jobs.logs(id, { after: 0, limit: 10 })).lines, [])
      const [first] = yield* driver.claim(session)
      yield* driver.log(session, first!, ["1", "2"])
      yield* driver.settle(session, first!, "retry", { failure: failure() })
      const [second] = yield* driver.claim(session)
      yield* driver.log(session, second!, ["3", "4", "5"])
      const one = yield* driver.store.jobs.logs(id, { after: 0, limit: 3 })
      const two = yield* driver.store.jobs.logs(id, { after: one.next, limit: 3 })
      const three = yield* driver.store.jobs.logs(id, { after: two.next, limit: 3 })
      assert.deepStrictEqual(
        [one, two, three].map(({ lines }) => lines.map(({ message }) => message)),
        [["1", "2", "3"], ["4", "5"], []]
      )
      assert.strictEqual(three.next, two.next)
      assert.deepStrictEqual([one.lines[0]!.attempt, two.lines[1]!.attempt], [1, 2])
    }))

  test("keeps the newest 1,000 log lines of a job, under their numbers", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const id = yield* driver.add()
      const [job] = yield* driver.claim(session)
      for (let i = 0; i < 25; i++)
        yield* driver.log(
          session,
          job!,
          Array.from({ length: 100 }, (_, n) => `${i * 100 + n + 1}`)
        )
      const { lines, next } = yield* driver.store.jobs.logs(id, { after: 0, limit: 5000 })
      assert.deepStrictEqual([lines.length, lines[0]!.message, lines[999]!.message], [1000, "1501", "2500"])
      yield* driver.log(session, job!, ["2501"])
      const { lines: more } = yield* driver.store.jobs.logs(id, { after: next, limit: 10 })
      assert.deepStrictEqual(
        more.map(({ message }) => message),
        ["2501"]
      )
    }))
}
