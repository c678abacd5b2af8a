import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Effect, Layer, Ref, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Limits } from "../../src/services/Limits/index.ts"
import { Job, ResourceGroup, Task, TaskQueue } from "../../src/services/Queue/index.ts"
import * as Testing from "../../src/testing/index.ts"

class Refused extends Schema.TaggedError<Refused>()("Refused", { why: Schema.String }) {}

const Double = Task.make("double", { payload: Schema.Int, success: Schema.Int })
const Refuse = Task.make("refuse", { payload: Schema.String, error: Refused })
const Break = Task.make("break", { payload: Schema.Void })
const Chain = Task.make("chain", { payload: Schema.Int, success: Schema.Int })
const Slow = Task.make("slow", { payload: Schema.Int, group: "slow" })
const Unhandled = Task.make("unhandled", { payload: Schema.Void })

/** What handlers did, in order. */
class Journal extends Context.Service<Journal, Ref.Ref<ReadonlyArray<string>>>()("test/Journal") {
  static readonly layer = Layer.effect(Journal, Ref.make<ReadonlyArray<string>>([]))
}

const write = (line: string) => Journal.use((journal) => Ref.update(journal, (lines) => [...lines, line]))
const written = Journal.use(Ref.get)

const Handlers = Layer.mergeAll(
  Double.toLayer((n) => Effect.as(write(`double ${n}`), n * 2)),
  Refuse.toLayer((why) => Effect.fail(new Refused({ why }))),
  Break.toLayer(() => Effect.die(new Error("broken"))),
  Slow.toLayer((ms) => Effect.andThen(Effect.sleep(ms), write(`slow ${ms}`))),
  Chain.toLayer(
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      return (n, job) =>
        Effect.gen(function* () {
          yield* job.progress(n)
          if (n === 0) return 0
          return 1 + (yield* Effect.orDie(queue.run(Chain, n - 1)))
        })
    })
  )
)

const Worker = Testing.layer(Handlers).pipe(Layer.provideMerge(Journal.layer))
const Inline = Testing.layerInline(Handlers).pipe(Layer.provideMerge(Journal.layer))

describe("the test layer", () => {
  it.effect("runs a job that is due in hours within drain, at its time", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const job = yield* queue.enqueue(Double, 4, { in: "3 hours" })
      assert.deepStrictEqual(yield* Testing.drain({ within: "6 hours" }), { idle: [] })
      const { result, startedAt, state } = yield* job.status
      assert.strictEqual(state, "completed")
      assert.strictEqual(result, 8)
      assert.strictEqual(startedAt, 3 * 3600 * 1000)
      assert.isBelow((yield* Clock.currentTimeMillis) - startedAt!, 10_000)
    }).pipe(Effect.provide(Worker))
  )

  it.effect("drains retries until the job is buried", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const job = yield* queue.enqueue(Refuse, "no")
      yield* Testing.drain()
      const { attempt, failure, state } = yield* job.status
      assert.strictEqual(state, "failed")
      assert.strictEqual(attempt, 4)
      assert.strictEqual(failure?.cause, "Failed")
      assert.deepStrictEqual(yield* Effect.flip(job.await), new Refused({ why: "no" }))
    }).pipe(Effect.provide(Worker))
  )

  it.effect("drain answers the jobs that nothing starts, with their reasons", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      yield* queue.pause("slow")
      const paused = yield* queue.enqueue(Slow, 1)
      const unhandled = yield* queue.enqueue(Unhandled, undefined)
      const child = yield* queue.enqueue(Double, 1, { after: [paused.id] })
      const done = yield* queue.enqueue(Double, 2)
      const { idle } = yield* Testing.drain()
      assert.deepStrictEqual(
        idle.map(({ id, reason }) => [id, reason._tag]),
        [
          [paused.id, "GroupPaused"],
          [unhandled.id, "NoWorkerForTask"],
          [child.id, "WaitingForJobs"]
        ]
      )
      assert.strictEqual((yield* done.status).state, "completed")
      yield* queue.resume("slow")
      assert.strictEqual((yield* Testing.drain()).idle.length, 1)
      assert.strictEqual((yield* child.status).state, "completed")
    }).pipe(Effect.provide(Worker))
  )

  it.effect("drain waits for what a rate lets start, and answers what limits hold that nothing frees", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const limits = yield* Limits
      const policy = {
        keys: [
          { keys: "rated", policy: { rate: { limit: 1, perMs: 3_600_000, burst: 1 } } },
          { keys: "line", policy: { concurrency: 1 } }
        ]
      }
      yield* limits.declare(ResourceGroup.make("slow", 5, { policy }))
      const rated = yield* Effect.forEach([1, 2, 3], (ms) => queue.enqueue(Slow, ms, { partitionKey: "rated" }))
      assert.deepStrictEqual(yield* Testing.drain(), { idle: [] })
      for (const job of rated) assert.strictEqual((yield* job.status).state, "completed")
      yield* queue.pause("slow")
      const [first, second] = yield* Effect.forEach([1, 2], (ms) => queue.enqueue(Slow, ms, { partitionKey: "line" }))
      const { idle } = yield* Testing.drain()
      assert.deepStrictEqual(
        idle.map(({ id, reason }) => [id, reason._tag]),
        [
          [first!.id, "GroupPaused"],
          [second!.id, "HeldByLimit"]
        ]
      )
    }).pipe(Effect.provide(Worker))
  )

  it.effect("drain names the jobs that are not done within its time", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const job = yield* queue.enqueue(Slow, 100_000)
      const error = yield* Effect.flip(Testing.drain({ within: "50 seconds" }))
      assert.strictEqual(error._tag, "StillLive")
      assert.include(error.message, `${Job.formatJobId(job.id)} (slow): Running`)
      yield* Testing.drain()
      assert.deepStrictEqual(yield* written, ["slow 100000"])
    }).pipe(Effect.provide(Worker))
  )

  it.effect("waitFor stops the clock when the job is in the state", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const job = yield* queue.enqueue(Slow, 60_000, { in: "10 seconds" })
      const running = yield* Testing.waitFor(job, "running")
      assert.strictEqual(running.startedAt, 10_000)
      assert.deepStrictEqual(yield* written, [])
      yield* Testing.waitFor(job.id, "completed")
      assert.deepStrictEqual(yield* written, ["slow 60000"])
    }).pipe(Effect.provide(Worker))
  )

  it.effect("waitFor says where a job is that never gets there", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const broken = yield* queue.enqueue(Break, undefined, { retries: 0 })
      const ended = yield* Effect.flip(Testing.waitFor(broken, "completed"))
      assert.include(ended.message, "Defect: broken")
      const unhandled = yield* queue.enqueue(Unhandled, undefined)
      const waiting = yield* Effect.flip(Testing.waitFor(unhandled, "running", { within: "1 minute" }))
      assert.include(waiting.message, "NoWorkerForTask")
    }).pipe(Effect.provide(Worker))
  )

  it.effect("records events in their order", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const events = yield* Testing.recordEvents
      const job = yield* queue.enqueue(Double, 1)
      yield* queue.enqueue(Break, undefined, { retries: 1 })
      yield* Testing.drain()
      assert.deepStrictEqual(yield* events.summary, [
        "Enqueued double",
        "Started double",
        "Enqueued break",
        "Completed double",
        "Started break",
        "Retried break",
        "Started break",
        "Failed break"
      ])
      assert.deepStrictEqual(
        (yield* events.of("Completed")).map(({ id }) => id),
        [job.id]
      )
    }).pipe(Effect.provide(Worker), Effect.scoped)
  )
})

describe("inline mode", () => {
  it.effect("runs the handler within enqueue, delays notwithstanding", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const job = yield* queue.enqueue(Double, 21, { in: "365 days" })
      assert.deepStrictEqual(yield* written, ["double 21"])
      assert.strictEqual((yield* job.status).state, "completed")
      assert.strictEqual(yield* job.await, 42)
      assert.strictEqual(yield* Clock.currentTimeMillis, 0)
    }).pipe(Effect.provide(Inline))
  )

  it.effect("runs what handlers enqueue, and awaits it, as deep as it goes", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      assert.strictEqual(yield* queue.run(Chain, 12), 12)
      assert.strictEqual((yield* queue.count({ states: ["completed"] })).count, 13)
    }).pipe(Effect.provide(Inline))
  )

  it.effect("surfaces a typed error as itself from run, as a defect from enqueue", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      assert.deepStrictEqual(yield* Effect.flip(queue.run(Refuse, "no")), new Refused({ why: "no" }))
      const defect = yield* queue.enqueue(Refuse, "no").pipe(Effect.catchDefect(Effect.succeed))
      assert.deepStrictEqual(defect, new Refused({ why: "no" }))
      assert.strictEqual((yield* queue.count({ states: ["failed"] })).count, 2)
    }).pipe(Effect.provide(Inline))
  )

  it.effect("surfaces a defect of the handler with its own error", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const defects = yield* Effect.all([
        queue.enqueueMany(Break, [undefined, undefined]).pipe(Effect.catchDefect(Effect.succeed)),
        queue.run(Break, undefined).pipe(Effect.catchDefect(Effect.succeed))
      ])
      for (const defect of defects) assert.strictEqual((defect as Error).message, "broken")
      assert.strictEqual((yield* queue.count({ states: ["failed"] })).count, 3)
    }).pipe(Effect.provide(Inline))
  )

  it.effect("retry runs the job again within the call", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const job = yield* queue.enqueue(Double, 3)
      yield* queue.retry(job.id)
      assert.deepStrictEqual(yield* written, ["double 3", "double 3"])
    }).pipe(Effect.provide(Inline))
  )

  it.effect("a job of an unknown task stays pending", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const job = yield* queue.enqueue(Unhandled, undefined)
      assert.strictEqual((yield* job.status).state, "pending")
      yield* TestClock.adjust("1 hour")
      assert.strictEqual((yield* job.status).state, "pending")
    }).pipe(Effect.provide(Inline))
  )
})
