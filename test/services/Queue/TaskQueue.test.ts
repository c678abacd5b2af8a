import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import {
  type EnqueueOptions,
  type Explain,
  Job,
  type JobId,
  QueueSettings,
  request,
  ResourceGroup,
  Task,
  TaskQueue
} from "../../../src/services/Queue/index.ts"
import * as Testing from "../../../src/testing/index.ts"
import { startNode } from "../../support/queue/QueueNode.ts"
import { sharedMemory } from "../../support/queue/SharedMemory.ts"

const Work = Task.make("work", { payload: Schema.Int, success: Schema.Int, group: "network" })
const Fail = Task.make("fail", { payload: Schema.String, retry: "none", group: "network" })
const Flaky = Task.make("flaky", { payload: Schema.Void, group: "network" })
const Keyed = Task.make("keyed", {
  payload: Schema.Struct({ key: Schema.String, n: Schema.Int }),
  success: Schema.Int,
  idempotencyKey: ({ key }) => key
})

const runs: Array<number> = []
const unknownId = (2 ** 52) as JobId
const handlers = Layer.mergeAll(
  Work.toLayer((ms) =>
    Effect.gen(function* () {
      runs.push(ms)
      yield* Effect.sleep(ms)
      return ms
    })
  ),
  Fail.toLayer((message) => Effect.die(new Error(message))),
  Flaky.toLayer(() => Effect.die(new Error("no"))),
  Keyed.toLayer(({ n }) => Effect.as(Effect.sleep("10 seconds"), n))
)

const test = (
  name: string,
  body: (queue: TaskQueue["Service"]) => Effect.Effect<void, unknown, TaskQueue>,
  options: Testing.TestQueueOptions = {}
) =>
  it.effect(name, () => {
    runs.length = 0
    return TaskQueue.use(body).pipe(Effect.provide(Testing.layer(handlers, options)))
  })

const reasonOf = (effect: Effect.Effect<unknown, { readonly _tag: string }, never>) =>
  Effect.map(Effect.flip(effect), (error) =>
    error._tag === "EnqueueError"
      ? (error as unknown as { readonly reason: { readonly _tag: string } }).reason._tag
      : error._tag
  )

const total = (queue: TaskQueue["Service"]) => Effect.map(queue.count({}), ({ count }) => count)
const states = (queue: TaskQueue["Service"], jobs: ReadonlyArray<{ readonly id: JobId }>) =>
  Effect.forEach(jobs, ({ id }) => Effect.map(queue.get(id), ({ state }) => state))

describe("enqueueing", () => {
  test("many jobs are stored whole, in the order of their payloads", (queue) =>
    Effect.gen(function* () {
      const jobs = yield* queue.enqueueMany(Work, [1, 2, 3])
      assert.deepStrictEqual(
        jobs.map(({ id }) => id),
        [...jobs.map(({ id }) => id)].sort((a, b) => a - b)
      )
      yield* Testing.drain()
      assert.deepStrictEqual(yield* Effect.forEach(jobs, (job) => job.await), [1, 2, 3])
      assert.deepStrictEqual(yield* queue.enqueueMany(Work, []), [])
    }))

  test(
    "or not at all: one bad payload, one taken key, one missing parent, one job too many",
    (queue) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* reasonOf(queue.enqueueMany(Work, [1, 2.5, 3])), "InvalidPayload")
        const taken = yield* queue.enqueue(Keyed, { key: "a", n: 0 }, { onConflict: "reject", in: "1 hour" })
        const many = ["b", "a", "c"].map((key, n) => ({ key, n }))
        assert.strictEqual(yield* reasonOf(queue.enqueueMany(Keyed, many, { onConflict: "reject" })), "DuplicateJob")
        assert.strictEqual(
          yield* reasonOf(queue.enqueueMany(Work, [1, 2], { after: [12345 as JobId] })),
          "ParentNotFound"
        )
        assert.strictEqual(yield* reasonOf(queue.enqueueMany(Work, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])), "QueueOverloaded")
        const error = yield* Effect.flip(
          queue.enqueueAll([request(Keyed, { key: "a", n: 1 }, { onConflict: "reject" }), request(Work, 1)])
        )
        assert.strictEqual(
          error._tag === "EnqueueError" && error.reason._tag === "DuplicateJob" && error.reason.existing,
          taken.id
        )
        assert.strictEqual(yield* total(queue), 1)
        assert.deepStrictEqual(runs, [])
      }),
    { maxLive: 10 }
  )

  test("jobs of several tasks go together, each with its own options", (queue) =>
    Effect.gen(function* () {
      const [work, fail] = yield* queue.enqueueAll([
        request(Work, 7, { priority: 1, tags: ["x"] }),
        request(Fail, "no", { in: "1 minute" })
      ])
      yield* Testing.drain()
      assert.deepStrictEqual(yield* states(queue, [work!, fail!]), ["completed", "failed"])
      assert.deepStrictEqual(yield* queue.enqueueAll([]), [])
    }))

  const bad: ReadonlyArray<readonly [EnqueueOptions, string]> = [
    [{ priority: 0 }, "1 (first) to 10"],
    [{ priority: 1.5 }, "1 (first) to 10"],
    [{ retries: -1 }, "whole number"],
    [{ group: "no spaces" }, "letters"],
    [{ at: Number.NaN }, "milliseconds"],
    [{ in: -5 }, "0 ms to 36,500 d"],
    [{ key: "" }, "1 to 1,000"],
    [{ key: "a\0b" }, "without NUL"],
    [{ tags: [""] }, "1 to 200"],
    [{ owner: "x".repeat(201) }, "1 to 200"],
    [{ expiresIn: -1 }, "0 ms to 36,500 d"]
  ]
  for (const [options, expected] of bad) {
    test(`refuses ${JSON.stringify(options).slice(0, 30)} and says what was expected`, (queue) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(queue.enqueue(Work, 1, options))
        assert.strictEqual(error._tag === "EnqueueError" && error.reason._tag, "InvalidOption")
        assert.include(error.message, expected)
        assert.strictEqual(yield* total(queue), 0)
      }))
  }

  test(
    "an overloaded store refuses with its limit and a hint, and takes jobs again when there is room",
    (queue) =>
      Effect.gen(function* () {
        yield* queue.enqueueMany(
          Work,
          Array.from({ length: 10 }, () => 1000)
        )
        const error = yield* Effect.flip(queue.enqueue(Work, 1))
        assert.isTrue(error._tag === "EnqueueError" && error.reason._tag === "QueueOverloaded")
        if (error._tag === "EnqueueError" && error.reason._tag === "QueueOverloaded") {
          assert.strictEqual(error.reason.limit, 10)
          assert.isAbove(error.reason.retryAfterMs, 0)
        }
        yield* TestClock.adjust("2 seconds")
        assert.strictEqual((yield* queue.enqueue(Work, 1)).outcome, "created")
      }),
    { maxLive: 10 }
  )

  test("owner, team, tags, headers and partition travel with the job and find it again", (queue) =>
    Effect.gen(function* () {
      const job = yield* queue.enqueue(Work, 1, {
        owner: "ada",
        team: "engines",
        tags: ["a", "b", "a"],
        headers: { traceparent: "00-1" },
        partitionKey: "tenant-1",
        batchKey: "batch-1",
        in: "1 hour"
      })
      yield* queue.enqueue(Work, 2, { in: "1 hour" })
      const filters = [
        { owner: "ada" },
        { team: "engines" },
        { tag: "b" },
        { partitionKey: "tenant-1" },
        { batchKey: "batch-1" }
      ]
      for (const filter of filters) {
        assert.deepStrictEqual(
          (yield* queue.list(filter)).jobs.map(({ id }) => id),
          [job.id]
        )
        assert.strictEqual((yield* queue.count(filter)).count, 1)
      }
      assert.deepStrictEqual((yield* job.status).extra?.tags, ["a", "b"])
    }))
})

describe("unique keys", () => {
  const enqueue = (queue: TaskQueue["Service"], n: number, options: EnqueueOptions) =>
    queue.enqueue(Keyed, { key: "k", n }, options)

  test("existing: the live job is the answer, to each of many callers at once", (queue) =>
    Effect.gen(function* () {
      const jobs = yield* Effect.all(
        Array.from({ length: 50 }, (_, n) => enqueue(queue, n, {})),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(new Set(jobs.map(({ id }) => id)).size, 1)
      assert.deepStrictEqual(
        jobs.map(({ outcome }) => outcome),
        ["created", ...Array.from({ length: 49 }, () => "existing" as const)]
      )
      yield* Testing.drain()
      assert.strictEqual((yield* enqueue(queue, 1, {})).outcome, "created")
    }))

  test("existing: awaiting answers the live job's result", (queue) =>
    Effect.gen(function* () {
      const both = yield* Effect.forkChild(
        Effect.all([queue.run(Keyed, { key: "k", n: 1 }), queue.run(Keyed, { key: "k", n: 2 })], { concurrency: 2 })
      )
      yield* Testing.drain()
      assert.deepStrictEqual(yield* Fiber.join(both), [1, 1])
    }))

  test("reject: refused with the id of the live job", (queue) =>
    Effect.gen(function* () {
      const first = yield* enqueue(queue, 1, { onConflict: "reject" })
      const error = yield* Effect.flip(enqueue(queue, 2, { onConflict: "reject" }))
      assert.isTrue(
        error._tag === "EnqueueError" && error.reason._tag === "DuplicateJob" && error.reason.existing === first.id
      )
    }))

  test("replace: a waiting job takes over payload, priority and time; a running one is answered", (queue) =>
    Effect.gen(function* () {
      const first = yield* enqueue(queue, 1, { onConflict: "replace", in: "1 hour" })
      const second = yield* enqueue(queue, 2, { onConflict: "replace", in: "1 minute", priority: 2 })
      assert.deepStrictEqual([second.id, second.outcome], [first.id, "replaced"])
      const { due, payload, priority } = yield* first.status
      assert.deepStrictEqual([due, payload, priority], [60_000, { key: "k", n: 2 }, 2])
      yield* TestClock.adjust("65 seconds")
      assert.strictEqual((yield* enqueue(queue, 3, { onConflict: "replace" })).outcome, "existing")
      yield* Testing.drain()
      assert.strictEqual(yield* first.await, 2)
    }))

  test("debounce: each call pushes the start away", (queue) =>
    Effect.gen(function* () {
      const first = yield* enqueue(queue, 0, { onConflict: "debounce", in: "10 seconds" })
      for (let n = 1; n <= 5; n++) {
        yield* TestClock.adjust("9 seconds")
        assert.strictEqual((yield* enqueue(queue, n, { onConflict: "debounce", in: "10 seconds" })).id, first.id)
      }
      yield* Testing.drain()
      assert.strictEqual((yield* first.status).startedAt, 55_000)
      assert.strictEqual(yield* first.await, 5)
    }))

  test("keepLast: while one runs the newest call is held, and follows it", (queue) =>
    Effect.gen(function* () {
      const first = yield* enqueue(queue, 1, { onConflict: "keepLast" })
      yield* TestClock.adjust("1 second")
      const held = yield* enqueue(queue, 2, { onConflict: "keepLast" })
      assert.strictEqual((yield* enqueue(queue, 3, { onConflict: "keepLast" })).id, held.id)
      assert.deepStrictEqual((yield* queue.explain(held.id))._tag, "HeldByKey")
      yield* Testing.drain()
      assert.deepStrictEqual([yield* first.await, yield* held.await], [1, 3])
      assert.isAtLeast((yield* held.status).startedAt!, (yield* first.status).finishedAt!)
    }))

  test("a window keeps the key taken after its job has finished", (queue) =>
    Effect.gen(function* () {
      const Daily = Task.make("work", {
        payload: Schema.Int,
        success: Schema.Int,
        idempotencyKey: () => "daily",
        unique: { onConflict: "existing", window: "1 hour" }
      })
      const first = yield* queue.enqueue(Daily, 1)
      yield* Testing.drain()
      assert.strictEqual((yield* queue.enqueue(Daily, 2)).id, first.id)
      yield* TestClock.adjust("1 hour")
      assert.notStrictEqual((yield* queue.enqueue(Daily, 3)).id, first.id)
    }))

  test("scope: by task, by group, or over the store", (queue) =>
    Effect.gen(function* () {
      const make = (name: string, group: string, scope: "task" | "group" | "store") =>
        Task.make(name, {
          payload: Schema.Void,
          group,
          idempotencyKey: () => "one",
          unique: { onConflict: "existing", scope }
        })
      const outcomes = (scope: "task" | "group" | "store") =>
        Effect.forEach(
          [
            make(`${scope}-a`, "g1", scope),
            make(`${scope}-a`, "g1", scope),
            make(`${scope}-b`, "g1", scope),
            make(`${scope}-c`, "g2", scope)
          ],
          (task) => Effect.map(queue.enqueue(task, undefined), ({ outcome }) => outcome === "created")
        )
      assert.deepStrictEqual(yield* outcomes("task"), [true, false, true, true])
      assert.deepStrictEqual(yield* outcomes("group"), [true, false, false, true])
      assert.deepStrictEqual(yield* outcomes("store"), [true, false, false, false])
    }))
})

describe("jobs after jobs", () => {
  test("a job starts when all it waits for have completed", (queue) =>
    Effect.gen(function* () {
      const parents = yield* queue.enqueueMany(Work, [1000, 5000])
      const child = yield* queue.enqueue(Work, 1, { after: parents.map(({ id }) => id) })
      const reason = yield* queue.explain(child.id)
      assert.deepStrictEqual(reason, { _tag: "WaitingForJobs", jobs: parents.map(({ id }) => id) })
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual((yield* child.status).waitingFor, [parents[1]!.id])
      yield* Testing.drain()
      assert.strictEqual((yield* child.status).startedAt, 5000)
    }))

  test("when a parent fails, is cancelled or removed, its policy says what becomes of it, and so on down", (queue) =>
    Effect.gen(function* () {
      for (const how of ["fails", "is cancelled", "is removed"] as const) {
        const parent =
          how === "fails" ? yield* queue.enqueue(Fail, "no", { in: 1000 }) : yield* queue.enqueue(Work, 1, { in: 1000 })
        const child = (onParentFailure: "cancel" | "fail" | "run") =>
          queue.enqueue(Work, 2, { after: [parent.id], onParentFailure })
        const children = yield* Effect.all([child("cancel"), child("fail"), child("run")])
        const grandchild = yield* queue.enqueue(Work, 3, { after: [children[0].id] })
        const waiting = yield* Effect.forkChild(Effect.flip(grandchild.await))
        if (how === "is cancelled") yield* queue.cancel(parent.id)
        if (how === "is removed") yield* queue.remove(parent.id)
        yield* Testing.drain()
        assert.deepStrictEqual(
          yield* states(queue, [...children, grandchild]),
          ["cancelled", "failed", "completed", "cancelled"],
          how
        )
        const error = yield* Fiber.join(waiting)
        assert.strictEqual(error._tag === "JobFailed" && error.failure.cause, "ParentFailed")
      }
    }))
})

describe("operators", () => {
  test("cancel: a waiting job never runs, a running one is interrupted, a finished one is refused", (queue) =>
    Effect.gen(function* () {
      const waiting = yield* queue.enqueue(Work, 1, { in: "1 minute" })
      const running = yield* queue.enqueue(Work, 100_000)
      const finished = yield* queue.enqueue(Work, 1)
      yield* TestClock.adjust("1 second")
      yield* waiting.cancel("not needed")
      yield* queue.cancel(running.id)
      assert.strictEqual(yield* reasonOf(queue.cancel(finished.id)), "WrongState")
      assert.strictEqual(yield* reasonOf(queue.cancel(unknownId)), "JobNotFound")
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* states(queue, [waiting, running]), ["cancelled", "cancelled"])
      assert.strictEqual((yield* waiting.status).failure?.message, "not needed")
      const error = yield* Effect.flip(running.await)
      assert.isTrue(error._tag === "JobFailed" && error.state === "cancelled" && error.failure.cause === "Cancelled")
      yield* Testing.drain()
      assert.deepStrictEqual(runs, [100_000, 1])
    }))

  test("pause: a group or the whole queue stands still, running jobs go on, resume starts what waits", (queue) =>
    Effect.gen(function* () {
      const running = yield* queue.enqueue(Work, 5000)
      yield* TestClock.adjust("1 second")
      for (const group of ["network", undefined]) {
        yield* queue.pause(group)
        const job = yield* queue.enqueue(Work, 1)
        const other = yield* queue.enqueue(Work, 1, { group: "elsewhere" })
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual(yield* states(queue, [running, job, other]), [
          "completed",
          "pending",
          group === undefined ? "pending" : "completed"
        ])
        yield* queue.resume(group)
        yield* TestClock.adjust("2 millis")
        assert.deepStrictEqual(yield* states(queue, [job, other]), ["completed", "completed"])
      }
    }))

  test("edit: payload, priority and time of a waiting job, checked as an enqueue is", (queue) =>
    Effect.gen(function* () {
      const job = yield* queue.enqueue(Work, 1, { in: "1 hour" })
      yield* queue.edit(job.id, { payload: 5, priority: 2, due: 30_000 })
      const { due, payload, priority } = yield* job.status
      assert.deepStrictEqual([due, payload, priority], [30_000, 5, 2])
      assert.strictEqual(yield* reasonOf(queue.edit(job.id, { payload: "five" })), "InvalidPayload")
      assert.strictEqual(yield* reasonOf(queue.edit(job.id, { priority: 11 })), "InvalidOption")
      assert.strictEqual(yield* reasonOf(queue.edit(job.id, { due: Number.NaN })), "InvalidOption")
      yield* Testing.drain()
      assert.strictEqual((yield* job.status).startedAt, 30_000)
      assert.strictEqual(yield* job.await, 5)
      assert.strictEqual(yield* reasonOf(queue.edit(job.id, { priority: 1 })), "WrongState")
      assert.strictEqual(yield* reasonOf(queue.edit(unknownId, { payload: 1 })), "JobNotFound")
    }))

  test("an earlier time starts the job at once, without waiting for a poll", (queue) =>
    Effect.gen(function* () {
      const job = yield* queue.enqueue(Work, 1, { in: "1 hour" })
      yield* TestClock.adjust("100 millis")
      yield* queue.edit(job.id, { due: 0 })
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* job.status).startedAt, 100)
    }))

  test("snooze from outside: not before the delay; running and finished jobs refuse", (queue) =>
    Effect.gen(function* () {
      const job = yield* queue.enqueue(Work, 1000, { in: "1 minute" })
      yield* TestClock.adjust("30 seconds")
      yield* queue.snooze(job.id, "2 minutes")
      yield* Testing.waitFor(job, "running")
      assert.strictEqual((yield* job.status).startedAt, 150_000)
      assert.strictEqual(yield* reasonOf(queue.snooze(job.id, 1)), "WrongState")
    }))

  test("retry: a dead letter runs again under its id with all its attempts", (queue) =>
    Effect.gen(function* () {
      const job = yield* queue.enqueue(Fail, "no")
      yield* Testing.drain()
      yield* queue.retry(job.id)
      assert.strictEqual((yield* job.status).attempt, 0)
      assert.strictEqual(yield* reasonOf(queue.retry(job.id)), "WrongState")
      yield* Testing.drain()
      assert.deepStrictEqual([(yield* job.status).state, (yield* job.status).attempt], ["failed", 1])
    }))

  test("remove: gone with all that hangs on it; running jobs refuse", (queue) =>
    Effect.gen(function* () {
      const job = yield* queue.enqueue(Work, 1000)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* reasonOf(queue.remove(job.id)), "WrongState")
      yield* Testing.drain()
      yield* queue.remove(job.id)
      assert.strictEqual(yield* reasonOf(queue.get(job.id)), "JobNotFound")
      assert.strictEqual(yield* reasonOf(Effect.asVoid(job.await)), "JobNotFound")
    }))

  test("in bulk: by filter, a page at a time, however many", (queue) =>
    Effect.gen(function* () {
      yield* queue.pause()
      yield* queue.enqueueMany(
        Work,
        Array.from({ length: 1700 }, () => 1),
        { tags: ["bulk"] }
      )
      const rest = yield* queue.enqueueMany(Work, [1, 1, 1])
      assert.strictEqual(yield* queue.cancelWhere({ tag: "bulk" }, "clean-up"), 1700)
      assert.strictEqual(yield* queue.cancelWhere({ tag: "bulk" }), 0)
      assert.strictEqual(yield* queue.retryWhere({ tag: "bulk" }), 1700)
      assert.strictEqual((yield* queue.count({ states: ["pending"] })).count, 1703)
      assert.strictEqual(yield* queue.removeWhere({ tag: "bulk" }), 1700)
      assert.deepStrictEqual(yield* states(queue, rest), ["pending", "pending", "pending"])
      assert.strictEqual(yield* total(queue), 3)
    }))

  test("cancelWhere reaches running jobs too", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueueMany(
        Work,
        Array.from({ length: 25 }, () => 60_000)
      )
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* queue.cancelWhere({ tasks: ["work"] }), 25)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* queue.count({ states: ["cancelled"] })).count, 25)
    }))
})

describe("looking", () => {
  test("list: pages by id in both directions, each job once", (queue) =>
    Effect.gen(function* () {
      const jobs = yield* queue.enqueueMany(
        Work,
        Array.from({ length: 25 }, (_, i) => i),
        { in: "1 hour" }
      )
      const ids = jobs.map(({ id }) => id)
      for (const order of ["oldest", "newest"] as const) {
        const seen: Array<JobId> = []
        let cursor: JobId | undefined
        do {
          const page = yield* queue.list({}, { limit: 10, order, ...(cursor === undefined ? {} : { cursor }) })
          seen.push(...page.jobs.map(({ id }) => id))
          cursor = page.next
        } while (cursor !== undefined)
        assert.deepStrictEqual(seen, order === "oldest" ? ids : [...ids].reverse())
      }
    }))

  test("stats: counters, groups, oldest pending and workers", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(Work, 60_000)
      yield* queue.pause("slow")
      yield* TestClock.adjust("5 seconds")
      yield* queue.enqueue(Work, 1, { group: "slow" })
      const { counters, groups, oldestPending, paused, workers } = yield* queue.stats
      assert.deepStrictEqual(counters.map(({ count, group, state }) => [group, state, count]).sort(), [
        ["network", "running", 1],
        ["slow", "pending", 1]
      ])
      assert.strictEqual(groups.find(({ name }) => name === "slow")?.paused, true)
      assert.strictEqual(groups.find(({ name }) => name === "network")?.limit, ResourceGroup.network.limit)
      assert.deepStrictEqual([...oldestPending], [["slow", 5000]])
      assert.isFalse(paused)
      assert.deepStrictEqual(
        workers.map(({ tasks }) => [...tasks].sort()),
        [["fail", "flaky", "keyed", "work"]]
      )
    }))

  test("waitFor returns when the job has the state, or has ended", (queue) =>
    Effect.gen(function* () {
      const job = yield* queue.enqueue(Work, 10_000, { in: 1000 })
      const running = yield* Effect.forkChild(queue.waitFor(job.id, ["running"]))
      const ended = yield* Effect.forkChild(queue.waitFor(job.id))
      yield* TestClock.adjust("1100 millis")
      assert.strictEqual((yield* Fiber.join(running)).state, "running")
      yield* TestClock.adjust("11 seconds")
      assert.strictEqual((yield* Fiber.join(ended)).state, "completed")
      assert.strictEqual(yield* reasonOf(queue.waitFor(unknownId)), "JobNotFound")
    }))

  test("roll-ups tell what happened", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueueMany(Work, [10, 20, 30])
      yield* queue.enqueue(Fail, "no")
      yield* Testing.drain()
      const rollUps = yield* queue.rollUps({ width: 10_000, from: 0, to: 60_000 })
      const sum = (field: "arrivals" | "starts" | "completed" | "dead") =>
        rollUps.reduce((all, it) => all + it[field], 0)
      assert.deepStrictEqual([sum("arrivals"), sum("starts"), sum("completed"), sum("dead")], [4, 4, 3, 1])
    }))
})

describe("explain", () => {
  it.effect("gives each reason a job can have for not having started", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const settings = { lease: QueueSettings.defaults.lease }
      const lonely = yield* startNode({ store, settings, worker: { slots: { "*": 0 } } })
      const { queue } = lonely
      const tag = (id: JobId) => Effect.map(queue.explain(id), (reason): Explain.Reason["_tag"] => reason._tag)
      const job = yield* queue.enqueue(Work, 60_000)
      yield* queue.drainWorker((yield* lonely.worker.status).session)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* tag(job.id), "NoWorker")
      const deaf = yield* startNode({ store, settings })
      assert.deepStrictEqual(yield* queue.explain(job.id), { _tag: "NoWorkerForTask", task: "work" })
      yield* deaf.stop
      const worker = yield* startNode({ store, settings, handlers, worker: { slots: { network: 0 } } })
      assert.deepStrictEqual(yield* queue.explain(job.id), { _tag: "NoSlotsForGroup", group: "network" })
      yield* queue.pause("network")
      assert.deepStrictEqual(yield* queue.explain(job.id), { _tag: "GroupPaused", group: "network" })
      yield* queue.pause()
      assert.strictEqual(yield* tag(job.id), "QueuePaused")
      yield* queue.resume()
      yield* queue.resume("network")
      yield* worker.worker.setSlots("network", 1)
      yield* TestClock.adjust("20 seconds")
      const running = yield* queue.explain(job.id)
      assert.isTrue(running._tag === "Running" && running.since === 1000)
      const next = yield* queue.enqueue(Work, 1)
      assert.deepStrictEqual(yield* queue.explain(next.id), {
        _tag: "WorkersBusy",
        group: "network",
        running: 1,
        slots: 1
      })
      yield* queue.setLimit("network", 1)
      assert.deepStrictEqual(yield* queue.explain(next.id), {
        _tag: "GroupFull",
        group: "network",
        running: 1,
        limit: 1
      })
      const later = yield* queue.enqueue(Work, 1, { at: 500_000 })
      assert.deepStrictEqual(yield* queue.explain(later.id), { _tag: "NotDue", due: 500_000 })
      const child = yield* queue.enqueue(Work, 1, { after: [later.id] })
      assert.strictEqual(yield* tag(child.id), "WaitingForJobs")
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(yield* queue.explain(next.id), { _tag: "Finished", state: "completed" })
      const flaky = yield* queue.enqueue(Flaky, undefined)
      yield* TestClock.adjust("1 millis")
      const retry = yield* queue.explain(flaky.id)
      assert.deepInclude(retry, { _tag: "WaitingForRetry", lastError: "no", attempt: 1 })
      assert.strictEqual(yield* reasonOf(queue.explain(Job.jobIdFloor(5) as JobId)), "JobNotFound")
    }).pipe(Effect.scoped)
  )
})
