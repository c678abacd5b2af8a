// What a test looks like: the queue of production on a store in memory, and a clock that moves when the test says so.
// Hours pass in milliseconds. In a suite of your own, `it.effect` of @effect/vitest brings the clock; here it is
// provided by hand.
import { Clock, Effect, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import assert from "node:assert/strict"
import { Task, TaskQueue } from "../src/index.ts"
import * as Testing from "../src/testing/index.ts"

class Busy extends Schema.TaggedError<Busy>()("Busy", {}) {}

const Remind = Task.make("remind", {
  payload: { who: Schema.String },
  success: Schema.Struct({ attempts: Schema.Int }),
  error: Busy
})

const RemindLive = Remind.toLayer((_, job) =>
  job.attempt < 3 ? Effect.fail(new Busy()) : Effect.succeed({ attempts: job.attempt })
)

const test = Effect.gen(function* () {
  const queue = yield* TaskQueue
  const started = yield* Clock.currentTimeMillis
  const reminder = yield* queue.enqueue(Remind, { who: "Ada" }, { in: "3 hours" })
  assert.equal((yield* reminder.status).state, "scheduled")

  // Runs what there is to run, moving the clock to whatever is due next, until nothing is left.
  yield* Testing.drain()
  assert.deepEqual(yield* reminder.await, { attempts: 3 })

  // Three hours, and two retries after about one and two seconds.
  const hours = ((yield* Clock.currentTimeMillis) - started) / 3_600_000
  assert(hours >= 3 && hours < 3.01)
  console.log(`${hours.toFixed(2)} hours went by`)
})

await Effect.runPromise(Effect.provide(test, Layer.provideMerge(Testing.layer(RemindLive), TestClock.layer())))
