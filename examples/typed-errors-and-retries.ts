// Errors are part of a task's type. What passes is tried again, what does not is buried at once, and both reach the
// caller typed.
import { Effect, Layer, Result, Schema } from "effect"
import assert from "node:assert/strict"
import { Sluice, Task, TaskQueue } from "../src/index.ts"

class CardDeclined extends Schema.TaggedError<CardDeclined>()("CardDeclined", { reason: Schema.String }) {}
class BankUnreachable extends Schema.TaggedError<BankUnreachable>()("BankUnreachable", {}) {}

const Charge = Task.make("charge", {
  payload: { card: Schema.String, cents: Schema.Int },
  success: Schema.Struct({ attempts: Schema.Int }),
  error: Schema.Union([CardDeclined, BankUnreachable]),
  group: "network",
  // Four attempts at most: after about 10, 20 and 40 ms. Without `retry` it is 1, 2 and 4 s.
  retry: { times: 3, firstMs: 10 },
  // A declined card stays declined.
  retryable: (error) => error._tag === "BankUnreachable"
})

const ChargeLive = Charge.toLayer(({ card }, job) =>
  Effect.gen(function* () {
    if (card === "stolen") return yield* new CardDeclined({ reason: "reported stolen" })
    if (card === "blank") return yield* new Task.NonRetryable({ message: "no such card" })
    if (job.attempt < 3) return yield* new BankUnreachable()
    return { attempts: job.attempt }
  })
)

const program = Effect.gen(function* () {
  const queue = yield* TaskQueue

  const paid = yield* queue.run(Charge, { card: "good", cents: 100 })
  assert.equal(paid.attempts, 3)

  const declined = yield* queue
    .run(Charge, { card: "stolen", cents: 100 })
    .pipe(Effect.catchTag("CardDeclined", ({ reason }) => Effect.succeed(reason)))
  assert.equal(declined, "reported stolen")

  // What is no typed error of the task (NonRetryable, a defect, a limit, a cancellation) arrives as JobFailed.
  const buried = yield* Effect.result(queue.run(Charge, { card: "blank", cents: 100 }))
  assert(Result.isFailure(buried) && buried.failure._tag === "JobFailed")
  assert.equal(buried.failure.failure.cause, "NonRetryable")

  // Jobs that gave up are the dead letters: kept, listed, and run again when asked.
  const { jobs } = yield* queue.list({ states: ["failed"] })
  assert.equal(jobs.length, 2)
  console.log("1 paid at the third attempt, 1 declined, 1 buried")
})

const Main = Sluice.layerWorker().pipe(Layer.provide(ChargeLive), Layer.provideMerge(Sluice.layerMemory()))

await Effect.runPromise(Effect.provide(program, Main))
