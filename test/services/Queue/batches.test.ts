import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { type JobId, request, Task, TaskQueue } from "../../../src/services/Queue/index.ts"
import type { BatchHandler, BatchOptions } from "../../../src/services/Queue/index.ts"
import * as Testing from "../../../src/testing/index.ts"
import { startNode } from "../../support/queue/QueueNode.ts"
import { sharedMemory } from "../../support/queue/SharedMemory.ts"

class Refused extends Schema.TaggedError<Refused>()("Refused", { n: Schema.Int }) {}

type Handler = BatchHandler<number, number, Refused, number, never>

const define = (
  options: Partial<Task.TaskOptions<number, number, Refused, number>> = {},
  batch: BatchOptions<number, number, Refused, number> = { maxBatchSize: 10 }
) =>
  Task.make("add", {
    payload: Schema.Int,
    success: Schema.Int,
    error: Refused,
    progress: Schema.Int,
    retry: "none",
    ...options,
    batch
  })

/** Runs a program with a batch handler; `calls` are the payloads of each call so far. */
const withBatches = <A, E>(
  program: (run: {
    readonly queue: TaskQueue["Service"]
    readonly task: ReturnType<typeof define>
    readonly calls: ReadonlyArray<ReadonlyArray<number>>
  }) => Effect.Effect<A, E, TaskQueue>,
  handler: Handler,
  task = define()
) => {
  const calls: Array<ReadonlyArray<number>> = []
  const layer = task.toBatchLayer((items) => {
    calls.push(items.map(({ payload }) => payload))
    return handler(items)
  })
  return Effect.gen(function* () {
    return yield* program({ queue: yield* TaskQueue, task, calls })
  }).pipe(Effect.provide(Testing.layer(layer)))
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)
const plusOne: Handler = (items) => Effect.succeed(items.map(({ payload }) => Exit.succeed(payload + 1)))

const states = (queue: TaskQueue["Service"], jobs: ReadonlyArray<{ readonly id: JobId }>) =>
  Effect.forEach(jobs, ({ id }) => Effect.map(queue.get(id), ({ state }) => state))

describe("a batch task", () => {
  it.effect("runs many jobs in one call, and each has its own result", () =>
    withBatches(
      ({ calls, queue, task }) =>
        Effect.gen(function* () {
          const results = yield* Effect.forkChild(queue.runMany(task, upTo(25)))
          yield* TestClock.adjust("100 millis")
          assert.deepStrictEqual(
            yield* Fiber.join(results),
            upTo(25).map((n) => n + 1)
          )
          assert.deepStrictEqual(
            calls.map(({ length }) => length),
            [10, 10, 5]
          )
        }),
      plusOne
    )
  )

  it.effect("starts a batch that does not fill up when its first job has waited, and no sooner", () =>
    withBatches(
      ({ calls, queue, task }) =>
        Effect.gen(function* () {
          yield* queue.enqueue(task, 1)
          yield* TestClock.adjust("60 millis")
          yield* queue.enqueue(task, 2)
          yield* TestClock.adjust("39 millis")
          assert.deepStrictEqual(calls, [])
          yield* TestClock.adjust("1 millis")
          assert.deepStrictEqual(calls, [[1, 2]])
        }),
      plusOne
    )
  )

  it.effect("keeps groups apart", () =>
    withBatches(
      ({ calls, queue, task }) =>
        Effect.gen(function* () {
          yield* queue.enqueueMany(task, upTo(6))
          assert.deepStrictEqual(calls, [])
          yield* queue.enqueueMany(task, [7, 9])
          yield* TestClock.adjust(1)
          assert.deepStrictEqual(calls, [[1, 3, 5, 7]])
          yield* TestClock.adjust("100 millis")
          assert.deepStrictEqual(calls.slice(1), [[0, 2, 4], [9]])
        }),
      plusOne,
      define({}, { maxBatchSize: 4, groupBy: (n) => (n % 2 === 0 ? "even" : "odd") })
    )
  )

  it.effect("is what a job waits for until it is full or has waited, as explain says", () => {
    const task = define(
      {},
      { maxBatchSize: 4, maxWaitTime: "1 minute", groupBy: (n) => (n % 2 === 0 ? "even" : "odd") }
    )
    return withBatches(
      ({ queue }) =>
        Effect.gen(function* () {
          // The worker has told of its batches.
          yield* TestClock.adjust("15 seconds")
          const [first] = yield* queue.enqueueMany(task, [0, 2, 1])
          yield* TestClock.adjust("10 seconds")
          yield* queue.enqueue(task, 4)
          const due = (yield* queue.get(first!.id)).due
          assert.deepStrictEqual(yield* queue.explain(first!.id), {
            _tag: "WaitingForBatch",
            jobs: 3,
            size: 4,
            until: due + 60_000
          })
          yield* queue.enqueue(task, 6)
          yield* TestClock.adjust(0)
          assert.strictEqual((yield* queue.explain(first!.id))._tag, "Running")
        }),
      (items) => Effect.delay(plusOne(items), "1 minute"),
      task
    )
  })

  it.effect("takes one slot of its group, however many jobs it runs", () =>
    withBatches(
      ({ calls, queue, task }) =>
        Effect.gen(function* () {
          yield* queue.setLimit("computation", 2)
          yield* TestClock.adjust(0)
          const jobs = yield* queue.enqueueMany(task, upTo(30))
          yield* TestClock.adjust("10 seconds")
          assert.strictEqual(calls.length, 2)
          const { groups } = yield* queue.stats
          assert.strictEqual(groups.find(({ name }) => name === "computation")!.busy, 2)
          assert.deepStrictEqual(yield* queue.explain(jobs[25]!.id), {
            _tag: "GroupFull",
            group: "computation",
            running: 2,
            limit: 2
          })
          yield* TestClock.adjust("1 minute")
          assert.strictEqual(calls.length, 3)
        }),
      (items) => Effect.delay(plusOne(items), "1 minute")
    )
  )

  it.effect("without an answer completes all, where success is void; an item may also end before the others", () =>
    Effect.gen(function* () {
      const Void = Task.make("void", { payload: Schema.Int, batch: { maxBatchSize: 3 } })
      const handler = Void.toBatchLayer((items) =>
        Effect.andThen(items[1]!.settle(Exit.void), Effect.asVoid(Effect.sleep("1 minute")))
      )
      yield* Effect.gen(function* () {
        const queue = yield* TaskQueue
        const jobs = yield* queue.enqueueMany(Void, [1, 2, 3])
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* states(queue, jobs), ["running", "completed", "running"])
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(yield* states(queue, jobs), ["completed", "completed", "completed"])
      }).pipe(Effect.provide(Testing.layer(handler)))
    })
  )

  it.effect("runs alone where its handler is one for single jobs, and inline in a batch of one", () =>
    Effect.gen(function* () {
      const task = define()
      const single = task.toLayer((n) => Effect.succeed(n * 2))
      const doubled = yield* TaskQueue.use((queue) => queue.run(task, 4)).pipe(Effect.provide(Testing.layer(single)))
      assert.strictEqual(doubled, 8)
      const inline = yield* TaskQueue.use((queue) => queue.run(task, 4)).pipe(
        Effect.provide(Testing.layerInline(task.toBatchLayer(plusOne)))
      )
      assert.strictEqual(inline, 5)
    })
  )

  it.effect("may bring its handler in the definition", () =>
    Effect.gen(function* () {
      const task = define({}, { process: plusOne, maxWaitTime: 0 })
      const result = yield* TaskQueue.use((queue) => queue.run(task, 4)).pipe(
        Effect.provide(Testing.layer(task.toBatchLayer()))
      )
      assert.strictEqual(result, 5)
    })
  )

  it("refuses sizes, times and handlers that cannot be", () => {
    assert.throws(() => define({}, { maxBatchSize: 0 }), /maxBatchSize is 0; expected a whole number from 1 to 1,000/)
    assert.throws(() => define({}, { maxWaitTime: "-1 second" }), /maxWaitTime/)
    assert.throws(() => define().toBatchLayer(), /no batch handler/)
    assert.throws(() => Task.make("none", { payload: Schema.Int }).toBatchLayer(() => Effect.void), /no batch;/)
  })
})

describe("an item that ends badly", () => {
  let begun = 0

  it.effect("fails alone when the handler says so, with its own retries and its own error", () =>
    withBatches(
      ({ calls, queue, task }) =>
        Effect.gen(function* () {
          const jobs = yield* queue.enqueueMany(task, upTo(10))
          const failing = yield* Effect.forkChild(Effect.flip(jobs[3]!.await))
          yield* Testing.drain()
          assert.deepStrictEqual(yield* Fiber.join(failing), new Refused({ n: 3 }))
          const found = yield* states(queue, jobs)
          assert.deepStrictEqual([found[3], found.filter((state) => state === "completed").length], ["failed", 9])
          assert.deepStrictEqual(
            calls.map(({ length }) => length),
            [10, 1, 1]
          )
          assert.strictEqual((yield* queue.get(jobs[3]!.id)).attempt, 3)
        }),
      (items) =>
        Effect.forEach(items, ({ payload }) =>
          Effect.exit(payload === 3 ? Effect.fail(new Refused({ n: 3 })) : Effect.succeed(payload))
        ),
      define({ retry: { times: 2 } })
    )
  )

  for (const [how, poison] of [
    ["fails", Effect.fail(new Refused({ n: 0 }))],
    ["dies", Effect.die(new Error("poison"))]
  ] as const) {
    it.effect(`and makes the whole call one that ${how} is found, and alone fails`, () =>
      withBatches(
        ({ calls, queue, task }) =>
          Effect.gen(function* () {
            const jobs = yield* queue.enqueueMany(task, upTo(10))
            yield* Testing.drain()
            const found = yield* states(queue, jobs)
            assert.deepStrictEqual(
              found.flatMap((state, i) => (state === "completed" ? [] : [[i, state]])),
              [[6, "failed"]]
            )
            assert.isAtMost(calls.length, 9, "halves, not one call per job")
            for (const { id } of jobs) assert.strictEqual((yield* queue.get(id)).attempt, 1, "no attempt is spent")
          }),
        (items) => (items.some(({ payload }) => payload === 6) ? poison : plusOne(items))
      )
    )
  }

  it.effect("where all fail, each is called for itself at last, and fails with its own retries", () =>
    withBatches(
      ({ calls, queue, task }) =>
        Effect.gen(function* () {
          const jobs = yield* queue.enqueueMany(task, upTo(10))
          yield* Testing.drain()
          assert.deepStrictEqual(new Set(yield* states(queue, jobs)), new Set(["failed"]))
          assert.strictEqual(calls.length, 2 * 10 - 1)
        }),
      () => Effect.die("down")
    )
  )

  it.effect("a call that snoozes puts all of it off, no attempt spent", () =>
    withBatches(
      ({ calls, queue, task }) =>
        Effect.gen(function* () {
          const jobs = yield* queue.enqueueMany(task, upTo(10))
          yield* TestClock.adjust("30 seconds")
          assert.deepStrictEqual(new Set(yield* states(queue, jobs)), new Set(["scheduled"]))
          yield* TestClock.adjust("1 minute")
          assert.deepStrictEqual(new Set(yield* states(queue, jobs)), new Set(["completed"]))
          for (const { id } of jobs) assert.strictEqual((yield* queue.get(id)).attempt, 1)
          assert.strictEqual(calls.length, 2)
        }),
      (items) => (begun++ === 0 ? items[0]!.job.snooze("1 minute") : plusOne(items))
    )
  )

  it.effect("that hangs is found at the hard limit, and no other fails", () =>
    withBatches(
      ({ queue, task }) =>
        Effect.gen(function* () {
          const jobs = yield* queue.enqueueMany(task, upTo(10))
          yield* Testing.drain()
          const found = yield* states(queue, jobs)
          assert.deepStrictEqual(
            found.flatMap((state, i) => (state === "completed" ? [] : [[i, state]])),
            [[2, "failed"]]
          )
          assert.strictEqual((yield* queue.get(jobs[2]!.id)).failure!.cause, "TimedOut")
        }),
      (items) => (items.some(({ payload }) => payload === 2) ? Effect.never : plusOne(items)),
      define({ hardLimit: "1 minute" })
    )
  )

  it.effect("with a hard limit of its own leaves the call, is told by its signal, and runs alone", () => {
    const told: Array<number> = []
    return withBatches(
      ({ calls, queue, task }) =>
        Effect.gen(function* () {
          const slow = yield* queue.enqueue(task, 1, { hardLimit: "5 seconds" })
          const others = yield* queue.enqueueMany(task, [2, 3])
          yield* TestClock.adjust("6 seconds")
          assert.deepStrictEqual(told, [1])
          yield* Testing.drain()
          assert.deepStrictEqual(yield* states(queue, [slow, ...others]), ["failed", "completed", "completed"])
          assert.deepStrictEqual(calls, [[1, 2, 3], [1]])
        }),
      (items) =>
        Effect.gen(function* () {
          for (const { job, payload } of items)
            if (payload === 1) job.signal.addEventListener("abort", () => told.push(payload))
          yield* Effect.sleep("10 seconds")
          for (const { payload, settle } of items) if (payload !== 1) yield* settle(Exit.succeed(payload))
          return items.some(({ payload }) => payload === 1) ? yield* Effect.never : []
        }),
      define({ hardLimit: "20 seconds" })
    )
  })

  it.effect("a payload its schema does not know is buried, and the others run", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const Loose = Task.make("add", { payload: Schema.Unknown, batch: { maxBatchSize: 3 } })
      const producer = yield* startNode({ store })
      const jobs = yield* producer.queue.enqueueMany(Loose, ["x", 2, 3])
      yield* startNode({ store, handlers: define().toBatchLayer(plusOne) })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* states(producer.queue, jobs), ["failed", "completed", "completed"])
      const { groups } = yield* producer.queue.stats
      assert.strictEqual(groups.find(({ name }) => name === "computation")!.busy, 0)
    })
  )

  it.effect("a handler that answers too little fails those it forgot, and says why", () =>
    withBatches(
      ({ queue, task }) =>
        Effect.gen(function* () {
          const jobs = yield* queue.enqueueMany(task, [1, 2])
          yield* Testing.drain()
          assert.deepStrictEqual(yield* states(queue, jobs), ["completed", "failed"])
          assert.include((yield* queue.get(jobs[1]!.id)).failure!.message, "one per item")
        }),
      () => Effect.succeed([Exit.succeed(1)])
    )
  )
})

describe("cancelling and stopping", () => {
  it.effect("a cancelled item leaves the call, and the others complete", () =>
    withBatches(
      ({ calls, queue, task }) =>
        Effect.gen(function* () {
          const jobs = yield* queue.enqueueMany(task, upTo(10))
          yield* TestClock.adjust("1 second")
          yield* queue.cancel(jobs[0]!.id)
          yield* queue.cancel(jobs[4]!.id)
          yield* TestClock.adjust("1 second")
          assert.strictEqual((yield* queue.get(jobs[4]!.id)).state, "cancelled")
          yield* TestClock.adjust("1 minute")
          const found = yield* states(queue, jobs)
          assert.deepStrictEqual([found[0], found[4]], ["cancelled", "cancelled"])
          assert.strictEqual(found.filter((state) => state === "completed").length, 8)
          assert.strictEqual(calls.length, 1)
        }),
      (items) => Effect.delay(plusOne(items), "30 seconds")
    )
  )

  it.effect("when all are cancelled the handler is interrupted, and they end when it has cleaned up", () => {
    let cleaned = false
    return withBatches(
      ({ queue, task }) =>
        Effect.gen(function* () {
          const jobs = yield* queue.enqueueMany(task, upTo(10))
          for (const { id } of jobs) yield* queue.cancel(id)
          yield* TestClock.adjust("1 second")
          assert.isFalse(cleaned)
          yield* TestClock.adjust("2 seconds")
          assert.isTrue(cleaned)
          assert.deepStrictEqual(new Set(yield* states(queue, jobs)), new Set(["cancelled"]))
          const { groups } = yield* queue.stats
          assert.strictEqual(groups.find(({ name }) => name === "computation")!.busy, 0)
        }),
      () =>
        Effect.never.pipe(
          Effect.onInterrupt(() =>
            Effect.andThen(
              Effect.sleep("2 seconds"),
              Effect.sync(() => {
                cleaned = true
              })
            )
          )
        )
    )
  })

  it.effect("a worker that stops waits for the call within its grace, then hands all of it back unspent", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const calls: Array<number> = []
      const task = define()
      const handlers = task.toBatchLayer((items) => {
        calls.push(items.length)
        return items[0]!.payload === 0 && calls.length === 2 ? Effect.never : plusOne(items)
      })
      const producer = yield* startNode({ store })
      yield* producer.queue.enqueueMany(task, upTo(10))
      const first = yield* startNode({ store, handlers })
      yield* TestClock.adjust("1 second")
      const jobs = yield* producer.queue.enqueueMany(task, upTo(10))
      yield* TestClock.adjust("1 second")
      const stopping = yield* Effect.forkChild(first.stop)
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(stopping)
      for (const { id } of jobs) {
        const { attempt, state } = yield* producer.queue.get(id)
        assert.deepStrictEqual([state, attempt], ["pending", 0])
      }
      yield* startNode({ store, handlers })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(new Set(yield* states(producer.queue, jobs)), new Set(["completed"]))
    })
  )

  it.effect("after a worker's death its items run again one by one", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const calls: Array<number> = []
      const task = define({ retry: { times: 3 } })
      const handlers = (hang: boolean) =>
        task.toBatchLayer((items) => {
          calls.push(items.length)
          return hang ? Effect.never : plusOne(items)
        })
      const dying = yield* startNode({ store, handlers: handlers(true) })
      const jobs = yield* dying.queue.enqueueMany(task, upTo(10))
      yield* TestClock.adjust("1 second")
      dying.kill()
      const other = yield* startNode({ store, handlers: handlers(false) })
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(new Set(yield* states(other.queue, jobs)), new Set(["completed"]))
      assert.deepStrictEqual(calls, [10, ...upTo(10).map(() => 1)])
    })
  )
})

describe("a job that has taken its workers down", () => {
  it.effect("runs alone in its process, and batches go on when it has ended", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const task = define({ retry: { times: 3 } })
      const running: Array<number> = []
      let most = 0
      const handlers = task.toBatchLayer((items) =>
        Effect.gen(function* () {
          running.push(...items.map(({ payload }) => payload))
          if (running.includes(0)) most = Math.max(most, running.length)
          yield* Effect.sleep("20 seconds")
          for (const { payload } of items) running.splice(running.indexOf(payload), 1)
          return items.map(({ payload }) => Exit.succeed(payload))
        })
      )
      const producer = yield* startNode({ store })
      const suspect = yield* producer.queue.enqueue(task, 0)
      for (let death = 0; death < 2; death++) {
        const dying = yield* startNode({ store, handlers })
        yield* TestClock.adjust("5 seconds")
        dying.kill()
        yield* TestClock.adjust("1 minute")
      }
      running.length = 0
      most = 0
      const others = yield* producer.queue.enqueueMany(task, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
      yield* startNode({ store, handlers })
      yield* TestClock.adjust("5 minutes")
      assert.deepStrictEqual(new Set(yield* states(producer.queue, [suspect, ...others])), new Set(["completed"]))
      assert.strictEqual(most, 1)
    })
  )
})

describe("progress and logs", () => {
  it.effect("are each item's own; what the call logs is with each that has not ended", () =>
    withBatches(
      ({ queue, task }) =>
        Effect.gen(function* () {
          const jobs = yield* queue.enqueueMany(task, [1, 2, 3])
          yield* TestClock.adjust("1 second")
          assert.deepStrictEqual(
            yield* Effect.forEach(jobs, ({ id }) => Effect.map(queue.get(id), ({ progress }) => progress)),
            [10, 20, 30]
          )
          const lines = yield* Effect.forEach(jobs, ({ logs }) => logs)
          assert.deepStrictEqual(
            lines.map((each) => each.map(({ message }) => message)),
            [["all"], ["all", "those left"], ["all", "those left"]]
          )
        }),
      (items) =>
        Effect.gen(function* () {
          for (const { job, payload } of items) yield* job.progress(payload * 10)
          yield* Effect.log("all")
          yield* items[0]!.settle(Exit.succeed(2))
          yield* Effect.log("those left")
          return yield* Effect.delay(plusOne(items), "1 minute")
        })
    )
  )
})

describe("a set of jobs", () => {
  const Report = Task.make("report", { payload: Schema.String, success: Schema.String })
  const report = Report.toLayer((about) => Effect.succeed(`${about} is done`))

  it.effect("is followed by its job once all have ended, well or not, whoever ran them", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const task = define({ retry: { times: 2 } })
      const producer = yield* startNode({ store })
      const requests = upTo(30).map((n) => request(task, n))
      const { done, jobs } = yield* producer.queue.enqueueSet({
        jobs: requests,
        onDone: request(Report, "it"),
        batchKey: "import-1"
      })
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* done.status).waitReason, "parents")
      assert.strictEqual((yield* producer.queue.count({ batchKey: "import-1" })).count, 30)
      const handlers = task.toBatchLayer((items) =>
        Effect.delay(
          Effect.succeed(items.map(({ payload }) => (payload === 3 ? Exit.die("bad") : Exit.succeed(payload)))),
          "10 seconds"
        )
      )
      const dying = yield* startNode({ store, handlers: Layer.merge(handlers, report) })
      yield* TestClock.adjust("5 seconds")
      dying.kill()
      yield* startNode({ store, handlers: Layer.merge(handlers, report) })
      yield* TestClock.adjust("10 minutes")
      const { attempt, startedAt, state } = yield* done.status
      assert.deepStrictEqual([state, attempt], ["completed", 1])
      for (const [n, { id }] of jobs.entries()) {
        const job = yield* producer.queue.get(id)
        assert.strictEqual(job.state, n === 3 ? "failed" : "completed")
        assert.isAtMost(job.finishedAt!, startedAt!)
      }
      assert.strictEqual((yield* producer.queue.count({ tasks: ["report"] })).count, 1)
    })
  )

  it.effect("has typed handles, runs inline, and follows at once when it is empty", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const { done, jobs } = yield* queue.enqueueSet({
        jobs: [request(define(), 1), request(Report, "one")],
        onDone: request(Report, "all")
      })
      assert.deepStrictEqual([yield* jobs[0].await, yield* jobs[1].await], [2, "one is done"])
      assert.strictEqual(yield* done.await, "all is done")
      const empty = yield* queue.enqueueSet({ jobs: [], onDone: request(Report, "nothing") })
      assert.strictEqual(yield* empty.done.await, "nothing is done")
    }).pipe(Effect.provide(Testing.layerInline(Layer.merge(define().toBatchLayer(plusOne), report))))
  )
})
