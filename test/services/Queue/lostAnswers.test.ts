/** What becomes of a turn whose answer never came. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, PubSub, Schema } from "effect"
import { TestClock } from "effect/testing"
import { type QueueEvent, StoreError, Task } from "../../../src/services/Queue/index.ts"
import type { Fate } from "../../support/queue/FaultyStore.ts"
import { startNode } from "../../support/queue/QueueNode.ts"
import { remembering } from "../../support/queue/RememberingStore.ts"
import { sharedMemory } from "../../support/queue/SharedMemory.ts"

const Work = Task.make("work", { payload: Schema.Int, success: Schema.Int })

/** A node whose next turns have these fates. */
const nodeOn = (remembers: boolean) =>
  Effect.gen(function* () {
    const memory = yield* sharedMemory
    const fates: Array<Fate> = []
    const runs: Array<number> = []
    const node = yield* startNode({
      store: remembers ? remembering(memory) : memory,
      asynchronous: true,
      fate: (operation) => (operation === "turn" ? (fates.shift() ?? "answer") : "answer"),
      handlers: Work.toLayer((n) =>
        Effect.gen(function* () {
          runs.push(n)
          yield* Effect.sleep("1 second")
          return n * 2
        })
      )
    })
    const events: Array<QueueEvent["_tag"]> = []
    const subscription = yield* node.events.subscribe
    yield* PubSub.take(subscription).pipe(
      Effect.map(({ _tag }) => events.push(_tag)),
      Effect.forever,
      Effect.forkScoped
    )
    yield* TestClock.adjust("1 second")
    const states = Effect.map(memory.jobs.list({}, { limit: 100, order: "oldest" }), ({ jobs }) =>
      jobs.map(({ attempt, state }) => [state, attempt] as const)
    )
    return { node, fates, runs, events, states }
  })

describe("a lost answer of a store that remembers calls", () => {
  it.effect("to enqueues, claims and settles is given when the turn is asked again: each happened once", () =>
    Effect.gen(function* () {
      const { events, fates, node, runs, states } = yield* nodeOn(true)
      fates.push("lose", "refuse", "lose")
      const stored = yield* Effect.forkChild(node.queue.enqueue(Work, 21))
      yield* TestClock.adjust("500 millis")
      const job = yield* Fiber.join(stored)
      fates.push("lose", "lose", "refuse")
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* job.await, 42)
      assert.deepStrictEqual(yield* states, [["completed", 1]])
      assert.deepStrictEqual(runs, [21])
      assert.deepStrictEqual(fates, [])
      assert.deepStrictEqual(
        events.filter((tag) => tag === "Completed" || tag === "LeaseLost"),
        ["Completed"]
      )
    }).pipe(Effect.scoped)
  )

  it.effect("keeps producers waiting for 10 s, and the worker's part until it is heard", () =>
    Effect.gen(function* () {
      const { events, fates, node, states } = yield* nodeOn(true)
      const running = yield* node.queue.enqueue(Work, 21)
      yield* TestClock.adjust("500 millis")
      for (let i = 0; i < 30; i++) fates.push("lose")
      const asked = yield* Effect.forkChild(Effect.flip(node.queue.enqueue(Work, 1)))
      yield* TestClock.adjust("100 millis")
      const gathered = yield* Effect.forkChild(Effect.flip(node.queue.enqueue(Work, 2)))
      yield* TestClock.adjust("9 seconds")
      assert.isUndefined(asked.pollUnsafe())
      yield* TestClock.adjust("3 seconds")
      const reasons = [yield* Fiber.join(asked), yield* Fiber.join(gathered)].map((error) =>
        error instanceof StoreError ? error.reason._tag : error._tag
      )
      assert.deepStrictEqual(reasons, ["StoreOutcomeUnknown", "StoreUnavailable"])
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* running.await, 42)
      assert.deepStrictEqual(yield* states, [
        ["completed", 1],
        ["completed", 1]
      ])
      assert.notInclude(events, "LeaseLost")
    }).pipe(Effect.scoped)
  )

  it.effect("is a failure like any other once the store says that nothing happened", () =>
    Effect.gen(function* () {
      const { fates, node, states } = yield* nodeOn(true)
      fates.push("refuse")
      const refused = yield* Effect.exit(node.queue.enqueue(Work, 1))
      assert.isTrue(Exit.isFailure(refused))
      assert.deepStrictEqual(yield* states, [])
    }).pipe(Effect.scoped)
  )
})

describe("a lost answer of a store that does not remember calls", () => {
  it.effect("is told to producers at once, and a settle that landed unheard is no lost lease", () =>
    Effect.gen(function* () {
      const { events, fates, node, runs, states } = yield* nodeOn(false)
      fates.push("lose")
      const error = yield* Effect.flip(node.queue.enqueue(Work, 1))
      assert.strictEqual(error instanceof StoreError ? error.reason._tag : error, "StoreOutcomeUnknown")
      yield* TestClock.adjust("2 seconds")
      const job = yield* node.queue.enqueue(Work, 21)
      yield* TestClock.adjust("500 millis")
      fates.push("lose")
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(yield* job.await, 42)
      assert.deepStrictEqual(
        (yield* states).map(([state]) => state),
        ["completed", "completed"]
      )
      assert.deepStrictEqual(runs, [1, 21])
      assert.notInclude(events, "LeaseLost")
    }).pipe(Effect.scoped)
  )
})
