// A group that works in given hours, and a job that may be put off within its deadline.
import { Effect, Layer, Schema } from "effect"
import assert from "node:assert/strict"
import { ResourceGroup, Sluice, Task, TaskQueue } from "../src/index.ts"
import { Limits, parseHours } from "../src/limits.ts"

const days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
const dayAfterTomorrow = days[(new Date().getUTCDay() + 2) % 7]

const nightly = ResourceGroup.make("nightly", 2, {
  // So that it is closed whenever this runs; a real one says `mon-fri 22:00-06:00 Europe/Berlin`.
  policy: { hours: parseHours(`${dayAfterTomorrow} 01:00-05:00 UTC`) }
})

const Backup = Task.make("backup", { payload: Schema.String, success: Schema.String, group: nightly })
const Report = Task.make("report", { payload: Schema.String, success: Schema.String })

const handlers = Layer.merge(
  Backup.toLayer((disk) => Effect.succeed(`${disk} is safe`)),
  Report.toLayer((month) => Effect.succeed(`report of ${month}`))
)

const program = Effect.gen(function* () {
  const queue = yield* TaskQueue
  const limits = yield* Limits

  const backup = yield* queue.enqueue(Backup, "/home")
  yield* Effect.sleep("200 millis")
  const reason = yield* queue.explain(backup.id)
  assert.equal(reason._tag, "GroupClosed")

  // By tomorrow is soon enough. As long as nothing is known of the load it starts at once: it is never late by a guess.
  const report = yield* queue.enqueue(Report, "July", { deferrable: { deadlineIn: "12 hours" } })
  assert.equal(yield* report.await, "report of July")

  // An operator does not wait for the night.
  yield* limits.set("nightly", { policy: {} })
  assert.equal(yield* backup.await, "/home is safe")
})

const main = Sluice.layerWorker().pipe(Layer.provideMerge(handlers), Layer.provideMerge(Sluice.layerMemory()))

await Effect.runPromise(program.pipe(Effect.provide(main)))
console.log("the group was closed, and opened when it was told to")
