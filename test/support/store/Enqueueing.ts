import { assert } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import { enqueuedAt, type JobId, jobIdFloor } from "../../../src/services/Queue/Job.ts"
import { start, stepMs, type StoreTest } from "./StoreDriver.ts"

export const clauses = (test: StoreTest): void => {
  test("gives each job an id above every id before it, in the order handed over", (driver) =>
    Effect.gen(function* () {
      const { ids } = yield* driver.enqueue([{}, { delay: 5 }, { priority: 1 }])
      const later = yield* driver.enqueue([{}])
      const all = [...ids, ...later.ids]
      assert.deepStrictEqual(
        all,
        [...all].sort((a, b) => a - b)
      )
      assert.strictEqual(new Set(all).size, 4)
      assert.isAtLeast(all[0]!, jobIdFloor(start))
      assert.strictEqual(enqueuedAt(all[0]!), start)
    }))

  test("keeps ids distinct and growing when a millisecond has more jobs than ids, and when the clock steps back", (driver) =>
    Effect.gen(function* () {
      const { ids } = yield* driver.enqueue(Array.from({ length: 3000 }, () => ({})))
      yield* TestClock.setTime(start - 60_000)
      const { ids: later } = yield* driver.enqueue([{}, {}])
      const all = [...ids, ...later]
      for (let i = 1; i < all.length; i++) assert.isAbove(all[i]!, all[i - 1]!)
    }))

  test("keeps a job as it was handed over", (driver) =>
    Effect.gen(function* () {
      const extra = {
        owner: "ann",
        team: "web",
        tags: ["a", "b"],
        headers: { traceparent: "00-1" },
        batchKey: "batch",
        slots: 2
      }
      const id = yield* driver.add({
        priority: 3,
        delay: 1500,
        maxAttempts: 7,
        version: 3,
        payload: { text: "é\u0000\u{1F600}", list: [1, null] },
        partitionKey: "tenant",
        expiresIn: 9000,
        key: "k",
        extra
      })
      const job = yield* driver.job(id)
      assert.deepStrictEqual(
        { ...job, payload: driver.decode(job.payload) },
        {
          id,
          task: "task",
          group: "group",
          state: "scheduled",
          waitReason: "time",
          priority: 3,
          due: start + 1500,
          rank: start + 1500 + 3 * stepMs,
          attempt: 0,
          maxAttempts: 7,
          attempts: [],
          version: 3,
          payload: { text: "é\u0000\u{1F600}", list: [1, null] },
          result: undefined,
          failure: undefined,
          progress: undefined,
          partitionKey: "tenant",
          uniqueKey: "k",
          waitingFor: [],
          expiresAt: start + 9000,
          enqueuedAt: start,
          startedAt: undefined,
          finishedAt: undefined,
          session: undefined,
          extra
        }
      )
    }))

  test("makes a job that is due pending at once, and one that is not yet scheduled", (driver) =>
    Effect.gen(function* () {
      const { ids } = yield* driver.enqueue([{}, { delay: -1000 }, { delay: 1 }])
      assert.deepStrictEqual(yield* driver.states(ids), ["pending", "pending", "scheduled"])
    }))

  test("stores a batch whole: one refused job refuses its batch, and no other", (driver) =>
    Effect.gen(function* () {
      const taken = yield* driver.add({ key: "taken" })
      const { ids, notes } = yield* driver.enqueue([{}, {}, { key: "taken" }, { key: "free" }, {}], {
        batches: [1, 3, 1]
      })
      assert.deepStrictEqual(
        ids.map((id) => id > 0),
        [true, false, false, false, true]
      )
      assert.deepStrictEqual(
        [...notes!].sort(([a], [b]) => a - b),
        [
          [1, { _tag: "BatchRefused" }],
          [2, { _tag: "Duplicate", existing: taken }],
          [3, { _tag: "BatchRefused" }]
        ]
      )
      assert.strictEqual((yield* driver.store.jobs.count({})).count, 3)
      assert.strictEqual(
        (yield* driver.enqueue([{ key: "free" }])).notes,
        undefined,
        "the refused batch has not taken its key"
      )
    }))

  test("refuses a batch whose own jobs reject each other", (driver) =>
    Effect.gen(function* () {
      const { ids, notes } = yield* driver.enqueue([{ key: "k" }, { key: "k" }], { batches: [2] })
      assert.isTrue(ids.every((id) => id === 0))
      assert.deepStrictEqual([notes!.get(0)!._tag, notes!.get(1)!._tag], ["BatchRefused", "Duplicate"])
      assert.strictEqual((yield* driver.store.jobs.count({})).count, 0)
    }))

  test("undoes what a refused batch did to other jobs", (driver) =>
    Effect.gen(function* () {
      const waiting = yield* driver.add({ key: "k", payload: "old" })
      yield* driver.enqueue(
        [{ key: "k", onConflict: "replace", payload: "new", priority: 1 }, { after: [(waiting + 1) as JobId] }],
        { batches: [2] }
      )
      const job = yield* driver.job(waiting)
      assert.deepStrictEqual([driver.decode(job.payload), job.priority], ["old", 5])
    }))

  test(
    "refuses as overloaded above its limit of live jobs, with a hint when to try again, and takes them again when jobs have finished",
    (driver) =>
      Effect.gen(function* () {
        const session = yield* driver.join()
        const { ids, notes } = yield* driver.enqueue([{}, {}, { delay: 1000 }, {}])
        assert.deepStrictEqual(
          ids.map((id) => id > 0),
          [true, true, true, false]
        )
        const note = notes!.get(3)!
        assert.isTrue(note._tag === "Overloaded" && note.of === "store" && note.limit === 3 && note.retryAfterMs > 0)
        const [job] = yield* driver.claim(session)
        assert.strictEqual((yield* driver.enqueue([{}])).ids[0], 0, "a running job is live")
        yield* driver.settle(session, job!, "completed")
        assert.isAbove((yield* driver.enqueue([{}])).ids[0]!, 0)
      }),
    { maxLive: 3 }
  )

  test(
    "hints at the pace at which jobs have been finishing when it has no room",
    (driver) =>
      Effect.gen(function* () {
        const session = yield* driver.join()
        const hint = Effect.map(driver.enqueue([{}]), ({ notes }) => {
          const note = notes?.get(0)
          if (note?._tag !== "Overloaded") throw new Error("there was room")
          return note.retryAfterMs
        })
        yield* driver.enqueue(Array.from({ length: 100 }, () => ({})))
        assert.strictEqual(yield* hint, 1000, "there is no telling yet")
        yield* TestClock.adjust(15_000)
        yield* driver.beat(session)
        assert.strictEqual(yield* hint, 30_000, "nothing has finished")
        // One job per second for a while: a hundredth of the limit takes one.
        for (let i = 0; i < 30; i++) {
          yield* TestClock.adjust(1000)
          yield* driver.beat(session)
          const [job] = yield* driver.claim(session, 1)
          yield* driver.settle(session, job!, "completed")
          yield* driver.enqueue([{}])
        }
        assert.approximately(yield* hint, 1000, 100)
      }),
    { maxLive: 100 }
  )

  test("says when a job was enqueued though its id runs ahead: a clock set back", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const { enqueue, turn } = { enqueue: [driver.newJob({}, start + 60_000)], turn: driver.turn.bind(driver) }
      yield* turn({ now: start + 60_000, enqueue })
      const { ids } = yield* turn({ now: start, enqueue: [driver.newJob({ group: "later" }, start)] })
      assert.isAbove(enqueuedAt(ids[0]!), start)
      assert.strictEqual((yield* driver.job(ids[0]!)).enqueuedAt, start)
      yield* turn({ now: start + 250, session, claim: [{ group: "later", limit: 1 }] })
      const [row] = yield* driver.store.rollUps.jobs({ width: 3_600_000, from: 0, to: 2 ** 52, group: "later" })
      assert.strictEqual(row!.wait.sum, 250)
    }))

  test("counts each job of a refused batch that met a taken key, and nothing else of it", (driver) =>
    Effect.gen(function* () {
      yield* driver.add({ key: "k" })
      const { notes } = yield* driver.enqueue([{}, { key: "k" }, { key: "k", onConflict: "existing" }], {
        batches: [3]
      })
      assert.deepStrictEqual(
        [...notes!.values()].map(({ _tag }) => _tag),
        ["BatchRefused", "Duplicate", "BatchRefused"]
      )
      const [row] = yield* driver.store.rollUps.jobs({ width: 3_600_000, from: 0, to: 2 ** 52 })
      assert.deepStrictEqual([row!.arrivals, row!.deduplicated], [1, 1])
    }))

  test(
    "refuses a batch that does not fit under the limit of live jobs whole",
    (driver) =>
      Effect.gen(function* () {
        const { ids, notes } = yield* driver.enqueue([{}, {}, {}, {}, {}], { batches: [2, 2, 1] })
        assert.deepStrictEqual(
          ids.map((id) => id > 0),
          [true, true, false, false, true]
        )
        assert.deepStrictEqual([notes!.get(2)!._tag, notes!.get(3)!._tag], ["BatchRefused", "Overloaded"])
      }),
    { maxLive: 3 }
  )

  test("asks for the parents only of a job that is to be stored: a taken key comes first", (driver) =>
    Effect.gen(function* () {
      const id = yield* driver.add({ key: "k" })
      const { notes } = yield* driver.enqueue([{ key: "k", onConflict: "existing", after: [5 as JobId] }])
      assert.deepStrictEqual(notes!.get(0), { _tag: "Existing", id })
    }))

  test("knows no expiry for a job that has started once, unless it was handed back unspent", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const { ids } = yield* driver.enqueue([{ expiresIn: 1000 }, { expiresIn: 1000 }])
      const [retried, released] = yield* driver.claim(session)
      yield* driver.settle(session, retried!, "retry")
      yield* driver.settle(session, released!, "release")
      yield* TestClock.adjust(1001)
      assert.deepStrictEqual(
        (yield* driver.claim(session)).map(({ id }) => id),
        [ids[0]!]
      )
      yield* driver.sweep()
      assert.deepStrictEqual(yield* driver.states(ids), ["running", "cancelled"])
    }))

  test("cancels a job that has not started when it expires", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const waiting = yield* driver.add({ expiresIn: 1000 })
      const later = yield* driver.add({ expiresIn: 1000, delay: 500 })
      const started = yield* driver.add({ expiresIn: 1000, priority: 1 })
      yield* driver.claim(session, 1)
      yield* TestClock.adjust(1001)
      assert.deepStrictEqual(yield* driver.claim(session), [])
      yield* driver.sweep()
      assert.deepStrictEqual(yield* driver.states([waiting, later, started]), ["cancelled", "cancelled", "running"])
      const { failure, finishedAt } = yield* driver.job(waiting)
      assert.strictEqual(failure?.cause, "Expired")
      assert.strictEqual(failure?.attempt, 0)
      assert.strictEqual(finishedAt, yield* Clock.currentTimeMillis)
    }))
}
