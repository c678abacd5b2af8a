import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Schema } from "effect"
import { TestClock } from "effect/testing"
import { step, Task, TaskQueue } from "../../../src/services/Queue/index.ts"
import * as Testing from "../../../src/testing/index.ts"
import { makeSqliteFile } from "../../support/queue/SqliteFile.ts"
import { startNode } from "../../support/queue/QueueNode.ts"
import { sharedMemory } from "../../support/queue/SharedMemory.ts"

class Unlucky extends Schema.TaggedError<Unlucky>()("Unlucky", {}) {}

const Receipt = Schema.Struct({ at: Schema.DateFromString, amount: Schema.BigInt })
const Order = Task.make("order", {
  payload: Schema.Int,
  success: Receipt,
  error: Unlucky,
  retry: { times: 2, jitter: 0 }
})

const receipt = { at: new Date(86_400_000), amount: 5n }

/** Notes each step that really ran; fails at the end of attempts before `good`. */
const handler = (ran: Array<string>, good: number) =>
  Order.toLayer((_, job) =>
    Effect.gen(function* () {
      const made = yield* step(
        job,
        "charge",
        Receipt,
        Effect.sync(() => {
          ran.push(`charge ${job.attempt}`)
          return receipt
        })
      )
      yield* step(
        job,
        "mail",
        Schema.Void,
        Effect.suspend(() => {
          ran.push(`mail ${job.attempt}`)
          return job.attempt === 1 ? Effect.fail(new Unlucky()) : Effect.void
        })
      )
      if (job.attempt < good) return yield* new Unlucky()
      return made
    })
  )

describe("durable steps", () => {
  it.effect("are not run again by a later attempt, which gets what they made; failed ones are", () => {
    const ran: Array<string> = []
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      const job = yield* queue.enqueue(Order, 1)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* job.await, receipt)
      assert.deepStrictEqual(ran, ["charge 1", "mail 1", "mail 2"])
    }).pipe(Effect.provide(Testing.layer(handler(ran, 3))))
  })

  it.effect("of a dead letter are kept for its retry", () => {
    const ran: Array<string> = []
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      const job = yield* queue.enqueue(Order, 1, { retries: 0 })
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* job.status).state, "failed")
      yield* queue.retry(job.id)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(ran, ["charge 1", "mail 1", "mail 1"])
    }).pipe(Effect.provide(Testing.layer(handler(ran, 1))))
  })

  for (const kind of ["memory", "SQLite"] as const) {
    it.effect(`go on in another process after a crash, on ${kind}`, () =>
      Effect.gen(function* () {
        const ran: Array<string> = []
        const file = makeSqliteFile()
        const memory = yield* sharedMemory
        const open = kind === "SQLite" ? file.open : Effect.succeed(memory)
        yield* Effect.addFinalizer(() => file.close)
        yield* Effect.gen(function* () {
          const handlers = Order.toLayer((_, job) =>
            Effect.gen(function* () {
              const made = yield* step(
                job,
                "charge",
                Receipt,
                Effect.sync(() => {
                  ran.push(`charge ${job.attempt}`)
                  return receipt
                })
              )
              if (job.attempt === 1) return yield* Effect.never
              return made
            })
          )
          const settings = { lease: Duration.seconds(3), sweepInterval: Duration.seconds(1) }
          const first = yield* startNode({ store: yield* open, handlers, settings })
          const job = yield* first.queue.enqueue(Order, 1)
          yield* TestClock.adjust("1 second")
          first.kill()
          const second = yield* startNode({ store: yield* open, handlers, settings })
          yield* TestClock.adjust("15 seconds")
          assert.deepStrictEqual(yield* second.queue.job(Order, job.id).await, receipt)
          assert.deepStrictEqual(ran, ["charge 1"])
          yield* second.stop
        }).pipe(Effect.scoped)
      })
    )
  }

  it.effect("run in each attempt where nothing keeps them: inline", () => {
    const ran: Array<string> = []
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      yield* Effect.exit(queue.run(Order, 1))
      assert.deepStrictEqual(ran, ["charge 1", "mail 1"])
    }).pipe(Effect.provide(Testing.layerInline(handler(ran, 1))))
  })
})
