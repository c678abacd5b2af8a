import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { allPages } from "./Looking.ts"
import type { JobId } from "../../../src/services/Queue/Job.ts"
import { noRankings } from "../../../src/services/Queue/policy/Order.ts"
import { failure, leaseMs, start, type StoreTest } from "./StoreDriver.ts"

const edit = { _tag: "Edit", rankings: noRankings } as const

export const clauses = (test: StoreTest): void => {
  test("changes all that are named before it looks at what follows: a job and the one that waits for it", (driver) =>
    Effect.gen(function* () {
      const parent = yield* driver.add()
      const child = yield* driver.add({ after: [parent] })
      const { changed } = yield* driver.change({ ids: [parent, child] }, { _tag: "Cancel", reason: "both" })
      assert.deepStrictEqual([...changed], [parent, child])
      assert.deepStrictEqual(
        (yield* driver.store.jobs.get([parent, child])).map(({ failure }) => failure?.message),
        ["both", "both"]
      )
    }))

  test("cancels a running job for the first reason given", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const id = yield* driver.add()
      const [job] = yield* driver.claim(session)
      yield* driver.cancel(id, "first")
      yield* driver.cancel(id, "second")
      const { signals } = yield* driver.turn({ session })
      assert.deepStrictEqual(signals, [{ id, kind: "cancel", reason: "first" }])
      yield* driver.settle(session, job!, "release")
      assert.strictEqual((yield* driver.job(id)).failure?.message, "first")
    }))

  test("cancels waiting jobs with the reason, and refuses finished and unknown ones", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const done = yield* driver.add()
      yield* driver.run(session)
      const {
        ids: [pending, later]
      } = yield* driver.enqueue([{}, { delay: 1000 }])
      const unknown = (later! + 9) as JobId
      const result = yield* driver.change(
        { ids: [pending!, done, later!, unknown] },
        { _tag: "Cancel", reason: "mistake" }
      )
      assert.deepStrictEqual([...result.changed].sort(), [pending!, later!])
      assert.deepStrictEqual(
        [...result.refused].sort((a, b) => a.id - b.id),
        [
          { id: done, state: "completed" },
          { id: unknown, state: undefined }
        ]
      )
      assert.isFalse(result.more)
      const record = yield* driver.job(pending!)
      assert.deepStrictEqual(
        [record.state, record.failure?.cause, record.failure?.message, record.finishedAt],
        ["cancelled", "Cancelled", "mistake", start]
      )
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual(yield* driver.claim(session), [])
    }))

  test("signals the worker of a running job, with the reason, in every turn until the job has ended", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const other = yield* driver.join()
      const id = yield* driver.add()
      const [job] = yield* driver.claim(session)
      assert.deepStrictEqual((yield* driver.cancel(id, "too slow")).changed, [id])
      assert.deepStrictEqual(yield* driver.states([id]), ["running"])
      assert.deepStrictEqual((yield* driver.turn({ session: other })).signals, [])
      assert.deepStrictEqual((yield* driver.turn({ session })).signals, [{ id, kind: "cancel", reason: "too slow" }])
      assert.deepStrictEqual((yield* driver.turn({ session })).signals, [{ id, kind: "cancel", reason: "too slow" }])
      assert.isTrue(yield* driver.settle(session, job!, "cancelled", { failure: { ...failure(), cause: "Cancelled" } }))
      assert.deepStrictEqual((yield* driver.turn({ session })).signals, [])
      assert.deepStrictEqual(yield* driver.states([id]), ["cancelled"])
    }))

  test("does not run a cancelled job again, whether its attempt is retried, handed back or lost", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const { ids } = yield* driver.enqueue([{}, {}, {}])
      const [one, two] = yield* driver.claim(session)
      yield* driver.change({ ids }, { _tag: "Cancel", reason: "stop" })
      yield* driver.settle(session, one!, "retry", { failure: failure() })
      yield* driver.settle(session, two!, "release")
      yield* TestClock.adjust(leaseMs + 1)
      yield* driver.sweep()
      assert.deepStrictEqual(yield* driver.states(ids), ["cancelled", "cancelled", "cancelled"])
      for (const { failure: why } of yield* driver.store.jobs.get(ids))
        assert.deepStrictEqual([why?.cause, why?.message], ["Cancelled", "stop"])
    }))

  test("accepts the completion of a job that finished before its cancel was heard", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const id = yield* driver.add()
      const [job] = yield* driver.claim(session)
      yield* driver.cancel(id)
      assert.isTrue(yield* driver.settle(session, job!, "completed"))
      assert.deepStrictEqual((yield* driver.turn({ session })).signals, [], "nobody is left to be signalled")
      assert.deepStrictEqual(yield* driver.states([id]), ["completed"])
    }))

  test("retries a finished job as a new one under its old id, with no attempts spent", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const id = yield* driver.add({ payload: "p", maxAttempts: 1, expiresIn: 5000, extra: { owner: "ann" } })
      yield* driver.run(session, "failed", { failure: failure() })
      yield* TestClock.adjust(10_000)
      assert.deepStrictEqual((yield* driver.change({ ids: [id] }, { _tag: "Retry" })).changed, [id])
      const record = yield* driver.job(id)
      assert.deepStrictEqual(
        [
          record.state,
          record.attempt,
          record.due,
          record.failure,
          record.finishedAt,
          record.startedAt,
          driver.decode(record.payload)
        ],
        ["pending", 0, start + 10_000, undefined, undefined, undefined, "p"]
      )
      const [again] = yield* driver.claim(session)
      assert.deepStrictEqual([again?.id, again?.attempt], [id, 1])
      yield* driver.settle(session, again!, "completed")
      assert.deepStrictEqual(
        (yield* driver.store.jobs.list({ owner: "ann" }, { limit: 9, order: "newest" })).jobs.map(({ state }) => state),
        ["completed"]
      )
    }))

  test("refuses to retry a live job, and one whose unique key another live job has", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const old = yield* driver.add({ key: "k" })
      yield* driver.run(session, "failed", { failure: failure() })
      const live = yield* driver.add({ key: "k" })
      const { changed, refused } = yield* driver.change({ ids: [old, live] }, { _tag: "Retry" })
      assert.deepStrictEqual(
        [changed, refused],
        [
          [],
          [
            { id: old, state: "failed" },
            { id: live, state: "pending" }
          ]
        ]
      )
      yield* driver.cancel(live)
      assert.deepStrictEqual((yield* driver.change({}, { _tag: "Retry" })).changed.length, 1, "of two of one key, one")
    }))

  test("takes the key again with a retried job", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const id = yield* driver.add({ key: "k" })
      yield* driver.run(session, "failed", { failure: failure() })
      yield* driver.change({ ids: [id] }, { _tag: "Retry" })
      assert.deepStrictEqual((yield* driver.enqueue([{ key: "k" }])).notes!.get(0), { _tag: "Duplicate", existing: id })
    }))

  test("removes waiting and finished jobs with logs and progress, and refuses running ones", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const { ids } = yield* driver.enqueue([{ extra: { owner: "ann" } }, {}, {}, { delay: 5000 }])
      const [done] = yield* driver.claim(session, 2)
      yield* driver.log(session, done!, ["line"])
      yield* driver.settle(session, done!, "completed")
      const { changed, refused } = yield* driver.change({ ids }, { _tag: "Remove" })
      assert.deepStrictEqual([...changed].sort(), [ids[0]!, ids[2]!, ids[3]!])
      assert.deepStrictEqual(refused, [{ id: ids[1]!, state: "running" }])
      assert.deepStrictEqual((yield* driver.store.jobs.logs(ids[0]!, { after: 0, limit: 10 })).lines, [])
      assert.deepStrictEqual(
        (yield* driver.store.jobs.list({}, { limit: 10, order: "oldest" })).jobs.map(({ id }) => id),
        [ids[1]!]
      )
      assert.deepStrictEqual((yield* driver.store.jobs.list({ owner: "ann" }, { limit: 10, order: "oldest" })).jobs, [])
      yield* TestClock.adjust(5000)
      assert.deepStrictEqual(yield* driver.claim(session), [])
    }))

  test("edits payload, priority and time of a waiting job, which moves to its new place", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      const {
        ids: [a, b, c]
      } = yield* driver.enqueue([{}, {}, { delay: 60_000 }])
      yield* driver.change({ ids: [b!] }, { ...edit, payload: driver.encode("edited"), priority: 1 })
      yield* driver.change({ ids: [c!] }, { ...edit, due: start })
      yield* driver.change({ ids: [a!] }, { ...edit, due: start + 100 })
      const jobs = yield* driver.claim(session)
      assert.deepStrictEqual(
        jobs.map(({ id }) => id),
        [b!, c!]
      )
      assert.strictEqual(driver.decode(jobs[0]!.payload), "edited")
      assert.strictEqual((yield* driver.turn({})).nextDue, start + 100)
      const refused = yield* driver.change({ ids: [b!] }, { ...edit, priority: 3 })
      assert.deepStrictEqual(refused.refused, [{ id: b!, state: "running" }])
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(
        (yield* driver.claim(session)).map(({ id }) => id),
        [a!]
      )
    }))

  test("moves a waiting job into another group, where it is found, counted and claimed; not one of a lane", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join(["task", "shell/1"])
      const { ids } = yield* driver.enqueue([
        { group: "old" },
        { group: "new" },
        { group: "old", delay: 60_000 },
        { group: "old", task: "shell/1" },
        { group: "old" }
      ])
      const [first, , later, own] = ids
      yield* driver.claim(session, 1, "old")
      assert.deepStrictEqual((yield* driver.change({ ids: [first!] }, { ...edit, group: "new" })).refused, [
        { id: first!, state: "running" }
      ])
      const { changed, more } = yield* driver.change({ groups: ["old"] }, { ...edit, group: "new" })
      assert.deepStrictEqual([changed, more], [[later!, ids[4]!], false])
      const found = (group: string) =>
        Effect.map(driver.store.jobs.list({ groups: [group] }, { limit: 10, order: "oldest" }), ({ jobs }) =>
          jobs.map(({ id }) => id)
        )
      assert.deepStrictEqual(yield* found("old"), [first!, own!])
      assert.deepStrictEqual(yield* found("new"), [ids[1]!, later!, ids[4]!])
      assert.strictEqual((yield* driver.store.jobs.count({ groups: ["new"], states: ["pending"] })).count, 2)
      assert.deepStrictEqual(
        (yield* driver.claim(session, 5, "new")).map(({ id }) => id),
        [ids[1]!, ids[4]!]
      )
      yield* TestClock.adjust(60_000)
      assert.deepStrictEqual(
        (yield* driver.claim(session, 5, "new")).map(({ id, group }) => [id, group]),
        [[later!, "new"]]
      )
    }))

  test("moves many jobs among those of another group, in the order of their ids", (driver) =>
    Effect.gen(function* () {
      const specs = Array.from({ length: 1500 }, (_, i) => ({ group: i % 3 === 0 ? "old" : "new" }))
      const { ids } = yield* driver.enqueue(specs)
      yield* driver.change({ ids: ids.slice(300, 600).filter((_, i) => i % 2 === 0) }, { _tag: "Remove" })
      while ((yield* driver.change({ groups: ["old"] }, { ...edit, group: "new" }, 100)).more);
      const left = ids.filter((_, i) => i < 300 || i >= 600 || i % 2 === 1)
      const jobs = yield* allPages(driver, { groups: ["new"] }, "oldest", 1000)
      assert.deepStrictEqual(
        jobs.map(({ id }) => id),
        left
      )
      assert.strictEqual((yield* driver.store.jobs.count({ groups: ["new"] })).count, left.length)
      assert.strictEqual((yield* driver.store.jobs.count({ groups: ["old"] })).count, 0)
      for (const id of left) assert.strictEqual((yield* driver.get(id))?.group, "new")
    }))

  test("gives a waiting job other tags, by which it is found instead", (driver) =>
    Effect.gen(function* () {
      const { ids } = yield* driver.enqueue([{ extra: { tags: ["red", "round"] } }, { extra: { tags: ["red"] } }, {}])
      const tagged = (tag: string) =>
        Effect.map(driver.store.jobs.list({ tag }, { limit: 10, order: "oldest" }), ({ jobs }) =>
          jobs.map(({ id }) => id)
        )
      yield* driver.change({ ids: [ids[0]!] }, { ...edit, tags: ["blue", "round"] })
      yield* driver.change({ ids: [ids[1]!] }, { ...edit, tags: [] })
      yield* driver.change({ ids: [ids[2]!] }, { ...edit, tags: ["blue"] })
      yield* driver.change({ ids: [ids[0]!] }, { ...edit, tags: ["round", "red"] })
      assert.deepStrictEqual(yield* tagged("red"), [ids[0]!])
      assert.deepStrictEqual(yield* tagged("round"), [ids[0]!])
      assert.deepStrictEqual(yield* tagged("blue"), [ids[2]!])
      assert.deepStrictEqual((yield* driver.get(ids[0]!))?.extra?.tags, ["round", "red"])
      yield* driver.change({ ids: [ids[0]!] }, { _tag: "Remove" })
      assert.deepStrictEqual(yield* tagged("red"), [])
    }))

  test("changes by filter at most as many as asked, oldest first, passes over what does not allow it, and says when there are more", (driver) =>
    Effect.gen(function* () {
      const { ids } = yield* driver.enqueue(Array.from({ length: 6 }, (_, i) => ({ task: i === 1 ? "other" : "task" })))
      yield* driver.cancel(ids[2]!)
      const one = yield* driver.change({ tasks: ["task"] }, { _tag: "Cancel", reason: "all" }, 3)
      assert.deepStrictEqual([one.changed, one.refused, one.more], [[ids[0]!, ids[3]!, ids[4]!], [], true])
      const two = yield* driver.change({ tasks: ["task"] }, { _tag: "Cancel", reason: "all" }, 3)
      assert.deepStrictEqual([two.changed, two.refused, two.more], [[ids[5]!], [], false])
      assert.deepStrictEqual(yield* driver.states([ids[1]!]), ["pending"])
    }))

  test("comes to an end when a change by filter is called until there is no more", (driver) =>
    Effect.gen(function* () {
      const session = yield* driver.join()
      yield* driver.enqueue(Array.from({ length: 5 }, () => ({})))
      yield* driver.claim(session, 3)
      for (const change of [
        { _tag: "Cancel", reason: "stop" },
        { ...edit, priority: 2 }
      ] as const) {
        yield* driver.enqueue(Array.from({ length: 5 }, () => ({})))
        let calls = 0
        while ((yield* driver.change({}, change, 2)).more) assert.isBelow(++calls, 20)
      }
      assert.strictEqual((yield* driver.store.jobs.count({ states: ["pending"] })).count, 5)
      const { jobs } = yield* driver.store.jobs.list({ states: ["pending"] }, { limit: 10, order: "oldest" })
      assert.isTrue(jobs.every(({ priority }) => priority === 2))
    }))
}
