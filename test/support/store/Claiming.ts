import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { SeededRandom, seeds } from "../SeededRandom.ts"
import { start, stepMs, type StoreTest } from "./StoreDriver.ts"

export const clauses = (test: StoreTest): void => {
  test("hands out a claimed job with all a handler needs, its attempt counted", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const extra = { headers: { traceparent: "00-1" }, softLimit: 5 }
      const id = yield* driver.add({
        priority: 2,
        version: 2,
        payload: { a: [1] },
        partitionKey: "p",
        expiresIn: 5000,
        extra
      })
      yield* TestClock.adjust(10)
      const [job] = yield* driver.claim(session)
      assert.deepStrictEqual(
        { ...job!, payload: driver.decode(job!.payload) },
        {
          id,
          task: "task",
          group: "group",
          priority: 2,
          due: start,
          attempt: 1,
          maxAttempts: 4,
          version: 2,
          payload: { a: [1] },
          partitionKey: "p",
          expiresAt: start + 5000,
          extra,
          lost: 0
        }
      )
      const record = yield* driver.job(id)
      assert.deepStrictEqual(
        [record.state, record.attempt, record.startedAt, record.session, record.waitReason],
        ["running", 1, start + 10, session, undefined]
      )
    }))

  test("hands out each job once, however many sessions ask", (driver) =>
    Effect.gen(function* () {
      const one = yield* driver.join()
      const two = yield* driver.join()
      yield* driver.enqueue(Array.from({ length: 10 }, () => ({})))
      const jobs = [
        ...(yield* driver.claim(one, 4)),
        ...(yield* driver.claim(two, 4)),
        ...(yield* driver.claim(one, 4))
      ]
      assert.strictEqual(new Set(jobs.map(({ id }) => id)).size, 10)
      assert.strictEqual(jobs.length, 10)
    }))

  test("starts the highest priority first, and equal ones in the order of their ids", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const { ids } = yield* driver.enqueue([
        { priority: 9 },
        { priority: 5 },
        { priority: 1 },
        { priority: 5 },
        { priority: 1 }
      ])
      const jobs = yield* driver.claim(session)
      assert.deepStrictEqual(
        jobs.map(({ id }) => ids.indexOf(id)),
        [2, 4, 1, 3, 0]
      )
    }))

  test("lets a waiting job age: each step of waiting lifts it by one priority, so the lowest passes the highest after nine", (driver) =>
    Effect.gen(function* () {
      const lowest = yield* driver.add({ priority: 10 })
      yield* TestClock.adjust(9 * stepMs - 1)
      const first = yield* driver.add({ priority: 1 })
      yield* TestClock.adjust(2)
      const second = yield* driver.add({ priority: 1 })
      const session = yield* driver.join()
      assert.deepStrictEqual(
        (yield* driver.claim(session)).map(({ id }) => id),
        [first, lowest, second]
      )
    }))

  test("starts a job at its due time, to the millisecond, and says when to look again", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      assert.strictEqual((yield* driver.turn({ session })).nextDue, undefined)
      const id = yield* driver.add({ delay: 250 })
      yield* driver.add({ delay: 400 })
      yield* TestClock.adjust(249)
      const early = yield* driver.turn({ session, claim: [{ group: "group", limit: 10 }] })
      assert.deepStrictEqual([early.jobs.length, early.nextDue], [0, start + 250])
      yield* TestClock.adjust(1)
      const due = yield* driver.turn({ session, claim: [{ group: "group", limit: 10 }] })
      assert.deepStrictEqual([due.jobs.map((job) => job.id), due.nextDue], [[id], start + 400])
    }))

  test("starts a new job in the turn that stores it, but not before an older one that waits", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const claim = [{ group: "group", limit: 1 }]
      const fresh = yield* driver.enqueue([{}], { session, claim })
      assert.deepStrictEqual(
        fresh.jobs.map(({ id }) => id),
        fresh.ids
      )
      const older = yield* driver.add()
      const next = yield* driver.enqueue([{}], { session, claim })
      assert.deepStrictEqual(
        next.jobs.map(({ id }) => id),
        [older]
      )
      assert.deepStrictEqual(yield* driver.states(next.ids), ["pending"])
    }))

  test("serves claims in the order asked, each from its own group, none beyond its limit", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      yield* driver.enqueue([{ group: "a" }, { group: "b" }, { group: "a" }, { group: "b" }, { group: "c" }])
      const { jobs } = yield* driver.turn({
        session,
        claim: [
          { group: "b", limit: 5 },
          { group: "a", limit: 1 },
          { group: "c", limit: 0 },
          { group: "none", limit: 5 }
        ]
      })
      assert.deepStrictEqual(
        jobs.map(({ group }) => group),
        ["b", "b", "a"]
      )
    }))

  test("claims only jobs of tasks the session has handlers for, and leaves the others pending", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join(["known"])
      const unknown = yield* driver.add({ task: "unknown", priority: 1 })
      const known = yield* driver.add({ task: "known" })
      assert.deepStrictEqual(
        (yield* driver.claim(session)).map(({ id }) => id),
        [known]
      )
      assert.deepStrictEqual(yield* driver.states([unknown]), ["pending"])
      yield* driver.beat(session, ["known", "unknown"])
      assert.deepStrictEqual(
        (yield* driver.claim(session)).map(({ id }) => id),
        [unknown]
      )
    }))

  test("claims nothing for no session", (driver) =>
    Effect.gen(function* () {
      const id = yield* driver.add()
      const { fenced, jobs } = yield* driver.turn({ session: 0, claim: [{ group: "group", limit: 1 }] })
      assert.deepStrictEqual([jobs.length, fenced], [0, false])
      assert.deepStrictEqual(yield* driver.states([id]), ["pending"])
    }))

  for (const seed of seeds(3)) {
    test(`starts by rank, then id, whatever mix of priorities, due times, tasks and retries waits (seed ${seed})`, (driver) =>
      Effect.gen(function* () {
        const random = new SeededRandom(seed)
        const tasks = ["a", "b", "c"]
        const session = yield* driver.join(tasks)
        for (let round = 0; round < 20; round++) {
          yield* driver.enqueue(
            Array.from({ length: 20 }, () => ({
              task: random.pick(tasks),
              priority: 1 + random.below(10),
              delay: random.below(3) === 0 ? random.below(5000) : -random.below(100_000)
            }))
          )
          for (const job of yield* driver.claim(session, random.below(15))) {
            yield* driver.settle(session, job, random.chance(0.5) ? "retry" : "release", { delay: random.below(3000) })
          }
          yield* TestClock.adjust(random.below(1000))
          yield* driver.beat(session, tasks)
        }
        yield* TestClock.adjust(5000)
        yield* driver.turn({})
        const page = yield* driver.store.jobs.list({ states: ["pending"] }, { limit: 1000, order: "oldest" })
        const waiting = page.jobs.map((job) => ({ id: job.id, rank: job.due + job.priority * stepMs }))
        waiting.sort((x, y) => x.rank - y.rank || x.id - y.id)
        assert.strictEqual(waiting.length, 400)
        const started: Array<number> = []
        for (;;) {
          const jobs = yield* driver.claim(session, 1 + random.below(20))
          if (jobs.length === 0) break
          for (const job of jobs) started.push(job.id)
        }
        assert.deepStrictEqual(
          started,
          waiting.map(({ id }) => id)
        )
      }))
  }
}
