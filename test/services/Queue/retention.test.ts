/** How long jobs of a task stay, and one job, at the doors of the queue and through a worker. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { type JobStore, request, Task, TaskQueue, type TaskRegistry } from "../../../src/services/Queue/index.ts"
import { layerQueue, layerWorking, storeNames } from "../../support/doors/BothStores.ts"
import { startNode } from "../../support/queue/QueueNode.ts"
import { sharedMemory } from "../../support/queue/SharedMemory.ts"

const Ping = Task.make("ping", {
  payload: Schema.Int,
  success: Schema.Int,
  group: "network",
  retry: "none",
  retention: { completed: "none", failed: { age: "1 hour", count: 3 } }
})
const Silent = Task.make("silent", { payload: Schema.Int, success: Schema.Int, group: "network", retention: "none" })
const handlers = Layer.mergeAll(
  Ping.toLayer((n) => (n < 0 ? Effect.die(new Error("no")) : Effect.succeed(n))),
  Silent.toLayer((n) => Effect.succeed(n))
)

const onStores = (name: string, body: (queue: TaskQueue["Service"]) => Effect.Effect<void, unknown, JobStore>) => {
  for (const store of storeNames)
    it.effect(`${name} (${store})`, () => TaskQueue.use(body).pipe(Effect.provide(layerQueue(store))))
}
const onWorkers = (
  name: string,
  tasks: Layer.Layer<never, never, TaskRegistry>,
  body: (queue: TaskQueue["Service"]) => Effect.Effect<void, unknown, TaskQueue>
) => {
  for (const store of storeNames)
    it.effect(`${name} (${store})`, () => TaskQueue.use(body).pipe(Effect.provide(layerWorking(store, tasks))))
}

describe("retention of a task and of a job", () => {
  onStores("travels with the job, its own over the task's, state by state", (queue) =>
    Effect.gen(function* () {
      const [plain, own, none] = yield* queue.enqueueAll([
        request(Ping, 1),
        request(Ping, 2, { retention: { completed: { age: "1 minute" }, cancelled: "none" } }),
        request(Ping, 3, { retention: "none" })
      ])
      const of = (id: number) => Effect.map(queue.get(id as never), ({ extra }) => extra?.retention)
      const failed = { ageMs: 3_600_000, count: 3 }
      assert.deepStrictEqual(yield* of(plain.id), { completed: { ageMs: 0 }, failed })
      assert.deepStrictEqual(yield* of(own.id), {
        completed: { ageMs: 60_000 },
        failed,
        cancelled: { ageMs: 0 }
      })
      assert.deepStrictEqual(yield* of(none.id), {
        completed: { ageMs: 0 },
        failed: { ageMs: 0 },
        cancelled: { ageMs: 0 }
      })
    })
  )

  it("of a definition is refused where it says nothing that can be held", () => {
    const make = (retention: unknown) => () => Task.make("t", { payload: Schema.Int, retention: retention as "none" })
    assert.throws(make("forever"), /^Task "t": retention is "forever"; expected "none", or completed, failed and/)
    assert.throws(make({ completed: { count: 0 } }), /^Task "t": retention.completed.count is 0/)
    assert.throws(make({ completed: { age: "soon" } }), /^Task "t": retention.completed.age is "soon"/)
    assert.throws(make({ done: "none" }), /"done" is no field of retention/)
  })

  onWorkers("leaves nothing of what says so, and the newest of what has a count", handlers, (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueueMany(Ping, [1, 2, -1, 3, -2, -3, -4, -5])
      yield* TestClock.adjust("1 second")
      const { jobs } = yield* queue.list({}, { order: "oldest" })
      assert.deepStrictEqual(
        jobs.map(({ payload, state }) => [payload, state]),
        [
          [-3, "failed"],
          [-4, "failed"],
          [-5, "failed"]
        ]
      )
      const [figures] = yield* queue.rollUps({ width: 60_000, from: 0, to: 2 ** 52 })
      assert.deepStrictEqual([figures!.completed, figures!.dead], [3, 5])
    })
  )

  onWorkers("run answers the result of a job that leaves no history, which is gone a minute later", handlers, (queue) =>
    Effect.gen(function* () {
      const running = yield* Effect.forkChild(queue.runMany(Silent, [7, 8]))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(running), [7, 8])
      assert.strictEqual((yield* queue.count({})).count, 2)
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual((yield* queue.count({})).count, 0)
    })
  )

  it.effect("run answers it also in a process that does not run it", () =>
    Effect.gen(function* () {
      const store = yield* sharedMemory
      const producer = yield* startNode({ store, worker: { slots: { "*": 0 } }, deaf: true })
      const worker = yield* startNode({ store, handlers })
      const running = yield* Effect.forkChild(producer.queue.run(Silent, 7))
      const alone = yield* producer.queue.enqueue(Silent, 8)
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* Fiber.join(running), 7)
      assert.strictEqual((yield* worker.queue.list({ tasks: ["silent"] })).jobs.length, 1)
      assert.strictEqual(yield* alone.await, 8, "a store in the heap keeps it for who holds its handle")
      yield* worker.stop
      yield* producer.stop
    }).pipe(Effect.scoped)
  )
})

describe("debounced calls", () => {
  const Index = Task.make("index", {
    payload: Schema.Int,
    success: Schema.Int,
    group: "network",
    idempotencyKey: () => "index",
    unique: { onConflict: "debounce" }
  })
  const Bounded = Task.make("bounded", {
    payload: Schema.Int,
    success: Schema.Int,
    group: "network",
    idempotencyKey: () => "bounded",
    unique: { onConflict: "debounce", maxDelay: "500 millis" }
  })
  const runs: Array<readonly [string, number]> = []
  const noting = (task: string) => (n: number) =>
    Effect.sync(() => {
      runs.push([task, n])
      return n
    })
  const recording = Layer.mergeAll(Index.toLayer(noting("index")), Bounded.toLayer(noting("bounded")))

  onWorkers("that never pause still run, ten delays or the longest delay after the first", recording, (queue) =>
    Effect.gen(function* () {
      runs.length = 0
      for (let n = 0; n < 42; n++) {
        yield* queue.enqueue(Index, n, { in: 200 })
        if (n < 11) yield* queue.enqueue(Bounded, n, { in: 200 })
        yield* TestClock.adjust(100)
      }
      assert.deepStrictEqual(
        runs.filter(([task]) => task === "index"),
        [
          ["index", 19],
          ["index", 39]
        ]
      )
      assert.deepStrictEqual(
        runs.filter(([task]) => task === "bounded"),
        [
          ["bounded", 4],
          ["bounded", 9],
          ["bounded", 10]
        ]
      )
      assert.strictEqual(Index.unique.maxDelayMs, undefined)
    })
  )

  onStores("may not be pushed further by one call than the longest delay lets them wait", (queue) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(queue.enqueue(Bounded, 1, { in: "1 second" }))
      assert.strictEqual(
        error.message,
        "unique.maxDelay of task bounded is 500 ms; expected at least the delay of this call, 1 s"
      )
      yield* queue.enqueue(Bounded, 1, { in: "1 second", maxDelay: "1 second" })
      yield* queue.enqueue(Bounded, 2, { onConflict: "replace", in: "1 second" })
      assert.throws(
        () => Task.make("t", { payload: Schema.Int, unique: { maxDelay: "1 second" } }),
        /^Task "t": unique.maxDelay limits what debounce puts off, and unique.onConflict is "existing"; leave it out$/
      )
    })
  )
})

describe("jobs that are spread", () => {
  const Plain = Task.make("plain", { payload: Schema.Int, group: "network", deadlineIn: "1 minute" })

  onStores("are due evenly over the interval from their own time on, in their order", (queue) =>
    Effect.gen(function* () {
      const now = 0
      const dues = (ids: ReadonlyArray<{ readonly id: never }>) =>
        Effect.forEach(ids, ({ id }) => Effect.map(queue.get(id), ({ due }) => due - now))
      const many = yield* queue.enqueueMany(Plain, [1, 2, 3, 4], { spread: "10 minutes", in: "1 hour" })
      assert.deepStrictEqual(
        yield* dues(many as never),
        [0, 1, 2, 3].map((i) => 3_600_000 + i * 150_000)
      )
      const all = yield* queue.enqueueAll([request(Plain, 1), request(Plain, 2, { in: 5 }), request(Plain, 3)], {
        spread: 10
      })
      assert.deepStrictEqual(yield* dues(all as never), [0, 9, 7])
      const [one] = yield* queue.enqueueMany(Plain, [1], { spread: "1 hour", expiresIn: "1 minute" })
      const alone = yield* queue.get(one!.id)
      assert.deepStrictEqual([alone.state, alone.due], ["pending", now], "one starts at once")
      const expiring = yield* queue.enqueueMany(Plain, [1, 2], { spread: "1 hour", expiresIn: "1 minute" })
      const { expiresAt, extra, rank } = yield* queue.get(expiring[1]!.id)
      assert.deepStrictEqual(
        [expiresAt, extra?.deadline],
        [1_860_000, 1_860_000],
        "what counts from its time goes along"
      )
      assert.strictEqual(rank, 1_800_000 + 150_000)
    })
  )

  onStores("are refused over what is no interval", (queue) =>
    Effect.gen(function* () {
      for (const spread of [-1, Number.NaN, "soon", Number.POSITIVE_INFINITY]) {
        const many = yield* Effect.flip(queue.enqueueMany(Plain, [1, 2], { spread: spread as number }))
        const all = yield* Effect.flip(queue.enqueueAll([request(Plain, 1)], { spread: spread as number }))
        assert.match(many.message, /^spread is/)
        assert.strictEqual(all.message, many.message)
      }
      const unknown = yield* Effect.flip(queue.enqueueAll([], { over: 5 } as never))
      assert.match(unknown.message, /^"over" is no field of options; known are spread$/)
      assert.strictEqual((yield* queue.count({})).count, 0)
    })
  )
})
