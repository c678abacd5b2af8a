import { assert } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import type { JobId } from "../../../src/services/Queue/Job.ts"
import { failure, type StoreDriver, type StoreTest } from "./StoreDriver.ts"

const reasonOf = (driver: StoreDriver, id: JobId) =>
  Effect.map(driver.job(id), ({ state, waitReason }) => [state, waitReason])

export const clauses = (test: StoreTest): void => {
  test("a job waits until all the jobs it follows have completed", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const { ids: parents } = yield* driver.enqueue([{}, {}])
      const child = yield* driver.add({ after: parents, priority: 1 })
      const waiting = yield* driver.job(child)
      assert.deepStrictEqual(
        [waiting.state, waiting.waitReason, [...waiting.waitingFor].sort()],
        ["scheduled", "parents", [...parents]]
      )
      const [one, two] = yield* driver.claim(session)
      yield* driver.settle(session, one!, "completed")
      assert.deepStrictEqual((yield* driver.job(child)).waitingFor, [two!.id])
      assert.deepStrictEqual(yield* driver.claim(session), [])
      yield* driver.settle(session, two!, "completed")
      assert.deepStrictEqual(
        (yield* driver.claim(session)).map(({ id }) => id),
        [child]
      )
      assert.deepStrictEqual((yield* driver.job(child)).waitingFor, [])
    }))

  test("a job whose parents have all completed already starts at once", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const parent = yield* driver.add()
      yield* driver.run(session)
      const child = yield* driver.add({ after: [parent, parent] })
      assert.deepStrictEqual(yield* driver.states([child]), ["pending"])
    }))

  test("a job that follows others still waits for its due time", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const parent = yield* driver.add()
      const child = yield* driver.add({ after: [parent], delay: 500 })
      yield* driver.run(session)
      assert.deepStrictEqual(yield* reasonOf(driver, child), ["scheduled", "time"])
      yield* TestClock.adjust(500)
      assert.deepStrictEqual(
        (yield* driver.claim(session)).map(({ id }) => id),
        [child]
      )
    }))

  test("a retry of a parent keeps its children waiting", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const parent = yield* driver.add()
      const child = yield* driver.add({ after: [parent] })
      yield* driver.run(session, "retry", { failure: failure() })
      assert.deepStrictEqual(yield* reasonOf(driver, child), ["scheduled", "parents"])
      yield* driver.run(session)
      assert.deepStrictEqual(yield* driver.states([child]), ["pending"])
    }))

  for (const end of ["failed", "cancelled", "removed"] as const) {
    test(`when a parent is ${end}, its child is cancelled, buried or run as its policy says`, (driver) =>
      Effect.gen(function* () {
        const session = yield* driver.join()
        const parent = yield* driver.add({ priority: 1 })
        const {
          ids: [toCancel, toFail, toRun]
        } = yield* driver.enqueue([
          { after: [parent], onParentFailure: "cancel" },
          { after: [parent], onParentFailure: "fail" },
          { after: [parent], onParentFailure: "run" }
        ])
        if (end === "removed") yield* driver.remove(parent)
        else yield* driver.run(session, end, { failure: failure() })
        assert.deepStrictEqual(yield* driver.states([toCancel!, toFail!, toRun!]), ["cancelled", "failed", "pending"])
        for (const id of [toCancel!, toFail!]) {
          const { failure: why, finishedAt } = yield* driver.job(id)
          assert.deepStrictEqual([why?.cause, why?.attempt, finishedAt !== undefined], ["ParentFailed", 0, true])
        }
        assert.deepStrictEqual(
          (yield* driver.claim(session)).map(({ id }) => id),
          [toRun!]
        )
      }))
  }

  test("the policy holds for a parent that had failed before the child was enqueued", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const parent = yield* driver.add()
      yield* driver.run(session, "failed", { failure: failure() })
      const { ids, notes } = yield* driver.enqueue([
        { after: [parent] },
        { after: [parent], onParentFailure: "fail" },
        { after: [parent], onParentFailure: "run" }
      ])
      assert.strictEqual(notes, undefined)
      assert.deepStrictEqual(yield* driver.states(ids), ["cancelled", "failed", "pending"])
    }))

  test("refuses a job whose parent is unknown or was removed", (driver) =>
    Effect.gen(function* () {
      const removed = yield* driver.add()
      yield* driver.remove(removed)
      const { ids, notes } = yield* driver.enqueue([{ after: [removed] }, { after: [(removed + 5) as JobId] }])
      assert.deepStrictEqual(ids, [0 as JobId, 0 as JobId])
      assert.deepStrictEqual(
        [...notes!.values()],
        [
          { _tag: "ParentNotFound", parent: removed },
          { _tag: "ParentNotFound", parent: (removed + 5) as JobId }
        ]
      )
    }))

  test("an end goes down a whole tree, each child by its own policy", (driver) =>
    Effect.gen(function* () {
      const root = yield* driver.add()
      const a = yield* driver.add({ after: [root], onParentFailure: "fail" })
      const b = yield* driver.add({ after: [a], onParentFailure: "cancel" })
      const c = yield* driver.add({ after: [b, root], onParentFailure: "run" })
      const d = yield* driver.add({ after: [c] })
      yield* driver.cancel(root)
      assert.deepStrictEqual(yield* driver.states([root, a, b, c, d]), [
        "cancelled",
        "failed",
        "cancelled",
        "pending",
        "scheduled"
      ])
      assert.deepStrictEqual(yield* reasonOf(driver, d), ["scheduled", "parents"])
    }))

  test(
    "a chain of 1,000 jobs is cancelled from its head in one call, and nothing of it is left live",
    (driver) =>
      Effect.gen(function* () {
        const head = yield* driver.add()
        let last = head
        for (let i = 1; i < 1000; i++) last = yield* driver.add({ after: [last] })
        yield* driver.cancel(head)
        assert.deepStrictEqual(yield* driver.states([last]), ["cancelled"])
        assert.deepStrictEqual((yield* driver.store.jobs.count({ states: ["cancelled"] })).count, 1000)
        assert.deepStrictEqual((yield* driver.store.jobs.count({ states: ["scheduled"] })).count, 0)
      }),
    { timeoutMs: 60_000 }
  )

  test("a child that waits may be cancelled and removed itself, and its parent completes all the same", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const parent = yield* driver.add()
      const {
        ids: [one, two]
      } = yield* driver.enqueue([{ after: [parent] }, { after: [parent] }])
      yield* driver.cancel(one!)
      yield* driver.remove(two!)
      yield* driver.run(session)
      assert.deepStrictEqual(yield* driver.states([parent, one!]), ["completed", "cancelled"])
      assert.strictEqual(yield* driver.get(two!), undefined)
    }))

  test("a job may wait for those that are stored with it, whose ids nobody knows yet", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const now = yield* Clock.currentTimeMillis
      const follower = {
        ...driver.newJob({}, now),
        after: { jobs: [], onParentFailure: "run", siblings: true } as const
      }
      const { ids, jobs } = yield* driver.turn({
        session,
        enqueue: [driver.newJob({}, now), driver.newJob({}, now), driver.newJob({ delay: 50 }, now), follower],
        batches: [1, 3],
        claim: [{ group: "group", limit: 9 }]
      })
      assert.deepStrictEqual(
        jobs.map(({ id }) => id),
        ids.slice(0, 2)
      )
      assert.deepStrictEqual((yield* driver.job(ids[3]!)).waitingFor, [ids[1], ids[2]])
      yield* driver.settle(session, jobs[1]!, "failed")
      assert.strictEqual((yield* driver.job(ids[3]!)).state, "scheduled")
      yield* driver.cancel(ids[2]!)
      assert.strictEqual((yield* driver.job(ids[3]!)).state, "pending")
    }))

  test("it waits for nobody when it is stored alone, and is stored with none of them when one is refused", (driver) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const follower = {
        ...driver.newJob({}, now),
        after: { jobs: [], onParentFailure: "run", siblings: true } as const
      }
      const alone = yield* driver.turn({ enqueue: [follower], batches: [1] })
      assert.strictEqual((yield* driver.job(alone.ids[0]!)).state, "pending")
      yield* driver.add({ key: "k" })
      const refused = yield* driver.turn({ enqueue: [driver.newJob({ key: "k" }, now), follower], batches: [2] })
      assert.deepStrictEqual([...refused.ids], [0 as JobId, 0 as JobId])
    }))

  test("a turn tells in which groups it made jobs ready that nothing was claimed from", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join(["task", "known"])
      const parent = yield* driver.add()
      yield* driver.add({ after: [parent], task: "known", group: "one" })
      yield* driver.add({ after: [parent], task: "known", group: "two" })
      yield* driver.add({ after: [parent], task: "known", group: "paused" })
      yield* driver.add({ after: [parent], task: "known", group: "claimed" })
      yield* driver.add({ after: [parent], task: "unknown", group: "three" })
      yield* driver.add({ after: [parent], task: "known", group: "later", delay: 1000 })
      yield* driver.store.jobs.setGroup("paused", { paused: true })
      const [job] = yield* driver.claim(session)
      const now = yield* Clock.currentTimeMillis
      const settle = {
        id: job!.id,
        attempt: 1,
        outcome: "completed" as const,
        result: driver.encode(null),
        failure: undefined,
        due: now,
        rank: now,
        runMs: 1
      }
      const settled = yield* driver.turn({ session, settle: [settle], claim: [{ group: "claimed", limit: 1 }] })
      assert.deepStrictEqual([...(settled.ready ?? [])].sort(), ["one", "two"])
      assert.strictEqual(settled.jobs.length, 1)
      const nothing = yield* driver.turn({ session })
      assert.deepStrictEqual(nothing.ready ?? [], [])
    }))

  test("a turn tells which jobs have ended with it beside those it settled", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const parent = yield* driver.add()
      const child = yield* driver.add({ after: [parent] })
      const grandchild = yield* driver.add({ after: [child], onParentFailure: "fail" })
      const old = yield* driver.add({ expiresIn: 500 })
      const [job] = yield* driver.claim(session, 1)
      yield* TestClock.adjust(600)
      const now = yield* Clock.currentTimeMillis
      const settle = {
        id: job!.id,
        attempt: 1,
        outcome: "failed" as const,
        result: undefined,
        failure: failure(),
        due: now,
        rank: now,
        runMs: 1
      }
      const { ended = [] } = yield* driver.turn({ session, settle: [settle], claim: [{ group: "group", limit: 5 }] })
      assert.deepStrictEqual([...ended].sort(), [child, grandchild, old])
      assert.deepStrictEqual((yield* driver.turn({ session })).ended ?? [], [])
    }))
}
