/**
 * Fault: handlers end with values that resist being looked at. Invariant: the job is buried with a cause and a message,
 * and the worker runs the next one.
 */
import { assert, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { JobFailed, Sluice, Task, TaskQueue } from "../../src/services/Queue/index.ts"

const circular: Record<string, unknown> = {}
circular.self = circular

const hostile = new Proxy(new Error("hostile"), {
  get: () => {
    throw new Error("hands off")
  },
  has: () => {
    throw new Error("hands off")
  },
  getPrototypeOf: () => {
    throw new Error("hands off")
  }
})

class Unreadable extends Error {
  override get message(): string {
    throw new Error("hands off")
  }
}

const values: Readonly<Record<string, () => unknown>> = {
  undefined: () => undefined,
  null: () => null,
  "a number": () => 42,
  "a bigint": () => 10n,
  "a symbol": () => Symbol("poison"),
  "a function": () => () => 1,
  "a circular object": () => circular,
  "an object without prototype": () => Object.create(null),
  "an object whose toJSON throws": () => ({ toJSON: () => hostile.message }),
  "an error whose message throws": () => new Unreadable(),
  "a proxy that refuses everything": () => hostile,
  "an error whose message is no string": () => Object.assign(new Error("x"), { message: { not: "a string" } }),
  "an error whose stack is no string": () => Object.assign(new Error("x"), { stack: 42 }),
  "a message of 50 MB": () => new Error("x".repeat(50 * 1024 * 1024))
}

const Ends = Task.make("ends", { payload: Schema.String, success: Schema.Finite, retry: "none" })

const Picky = Task.make("picky", {
  payload: Schema.Struct({}),
  error: Schema.String,
  retryable: () => {
    throw new Error("the policy is broken")
  }
})

const layer = Sluice.layerWorker().pipe(
  Layer.provideMerge(
    Ends.toLayer((how) => {
      const [way, value] = how.split(": ") as [string, string]
      switch (way) {
        case "throws":
          return Effect.sync(() => {
            throw values[value]!()
          })
        case "rejects":
          return Effect.promise(() => Promise.reject(values[value]!()))
        case "dies":
          return Effect.die(values[value]!())
        case "fails":
          return Effect.fail(values[value]!() as never)
        case "answers":
          return Effect.succeed(values[value]!() as number)
        default:
          return Effect.succeed(1)
      }
    })
  ),
  Layer.provideMerge(Picky.toLayer(() => Effect.fail("as declared"))),
  Layer.provideMerge(Sluice.layerMemory())
)

it.effect(
  "whatever a handler throws, rejects, dies or fails with is buried with a message, and the worker goes on",
  () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      for (const way of ["throws", "rejects", "dies", "fails"]) {
        for (const value of Object.keys(values)) {
          const run = yield* Effect.forkChild(Effect.exit(queue.run(Ends, `${way}: ${value}`)))
          yield* TestClock.adjust("1 second")
          const exit = yield* Fiber.join(run)
          assert(Exit.isFailure(exit), `${way}: ${value}`)
          const error = Cause.squash(exit.cause)
          assert(error instanceof JobFailed, `${way} ${value}: ${JSON.stringify(error)}`)
          assert.strictEqual(error.failure.cause, "Defect", `${way}: ${value}`)
          assert.isNotEmpty(error.failure.message, `${way}: ${value}`)
          assert.isAtMost(error.failure.message.length, 4096)
        }
      }
      assert.strictEqual(yield* queue.run(Ends, "ends well"), 1)
    }).pipe(Effect.provide(layer)),
  20_000
)

it.effect(
  "a result that cannot be encoded is a bad result, and the worker goes on",
  () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      for (const value of Object.keys(values).filter((name) => name !== "a number")) {
        const run = yield* Effect.forkChild(Effect.exit(queue.run(Ends, `answers: ${value}`)))
        yield* TestClock.adjust("1 second")
        const exit = yield* Fiber.join(run)
        assert(Exit.isFailure(exit), value)
        const error = Cause.squash(exit.cause)
        assert(error instanceof JobFailed, `${value}: ${JSON.stringify(error)}`)
        assert.strictEqual(error.failure.cause, "BadResult", value)
      }
      assert.strictEqual(yield* queue.run(Ends, "ends well"), 1)
    }).pipe(Effect.provide(layer)),
  20_000
)

it.effect("a retry policy that throws buries the job with what it threw", () =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    const run = yield* Effect.forkChild(Effect.flip(queue.run(Picky, {})))
    yield* TestClock.adjust("1 second")
    const error = yield* Fiber.join(run)
    assert(error instanceof JobFailed)
    assert.strictEqual(error.failure.cause, "Defect")
    assert.include(error.failure.message, "the policy is broken")
  }).pipe(Effect.provide(layer))
)
