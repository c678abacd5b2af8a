/**
 * What one thing of a process brings about for another waits for no poll: here none comes within the hour, and no timer
 * is advanced.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Duration, Effect, Exit, Fiber, Layer, type Scope, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Pipeline, QueueSettings, Sluice, Task, TaskQueue } from "../../../src/services/Queue/index.ts"
import { type QueueNode, startNode } from "../../support/queue/QueueNode.ts"
import { sharedMemory } from "../../support/queue/SharedMemory.ts"
import { makeSqliteFile } from "../../support/queue/SqliteFile.ts"
import { type Store, toContext } from "../../../src/services/Store/Store.ts"

const number = { payload: Schema.Int, success: Schema.Int }
const First = Task.make("first", { ...number, group: "filesystem" })
const Second = Task.make("second", { ...number, group: "network" })
const Third = Task.make("third", { ...number, group: "own" })
const Failing = Task.make("failing", { payload: Schema.Void, retry: "none", group: "filesystem" })
const Held = Task.make("held", { ...number, group: "network", unique: { onConflict: "keepLast" } })
const Tells = Task.make("tells", { payload: Schema.Int, progress: Schema.Int, group: "network" })
const Packed = Task.make("packed", {
  ...number,
  group: "memory-intensive",
  batch: { maxBatchSize: 3, maxWaitTime: "10 hours" }
})
const Line = Pipeline.make("line", { payload: Schema.Int }).stage(First).stage(Second).stage(Third)

interface Trial {
  readonly node: QueueNode
  /** Lets jobs of `Held` end. */
  readonly open: Effect.Effect<unknown>
}

const handlers = (gate: Deferred.Deferred<void>) =>
  Layer.mergeAll(
    First.toLayer((n) => Effect.succeed(n + 1)),
    Second.toLayer((n) => Effect.succeed(n * 2)),
    Third.toLayer((n) => Effect.succeed(n - 3)),
    Failing.toLayer(() => Effect.die("no luck")),
    Tells.toLayer((n, job) =>
      Effect.gen(function* () {
        for (let i = 1; i <= n; i++) {
          yield* job.progress(i)
          for (let turn = 0; turn < 5; turn++) yield* Effect.yieldNow
        }
        yield* Deferred.await(gate)
      })
    ),
    Held.toLayer((n) => Effect.as(Deferred.await(gate), n)),
    Packed.toBatchLayer((ns) => Effect.succeed(ns.map(({ payload }) => Exit.succeed(payload)))),
    Sluice.layerPipeline(Line)
  )

const onSqlite: Effect.Effect<Store, unknown, Scope.Scope> = Effect.gen(function* () {
  const file = makeSqliteFile()
  yield* Effect.addFinalizer(() => file.close)
  return yield* file.open
})

for (const [name, open] of [
  ["memory", sharedMemory],
  ["SQLite", onSqlite]
] as const) {
  const test = (sentence: string, body: (trial: Trial) => Effect.Effect<void, unknown>) =>
    it.effect(sentence, () =>
      Effect.gen(function* () {
        const gate = yield* Deferred.make<void>()
        const node = yield* startNode({
          store: yield* open,
          handlers: handlers(gate),
          settings: { pollInterval: Duration.hours(1) }
        })
        yield* TestClock.adjust("1 millis")
        yield* body({ node, open: Deferred.succeed(gate, undefined) })
        node.kill()
      })
    )

  describe(`in one process, on ${name}`, () => {
    test("the stages of a pipeline follow one another through groups that are asked for nothing", ({ node }) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* node.queue.run(Line.task, 4), 7)
      }))

    test("a job in another group starts when the one it follows has ended", ({ node, open }) =>
      Effect.gen(function* () {
        const parent = yield* node.queue.enqueue(Held, 1)
        const child = yield* node.queue.enqueue(Third, 5, { after: [parent.id] })
        const grandchild = yield* node.queue.enqueue(First, 5, { after: [child.id] })
        yield* open
        assert.strictEqual(yield* child.await, 2)
        assert.strictEqual(yield* grandchild.await, 6)
      }))

    test("more jobs than one turn releases all start", ({ node, open }) =>
      Effect.gen(function* () {
        const parent = yield* node.queue.enqueue(Held, 1)
        const children = yield* node.queue.enqueueMany(
          Second,
          Array.from({ length: 2500 }, (_, i) => i),
          { after: [parent.id] }
        )
        yield* open
        assert.strictEqual(yield* children[2499]!.await, 2 * 2499)
      }))

    test("a batch that a released job fills starts", ({ node, open }) =>
      Effect.gen(function* () {
        const parent = yield* node.queue.enqueue(Held, 1)
        const [one] = yield* node.queue.enqueueMany(Packed, [1, 2])
        yield* node.queue.enqueue(Packed, 3, { after: [parent.id] })
        yield* open
        assert.strictEqual(yield* one!.await, 1)
      }))

    test("a job that was held by a key starts when the key is free", ({ node, open }) =>
      Effect.gen(function* () {
        const running = yield* node.queue.enqueue(Held, 1, { key: "k" })
        const held = yield* node.queue.enqueue(Held, 2, { key: "k" })
        assert.notStrictEqual(held.id, running.id)
        yield* open
        assert.strictEqual(yield* held.await, 2)
      }))

    test("progress reaches who watches when it is reported", ({ node, open }) =>
      Effect.gen(function* () {
        const job = yield* node.queue.enqueue(Tells, 3)
        const seen: Array<number> = []
        const watching = yield* Effect.forkChild(
          Stream.runForEach(job.progress, (progress) =>
            Effect.suspend(() => {
              seen.push(progress)
              return progress === 3 ? Effect.asVoid(open) : Effect.void
            })
          )
        )
        yield* Fiber.join(watching)
        assert.strictEqual(seen.at(-1), 3)
      }))

    test("who waits for a state hears when a job reaches it", ({ node, open }) =>
      Effect.gen(function* () {
        yield* node.queue.pause("network")
        const job = yield* node.queue.enqueue(Held, 1)
        const started = yield* Effect.forkChild(node.queue.waitFor(job.id, ["running"]))
        const ended = yield* Effect.forkChild(node.queue.waitFor(job.id))
        yield* Effect.yieldNow
        yield* node.queue.resume("network")
        assert.strictEqual((yield* Fiber.join(started)).state, "running")
        yield* open
        assert.strictEqual((yield* Fiber.join(ended)).state, "completed")
      }))

    test("who waits for a job that ends by another's failure hears of it", ({ node }) =>
      Effect.gen(function* () {
        yield* node.queue.pause("filesystem")
        const parent = yield* node.queue.enqueue(Failing, undefined)
        const child = yield* node.queue.enqueue(Third, 5, { after: [parent.id] })
        const waiting = yield* Effect.forkChild(Effect.exit(child.await))
        yield* Effect.yieldNow
        yield* node.queue.resume("filesystem")
        assert.isTrue(Exit.isFailure(yield* Fiber.join(waiting)))
        assert.strictEqual((yield* child.status).state, "cancelled")
      }))

    test("who waits for one of many jobs hears that it was cancelled", ({ node }) =>
      Effect.gen(function* () {
        yield* node.queue.pause("network")
        const jobs = yield* node.queue.enqueueMany(
          Second,
          Array.from({ length: 1200 }, (_, i) => i)
        )
        const waiting = yield* Effect.forEach(jobs, (job) => Effect.forkChild(Effect.exit(job.await)))
        yield* Effect.yieldNow
        yield* jobs[1100]!.cancel()
        assert.isTrue(Exit.isFailure(yield* Fiber.join(waiting[1100]!)))
        yield* jobs[1150]!.cancel()
        assert.isTrue(Exit.isFailure(yield* Fiber.join(waiting[1150]!)))
      }))
  })
}

describe("in another process, on one file", () => {
  it.live("progress and a start reach who watches, though it polls once an hour", () =>
    Effect.gen(function* () {
      const file = makeSqliteFile()
      yield* Effect.addFinalizer(() => file.close)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const gate = yield* Deferred.make<void>()
          const settings = Layer.succeed(QueueSettings.Settings, {
            ...QueueSettings.defaults,
            pollInterval: Duration.hours(1)
          })
          const there = yield* Layer.build(
            Sluice.layerWorker().pipe(
              Layer.provideMerge(handlers(gate)),
              Layer.provideMerge(Sluice.layer),
              Layer.provide(Layer.succeedContext(toContext(yield* file.open))),
              Layer.provide(settings)
            )
          )
          const here = yield* Layer.build(
            Layer.fresh(Sluice.layer).pipe(
              Layer.provide(Layer.succeedContext(toContext(yield* file.open))),
              Layer.provide(settings)
            )
          )
          const queue = Context.get(here, TaskQueue)
          yield* Context.get(there, TaskQueue).pause("network")
          const { id } = yield* queue.enqueue(Tells, 3)
          const seen: Array<readonly [state: string, progress: unknown]> = []
          const watching = yield* Effect.forkChild(
            Stream.runForEach(queue.watch(id), ({ progress, state }) =>
              Effect.suspend(() => {
                seen.push([state, progress])
                return progress === 3 && state === "running" ? Deferred.succeed(gate, undefined) : Effect.void
              })
            )
          )
          yield* Effect.sleep("300 millis")
          const resumed = performance.now()
          yield* Context.get(there, TaskQueue).resume("network")
          yield* Fiber.join(watching)
          assert.isBelow(performance.now() - resumed, 5_000)
          assert.deepStrictEqual(seen[0], ["pending", undefined])
          assert.strictEqual(seen.at(-1)![0], "completed")
        })
      )
    })
  )
})
