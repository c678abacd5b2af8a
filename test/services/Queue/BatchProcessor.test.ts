import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { BatchProcessor, Sluice, Task, TaskQueue } from "../../../src/services/Queue/index.ts"
import * as Testing from "../../../src/testing/index.ts"

const processor = Sluice.layerBatchProcessor.pipe(Layer.provideMerge(Sluice.layerMemory()))

describe("BatchProcessor.batch", () => {
  it.effect("runs closures of a group so many at a time in one slot, and answers in their order", () =>
    Effect.gen(function* () {
      const batches = yield* BatchProcessor
      let running = 0
      let most = 0
      const task = (n: number) => ({
        resourceGroup: "memory-intensive",
        effect: Effect.gen(function* () {
          most = Math.max(most, ++running)
          yield* Effect.sleep("1 second")
          running--
          return n * 2
        })
      })
      const fiber = yield* Effect.forkChild(
        batches.batch(
          Array.from({ length: 25 }, (_, n) => task(n)),
          5
        )
      )
      yield* TestClock.adjust("2500 millis")
      assert.isUndefined(fiber.pollUnsafe(), "five batches in two slots take three seconds")
      yield* TestClock.adjust("500 millis")
      const results = yield* Fiber.join(fiber)
      assert.deepStrictEqual(
        results,
        Array.from({ length: 25 }, (_, n) => Exit.succeed(n * 2))
      )
      assert.strictEqual(most, 10, "two slots of five")
    }).pipe(Effect.provide(processor))
  )

  it.effect("one that fails or dies leaves the others alone", () =>
    Effect.gen(function* () {
      const batches = yield* BatchProcessor
      const results = yield* batches.batch<number, string>(
        [
          { effect: Effect.succeed(1) },
          { effect: Effect.fail("no") },
          { effect: Effect.die("never"), resourceGroup: "network" },
          { effect: Effect.succeed(4), resourceGroup: "network" }
        ],
        2
      )
      assert.deepStrictEqual(results, [Exit.succeed(1), Exit.fail("no"), Exit.die("never"), Exit.succeed(4)])
      assert.deepStrictEqual(yield* batches.batch([], 2), [])
      const refused = yield* Effect.exit(batches.batch([{ effect: Effect.void }], 0))
      assert.isTrue(Exit.isFailure(refused))
    }).pipe(Effect.provide(processor))
  )
})

describe("the size of batches", () => {
  /** A call for n costs 20 ms and n² / 5 ms: ten cost least each. */
  const Costly = Task.make("costly", {
    payload: Schema.Int,
    group: "network",
    batch: BatchProcessor.of({ maxBatchSize: 200, maxWaitTime: "10 millis", tune: true })
  })
  const handler = (calls: Array<number>) =>
    Costly.toBatchLayer((items) => {
      calls.push(items.length)
      return Effect.asVoid(Effect.sleep(20 + 0.2 * items.length ** 2))
    })

  it.effect("is learned while the worker runs, used by it, and told to the store with its heartbeat", () => {
    const calls: Array<number> = []
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      const batches = yield* BatchProcessor
      assert.strictEqual(yield* batches.optimizeBatchSize("network"), 50, "nothing is known yet")
      yield* queue.enqueueMany(
        Costly,
        Array.from({ length: 2000 }, (_, n) => n)
      )
      yield* Testing.drain()
      const best = yield* batches.optimizeBatchSize("network")
      assert.isTrue(best >= 8 && best <= 12, `${best}`)
      for (const size of calls.slice(-30, -2)) assert.isTrue(size >= 6 && size <= 14, `${size}`)
      yield* TestClock.adjust("20 seconds")
      const [worker] = yield* queue.workers
      const [curve] = worker!.load!.batches!
      assert.deepInclude(curve, { task: "costly", group: "network", items: 2000, calls: calls.length, splits: 0 })
      assert.closeTo(curve!.fixedMs, 20, 2)
      assert.closeTo(curve!.growthMs, 0.2, 0.02)
    }).pipe(Effect.provide(Sluice.layerBatchProcessor.pipe(Layer.provideMerge(Testing.layer(handler(calls))))))
  })

  it.effect("stays what the task says when it is not to be tuned, and is seen all the same", () => {
    const calls: Array<number> = []
    const Plain = Task.make("plain", { payload: Schema.Int, batch: { maxBatchSize: 20 } })
    const handlers = Plain.toBatchLayer((items) => {
      calls.push(items.length)
      return Effect.asVoid(Effect.sleep(items.length))
    })
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      yield* queue.enqueueMany(
        Plain,
        Array.from({ length: 100 }, (_, n) => n)
      )
      yield* Testing.drain()
      assert.deepStrictEqual(calls, [20, 20, 20, 20, 20])
      const [curve] = yield* (yield* BatchProcessor).curves
      assert.deepStrictEqual(curve!.seen, [{ size: 20, calls: 5, ms: 20 }])
    }).pipe(Effect.provide(Sluice.layerBatchProcessor.pipe(Layer.provideMerge(Testing.layer(handlers)))))
  })
})
