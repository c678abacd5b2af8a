import { assert } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import type { JobId } from "../../../src/services/Queue/Job.ts"
import type { SettleOutcome } from "../../../src/services/Store/Turn.ts"
import { failure, leaseMs, load, start, type StoreDriver, type StoreTest } from "./StoreDriver.ts"

const outcomes: ReadonlyArray<SettleOutcome> = ["completed", "failed", "cancelled", "retry", "release"]

/** Tries every change of state with a token, and shows that nothing of the job changes. */
const changesNothing = (
  driver: StoreDriver,
  session: number,
  token: { readonly id: JobId; readonly attempt: number }
) =>
  Effect.gen(function* () {
    const before = yield* driver.get(token.id)
    const counters = yield* driver.store.jobs.counters
    const logs = yield* driver.store.jobs.logs(token.id, { after: 0, limit: 1000 })
    for (const outcome of outcomes) {
      assert.isFalse(
        yield* driver.settle(session, token, outcome, { result: "stale", failure: failure("stale"), delay: 5 }),
        outcome
      )
    }
    yield* driver.turn({
      session,
      progress: [{ ...token, value: driver.encode("stale") }],
      logs: [{ ...token, at: start, level: "info", message: "stale" }]
    })
    assert.deepStrictEqual(yield* driver.get(token.id), before)
    assert.deepStrictEqual(yield* driver.store.jobs.counters, counters)
    assert.deepStrictEqual(yield* driver.store.jobs.logs(token.id, { after: 0, limit: 1000 }), logs)
  })

export const clauses = (test: StoreTest): void => {
  test("numbers sessions upwards and never twice", (driver) =>
    Effect.gen(function* () {
      const one = yield* driver.join()
      yield* driver.leave(one)
      const two = yield* driver.join()
      assert.isAbove(one, 0)
      assert.isAbove(two, one)
    }))

  test("accepts one settle of a claim: a second changes nothing", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      for (const outcome of outcomes) {
        yield* driver.add()
        const job = yield* driver.run(session, outcome, { failure: failure(), delay: 60_000 })
        yield* changesNothing(driver, session, job)
      }
    }))

  test("refuses the token of an earlier attempt while a later one runs in the same session", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      yield* driver.add()
      const stale = yield* driver.run(session, "retry", { failure: failure() })
      const [current] = yield* driver.claim(session)
      yield* changesNothing(driver, session, stale)
      assert.isTrue(yield* driver.settle(session, current!, "completed"))
    }))

  test("refuses another session's token, a later attempt's and an unknown job's", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const other = yield* driver.join()
      yield* driver.add()
      const [job] = yield* driver.claim(session)
      yield* changesNothing(driver, other, job!)
      yield* changesNothing(driver, session, { id: job!.id, attempt: 2 })
      yield* changesNothing(driver, session, { id: (job!.id + 1) as JobId, attempt: 1 })
      assert.isTrue(yield* driver.settle(session, job!, "completed"))
    }))

  test("refuses a settle after the job was swept from the session and claimed by another", (driver) =>
    Effect.gen(function* () {
      const dead = yield* driver.join()
      const id = yield* driver.add()
      const [stale] = yield* driver.claim(dead)
      yield* TestClock.adjust(leaseMs + 1)
      const { recovered, sessions } = yield* driver.sweep()
      assert.deepStrictEqual([recovered, sessions], [[id], [dead]])
      const live = yield* driver.join()
      const [fresh] = yield* driver.claim(live)
      assert.strictEqual(fresh!.attempt, 2)
      yield* changesNothing(driver, dead, stale!)
      assert.isTrue(yield* driver.settle(live, fresh!, "completed"))
    }))

  test("counts the attempts that were lost with their worker: swept or held when it left", (driver) =>
    Effect.gen(function* () {
      const lost = []
      yield* driver.add({ maxAttempts: 5 })
      const untouched = yield* driver.add({ group: "other" })
      for (const end of ["sweep", "leave", "sweep"] as const) {
        const session = yield* driver.join()
        const [job] = yield* driver.claim(session)
        lost.push(job!.lost)
        if (end === "leave") yield* driver.leave(session)
        else {
          yield* TestClock.adjust(leaseMs + 1)
          assert.deepStrictEqual((yield* driver.sweep()).recovered, [job!.id])
        }
      }
      const session = yield* driver.join()
      const [job] = yield* driver.claim(session)
      assert.deepStrictEqual([...lost, job!.lost, job!.attempt], [0, 1, 2, 3, 4])
      const [other] = yield* driver.claim(session, 1, "other")
      assert.deepStrictEqual([other!.id, other!.lost], [untouched, 0])
    }))

  test("keeps the count of lost attempts over retries and hand-backs, and the last failure over a hand-back", (driver) =>
    Effect.gen(function* () {
      const id = yield* driver.add({ maxAttempts: 9 })
      const gone = yield* driver.join()
      yield* driver.claim(gone)
      yield* driver.leave(gone)
      assert.strictEqual((yield* driver.job(id)).failure?.cause, "WorkerLost")
      const session = yield* driver.join()
      assert.strictEqual((yield* driver.run(session, "release")).lost, 1)
      assert.strictEqual((yield* driver.job(id)).failure?.cause, "WorkerLost")
      assert.strictEqual((yield* driver.run(session, "retry", { failure: failure() })).lost, 1)
      assert.strictEqual((yield* driver.run(session, "release")).lost, 1)
      assert.strictEqual((yield* driver.job(id)).failure?.message, failure().message)
      yield* driver.claim(session)
      yield* driver.leave(session)
      const last = yield* driver.join()
      assert.strictEqual((yield* driver.run(last, "failed", { failure: failure() })).lost, 2)
    }))

  test("an operator's retry starts with no attempt lost", (driver) =>
    Effect.gen(function* () {
      const id = yield* driver.add({ maxAttempts: 2, extra: { owner: "o" } })
      for (const _ of [1, 2]) {
        const gone = yield* driver.join()
        yield* driver.claim(gone)
        yield* driver.leave(gone)
      }
      assert.deepStrictEqual(yield* driver.states([id]), ["failed"])
      yield* driver.change({ ids: [id] }, { _tag: "Retry" })
      const job = yield* driver.run(yield* driver.join(), "completed")
      assert.deepStrictEqual([job.id, job.attempt, job.lost], [id, 1, 0])
    }))

  test("lets a session whose lease ran out go on as long as nobody swept it: it settles, and a beat takes it up again", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const { ids } = yield* driver.enqueue([{}, {}])
      const [one, two] = yield* driver.claim(session)
      yield* TestClock.adjust(10 * leaseMs)
      assert.isTrue(yield* driver.settle(session, one!, "completed"))
      assert.isTrue(yield* driver.beat(session))
      assert.deepStrictEqual((yield* driver.sweep()).sessions, [])
      yield* TestClock.adjust(leaseMs - 1)
      assert.deepStrictEqual((yield* driver.sweep()).sessions, [])
      assert.isTrue(yield* driver.settle(session, two!, "completed"))
      assert.deepStrictEqual(yield* driver.states(ids), ["completed", "completed"])
    }))

  test("takes the jobs of a lease that ran out once, whoever comes first: its session or the sweeper", (driver) =>
    Effect.gen(function* () {
      for (const isRenewedFirst of [true, false]) {
        const session = yield* driver.join()
        const id = yield* driver.add()
        const [job] = yield* driver.claim(session)
        yield* TestClock.adjust(leaseMs)
        if (isRenewedFirst) {
          assert.isTrue(yield* driver.beat(session))
          assert.deepStrictEqual((yield* driver.sweep()).recovered, [])
          assert.isTrue(yield* driver.settle(session, job!, "completed"))
        } else {
          assert.deepStrictEqual((yield* driver.sweep()).recovered, [id])
          assert.isFalse(yield* driver.beat(session))
          yield* changesNothing(driver, session, job!)
        }
      }
    }))

  test("ends no lease when the clock is set, an hour forward or back", (driver) =>
    Effect.gen(function* () {
      const hourMs = 3_600_000
      const beatAt = (session: number, now: number) =>
        driver.store.workers.beat(session, { now, leaseMs, mayBlockMs: leaseMs, tasks: ["task"], slots: {}, load })
      for (const byMs of [hourMs, -hourMs]) {
        const session = yield* driver.join()
        const id = yield* driver.add()
        const [job] = yield* driver.claim(session)
        yield* TestClock.adjust(leaseMs - 1)
        const then = (yield* Clock.currentTimeMillis) + byMs
        assert.deepStrictEqual((yield* driver.store.workers.sweep({ now: then, limit: 10 })).sessions, [])
        assert.isTrue(yield* beatAt(session, then))
        yield* TestClock.adjust(leaseMs - 1)
        assert.deepStrictEqual((yield* driver.store.workers.sweep({ now: then + leaseMs - 1, limit: 10 })).sessions, [])
        assert.isTrue(yield* driver.settle(session, job!, "completed"))
        // Silent beyond it by the clock that nobody sets, whatever the other says.
        yield* TestClock.adjust(2)
        assert.deepStrictEqual((yield* driver.store.workers.sweep({ now: then, limit: 10 })).sessions, [session])
        assert.deepStrictEqual(yield* driver.states([id]), ["completed"])
      }
    }))

  test("fences a session that was swept: no settle, no claim, no beat", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      yield* driver.enqueue([{ maxAttempts: 1 }, {}])
      const [job] = yield* driver.claim(session, 1)
      yield* TestClock.adjust(leaseMs + 1)
      yield* driver.sweep()
      const { fenced, jobs, lost } = yield* driver.turn({
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
      assert.deepStrictEqual([fenced, jobs.length, [...lost!]], [true, 0, [0]])
      assert.isFalse(yield* driver.beat(session))
      yield* changesNothing(driver, session, job!)
    }))

  test("fences a session it does not know, but stores what the turn enqueues", (driver) =>
    Effect.gen(function* () {
      const { fenced, ids, jobs } = yield* driver.enqueue([{}], {
        session: 4711,
        claim: [{ group: "group", limit: 1 }]
      })
      assert.deepStrictEqual([fenced, jobs.length], [true, 0])
      assert.deepStrictEqual(yield* driver.states(ids), ["pending"])
    }))

  test("takes progress and log lines from outside, with session 0, while the attempt they name runs; and no settle", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const id = yield* driver.add()
      const [job] = yield* driver.claim(session)
      const report = (attempt: number, value: string) =>
        driver.turn({
          session: 0,
          progress: [{ id, attempt, value: driver.encode(value) }],
          logs: [{ id, attempt, at: start, level: "info", message: value }]
        })
      yield* report(1, "mine")
      yield* report(2, "of another attempt")
      assert.isFalse(yield* driver.settle(0, job!, "completed"))
      yield* driver.settle(session, job!, "completed")
      yield* report(1, "late")
      const { lines } = yield* driver.store.jobs.logs(id, { after: 0, limit: 10 })
      assert.deepStrictEqual(
        lines.map(({ message }) => message),
        ["mine"]
      )
      assert.strictEqual(driver.decode((yield* driver.job(id)).progress), "mine")
    }))

  test("keeps a session that beats, and says so to a turn", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      yield* driver.add()
      const [job] = yield* driver.claim(session)
      for (let i = 0; i < 5; i++) {
        yield* TestClock.adjust(leaseMs * 0.8)
        assert.isTrue(yield* driver.beat(session))
        assert.deepStrictEqual((yield* driver.sweep()).recovered, [])
      }
      assert.isFalse((yield* driver.turn({ session })).fenced)
      assert.isTrue(yield* driver.settle(session, job!, "completed"))
    }))

  test("sweeps up to its limit, says that there is more, and lets healthy sessions be", (driver) =>
    Effect.gen(function* () {
      const dead = yield* driver.join()
      yield* driver.enqueue(Array.from({ length: 5 }, () => ({})))
      yield* driver.claim(dead)
      yield* TestClock.adjust(leaseMs - 1000)
      const live = yield* driver.join()
      const mine = yield* driver.add()
      yield* driver.claim(live)
      yield* TestClock.adjust(2000)
      const one = yield* driver.sweep(3)
      const two = yield* driver.sweep(3)
      assert.deepStrictEqual([one.recovered.length, one.sessions.length, one.more], [3, 0, true])
      assert.deepStrictEqual([two.recovered.length, two.sessions, two.more], [2, [dead], false])
      assert.deepStrictEqual(yield* driver.states([mine]), ["running"])
      assert.strictEqual((yield* driver.claim(live)).length, 5)
    }))

  test("buries a job whose worker is lost in its last attempt, with its cause", (driver) =>
    Effect.gen(function* () {
      const id = yield* driver.add({ maxAttempts: 2 })
      for (let attempt = 1; attempt <= 2; attempt++) {
        const session = yield* driver.join()
        assert.strictEqual((yield* driver.claim(session))[0]!.attempt, attempt)
        yield* TestClock.adjust(leaseMs + 1)
        const { buried, recovered } = yield* driver.sweep()
        assert.deepStrictEqual([recovered, buried], attempt === 1 ? [[id], []] : [[], [id]])
      }
      const record = yield* driver.job(id)
      assert.deepStrictEqual(
        [record.state, record.failure?.cause, record.failure?.attempt],
        ["failed", "WorkerLost", 2]
      )
    }))

  test("recovers at once what a leaving session still holds", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const { ids } = yield* driver.enqueue([{}, { maxAttempts: 1 }])
      const [job] = yield* driver.claim(session)
      yield* driver.leave(session)
      assert.deepStrictEqual(yield* driver.states(ids), ["pending", "failed"])
      assert.deepStrictEqual(yield* driver.store.workers.all, [])
      yield* changesNothing(driver, session, job!)
      yield* driver.leave(session)
    }))

  test("lists workers as they announced themselves, with what they last said", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join(["task"], "alpha")
      yield* TestClock.adjust(1000)
      const busy = { ...load, busy: { group: 3 }, cpu: 0.5, rssBytes: 9 }
      yield* driver.beat(session, ["task", "other"], busy)
      assert.deepStrictEqual(yield* driver.store.workers.all, [
        {
          name: "alpha",
          host: "host",
          pid: 1,
          version: "1.0.0",
          slots: { group: 10 },
          tasks: ["task", "other"],
          session,
          startedAt: start,
          lastBeat: start + 1000,
          leaseUntil: start + 1000 + leaseMs,
          draining: false,
          suspended: undefined,
          load: busy,
          blocked: undefined
        }
      ])
    }))

  test("tells a draining session so and gives it no more jobs, while it may finish what it has", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      yield* driver.enqueue([{}, {}])
      const [job] = yield* driver.claim(session, 1)
      assert.isTrue(yield* driver.store.workers.drain(session))
      const { draining, jobs } = yield* driver.turn({ session, claim: [{ group: "group", limit: 1 }] })
      assert.deepStrictEqual([draining, jobs.length], [true, 0])
      assert.isTrue(yield* driver.settle(session, job!, "completed"))
      assert.isTrue((yield* driver.store.workers.all)[0]!.draining)
      assert.isFalse(yield* driver.store.workers.drain(session + 1))
    }))
}
