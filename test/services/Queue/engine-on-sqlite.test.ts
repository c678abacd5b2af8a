import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Task } from "../../../src/services/Queue/index.ts"
import { startNode } from "../../support/queue/QueueNode.ts"
import { makeSqliteFile } from "../../support/queue/SqliteFile.ts"

const Work = Task.make("work", {
  payload: Schema.Struct({ ms: Schema.Int, due: Schema.Date }),
  success: Schema.Date,
  progress: Schema.Int,
  group: "network"
})
const Bad = Task.make("bad", { payload: Schema.Void, retry: "none", group: "network" })
const circular: { self?: unknown } = {}
circular.self = circular

const handlers = Layer.mergeAll(
  Work.toLayer(({ due, ms }, job) => Effect.andThen(job.progress(1), Effect.as(Effect.sleep(ms), due))),
  Bad.toLayer(() => Effect.fail(new Task.NonRetryable({ message: "no", detail: circular })))
)

/** What commits of this very process bring about must not wait for a poll. */
describe("the engine on SQLite, one process", () => {
  const test = (
    name: string,
    body: (node: Effect.Success<ReturnType<typeof startNode>>) => Effect.Effect<void, unknown>
  ) =>
    it.effect(name, () =>
      Effect.gen(function* () {
        const file = makeSqliteFile()
        yield* Effect.addFinalizer(() => file.close)
        yield* Effect.scoped(
          Effect.gen(function* () {
            const node = yield* startNode({ store: yield* file.open, handlers })
            yield* TestClock.adjust("1 millis")
            yield* body(node)
            node.kill()
          })
        )
      })
    )
  const payload = { ms: 60_000, due: new Date(5) }
  const soon = TestClock.adjust("5 millis")

  test("results are decoded from their text", ({ queue }) =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(queue.run(Work, { ms: 10, due: new Date(7) }))
      yield* TestClock.adjust("50 millis")
      assert.deepStrictEqual(yield* Fiber.join(fiber), new Date(7))
    }))

  test("resuming a group or the queue starts what waits at once", ({ queue }) =>
    Effect.gen(function* () {
      for (const group of ["network", undefined]) {
        yield* queue.pause(group)
        const job = yield* queue.enqueue(Work, payload)
        yield* TestClock.adjust("3300 millis")
        assert.strictEqual((yield* job.status).state, "pending")
        yield* queue.resume(group)
        yield* soon
        assert.strictEqual((yield* job.status).state, "running")
      }
    }))

  test("a raised limit is used at once", ({ queue }) =>
    Effect.gen(function* () {
      yield* queue.enqueueMany(
        Work,
        Array.from({ length: 15 }, () => payload)
      )
      yield* TestClock.adjust("3300 millis")
      const running = Effect.map(queue.count({ states: ["running"] }), ({ count }) => count)
      assert.strictEqual(yield* running, 10)
      yield* queue.setLimit("network", 13)
      yield* soon
      assert.strictEqual(yield* running, 13)
    }))

  test("cancelling interrupts at once, and a retried or hastened job starts at once", ({ queue }) =>
    Effect.gen(function* () {
      const job = yield* queue.enqueue(Work, payload)
      yield* TestClock.adjust("3300 millis")
      yield* job.cancel()
      yield* soon
      assert.strictEqual((yield* job.status).state, "cancelled")
      yield* queue.retry(job.id)
      yield* soon
      assert.strictEqual((yield* job.status).state, "running")
      const later = yield* queue.enqueue(Work, payload, { in: "1 hour" })
      yield* TestClock.adjust("3300 millis")
      yield* queue.edit(later.id, { due: 0 })
      yield* soon
      assert.strictEqual((yield* later.status).state, "running")
    }))

  test("due times below a second are kept, a failure that is not JSON is stored", ({ queue }) =>
    Effect.gen(function* () {
      const at = 2345
      const timed = yield* queue.enqueue(Work, payload, { at })
      const bad = yield* queue.enqueue(Bad, undefined)
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* timed.status).startedAt, at)
      const { failure, progress } = { ...(yield* bad.status), progress: (yield* timed.status).progress }
      assert.strictEqual(failure?.cause, "NonRetryable")
      assert.strictEqual(progress, 1)
    }))
})
