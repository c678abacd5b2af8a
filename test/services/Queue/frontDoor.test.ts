/** The ways into the queue that save a program a line: fields, schedules, streams, statics, single layers. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schedule, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import {
  Job,
  MemoryOptimizer,
  PerformanceProfiler,
  QueueEvents,
  Sluice,
  StreamProcessor,
  Task,
  TaskQueue
} from "../../../src/services/Queue/index.ts"
import { layerQueue, layerWorking, storeNames } from "../../support/doors/BothStores.ts"

const Thumbnail = Task.make("thumbnail", {
  payload: { file: Schema.String, until: Schema.optionalKey(Schema.DateFromString) },
  success: Schema.Int,
  idempotencyKey: ({ file }) => file
})
const Flaky = Task.make("flaky", {
  payload: { times: Schema.Int },
  success: Schema.Int,
  error: Schema.String,
  retry: Schedule.exponential("10 seconds").pipe(Schedule.upTo({ times: 2 }))
})
const Priced = Task.make("priced", { payload: Schema.Int, success: Schema.String, version: 2 })
const Count = Task.make("count", { payload: Schema.Int })

describe.each(storeNames)("on %s", (store) => {
  it.effect("a payload given as fields is the struct of them, at every edge", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const payload = { file: "a.png", until: new Date(5) }
      assert.strictEqual(yield* queue.run(Thumbnail, payload), 5)
      const error = yield* Effect.flip(queue.enqueue(Thumbnail, { file: 5 } as never))
      assert(error._tag === "EnqueueError" && error.reason._tag === "InvalidPayload")
      assert.match(error.message, /\["file"\]/)
    }).pipe(
      Effect.provide(
        layerWorking(
          store,
          Thumbnail.toLayer(({ until }) => Effect.succeed(until!.getTime()))
        )
      )
    )
  )

  it.effect("a schedule says how often a job is retried, and when", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const { await: end, id } = yield* queue.enqueue(Flaky, { times: 2 })
      assert.strictEqual((yield* queue.get(id)).maxAttempts, 3)
      const fiber = yield* Effect.forkChild(end)
      yield* TestClock.adjust("31 seconds")
      assert.strictEqual(yield* Fiber.join(fiber), 3)
      const { attempts, enqueuedAt } = yield* queue.get(id)
      assert.deepStrictEqual(
        attempts.map(({ startedAt }) => Math.round((startedAt - enqueuedAt) / 1000)),
        [0, 10, 30]
      )
    }).pipe(
      Effect.provide(
        layerWorking(
          store,
          Flaky.toLayer(({ times }, { attempt }) =>
            attempt > times ? Effect.succeed(attempt) : Effect.fail("not yet")
          )
        )
      )
    )
  )

  it.effect("a handler tells jobs of an older definition by their version", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const before = Task.make("priced", { payload: Schema.Int, success: Schema.String })
      const old = yield* queue.enqueue(before, 5, { in: "1 second" })
      const handle = yield* queue.enqueue(Priced, 5)
      assert.strictEqual(yield* handle.await, "5 cents, version 2")
      const fiber = yield* Effect.forkChild(old.await)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(fiber), "500 cents, version 0")
      assert.deepStrictEqual([(yield* queue.get(old.id)).version, (yield* queue.get(handle.id)).version], [0, 2])
    }).pipe(
      Effect.provide(
        layerWorking(
          store,
          Priced.toLayer((price, { version }) =>
            Effect.succeed(`${version === 0 ? price * 100 : price} cents, version ${version}`)
          )
        )
      )
    )
  )

  it.effect("all jobs come as a stream, page by page, in both orders", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const all = (yield* queue.enqueueMany(
        Count,
        Array.from({ length: 1203 }, (_, i) => i)
      )).map(({ id }) => id)
      const idsOf = (order?: "newest" | "oldest") =>
        queue.stream({ tasks: ["count"] }, order).pipe(
          Stream.map(({ id }) => id),
          Stream.runCollect
        )
      assert.deepStrictEqual(yield* idsOf("oldest"), all)
      assert.deepStrictEqual(yield* idsOf(), all.toReversed())
      assert.strictEqual((yield* Stream.runCollect(queue.stream({}).pipe(Stream.take(7)))).length, 7)
      const error = yield* Effect.flip(Stream.runCollect(queue.stream({ task: "count" } as never)))
      assert.match(error.message, /"task" is no field of filter/)
      yield* queue.cancelWhere({})
      assert.isEmpty(yield* Stream.runCollect(queue.stream({ states: [...Job.liveStates] })))
    }).pipe(Effect.provide(layerQueue(store)))
  )

  it.effect("a group is made once, and stays as it is", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      assert.isTrue(yield* queue.addGroup("gpu"))
      assert.strictEqual((yield* queue.stats).groups.find(({ name }) => name === "gpu")?.limit, 5)
      yield* queue.setLimit("gpu", 2)
      assert.isFalse(yield* queue.addGroup("gpu"))
      assert.strictEqual((yield* queue.stats).groups.find(({ name }) => name === "gpu")?.limit, 2)
      assert.strictEqual((yield* Effect.flip(queue.addGroup("no group\n")))._tag, "InvalidOption")
      assert.strictEqual(queue.store.restsInHeap, store === "memory")
      assert.strictEqual(queue.store.file === undefined, store === "memory")
    }).pipe(Effect.provide(layerQueue(store)))
  )

  it.effect("events come as a stream, from when it is run", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const events = yield* QueueEvents
      assert.isFalse(events.active())
      const seen = yield* Effect.forkChild(Stream.runCollect(events.stream.pipe(Stream.take(1))), {
        startImmediately: true
      })
      const { id } = yield* queue.enqueue(Count, 1)
      const [event] = yield* Fiber.join(seen)
      assert.deepStrictEqual([event?._tag, event?._tag === "Enqueued" && event.id], ["Enqueued", id])
      assert.isFalse(events.active())
    }).pipe(Effect.provide(layerQueue(store)))
  )
})

describe("services by their names", () => {
  it.effect("make pools and streams of the service that is provided", () =>
    Effect.gen(function* () {
      const pool = yield* MemoryOptimizer.createPool(
        () => [1],
        (item) => Effect.sync(() => item.push(2))
      )
      assert.deepStrictEqual(yield* pool.use((item) => Effect.succeed(item.length)), 1)
      assert.deepStrictEqual(yield* pool.use((item) => Effect.succeed(item.length)), 2)
      assert.isFunction((yield* StreamProcessor.create({ chunkSize: 10 })).run)
    }).pipe(
      Effect.provide(
        Layer.mergeAll(Sluice.layerMemoryOptimizer, Sluice.layerStreams).pipe(Layer.provideMerge(Sluice.layerMemory()))
      )
    )
  )

  it.effect("profile without a worker", () =>
    Effect.gen(function* () {
      const profiler = yield* PerformanceProfiler
      yield* profiler.profile(Effect.void, "mine")
      const { contexts } = yield* profiler.getBenchmarks
      assert.deepStrictEqual(
        contexts.map(({ task }) => task),
        ["mine"]
      )
    }).pipe(Effect.provide(Sluice.layerPerformanceProfiler.pipe(Layer.provide(Sluice.layerMemory()))))
  )
})
