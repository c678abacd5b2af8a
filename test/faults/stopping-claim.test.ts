/**
 * Fault: a worker stops, or is drained, while a turn that claims jobs for it is on its way. Invariant: what it brings
 * is handed back unspent and never started; otherwise it would run here and, once the session has left, in another
 * worker.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Schema, Scope } from "effect"
import { TestClock } from "effect/testing"
import { JobStore, QueueEvents, Sluice, Task, TaskQueue, Worker } from "../../src/services/Queue/index.ts"
import * as JobStoreMemory from "../../src/services/Store/memory/JobStoreMemory.ts"

const turnMs = 100

/** The memory store, a hundred milliseconds away. */
const distantStore = Layer.effect(
  JobStore,
  Effect.map(JobStore, (store) => ({
    ...store,
    turnSync: undefined,
    turn: (turn: Parameters<typeof store.turn>[0]) => Effect.andThen(Effect.sleep(turnMs), store.turn(turn))
  }))
).pipe(Layer.provideMerge(JobStoreMemory.layer()))

const queueLayer = Sluice.layer.pipe(Layer.provideMerge(distantStore))

const Slow = Task.make("slow", { payload: Schema.Struct({}) })

describe("a claim on its way to a worker that ends", () => {
  for (const end of ["stops", "is drained"] as const) {
    it.effect(`is handed back unspent when the worker ${end}`, () =>
      Effect.gen(function* () {
        const started: Array<number> = []
        yield* Effect.gen(function* () {
          const queue = yield* TaskQueue
          yield* QueueEvents
          const scope = yield* Scope.make()
          const handlers = Slow.toLayer((_, job) =>
            Effect.andThen(
              Effect.sync(() => started.push(job.id)),
              Effect.sleep("1 second")
            )
          )
          const building = yield* Effect.forkChild(
            Layer.buildWithScope(Sluice.layerWorker().pipe(Layer.provideMerge(handlers)), scope)
          )
          // Between two polls, so that the next turn leaves at once.
          yield* TestClock.adjust("1500 millis")
          const worker = yield* Fiber.join(building)
          const enqueuing = yield* Effect.forkChild(queue.enqueue(Slow, {}))
          // The turn that stores the job claims it too, and is half-way.
          yield* TestClock.adjust(turnMs / 2)
          const ending = yield* Effect.forkChild(
            end === "stops"
              ? Scope.close(scope, Exit.void)
              : Effect.flatMap(Worker, ({ drain }) => drain).pipe(Effect.provide(worker))
          )
          yield* TestClock.adjust("10 seconds")
          yield* Fiber.join(ending)
          const { id } = yield* Fiber.join(enqueuing)
          const job = yield* queue.get(id)
          assert.deepStrictEqual(started, [])
          assert.strictEqual(job.state, "pending")
          assert.strictEqual(job.attempt, 0)
          yield* Scope.close(scope, Exit.void).pipe(Effect.forkChild, Effect.andThen(TestClock.adjust("10 seconds")))
        }).pipe(Effect.provide(queueLayer))
      })
    )
  }
})
