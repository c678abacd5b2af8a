// A worker stops when its scope closes: it claims no more, gives running jobs the grace period, interrupts what is left
// and hands it back unspent. The next worker runs it as if nothing had been.
import { Effect, Duration, Layer, Schema } from "effect"
import assert from "node:assert/strict"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { QueueSettings, Sluice, Task, TaskQueue } from "../src/index.ts"

using folder = fs.mkdtempDisposableSync(path.join(os.tmpdir(), "sluice-example-"))

const Report = Task.make("report", { payload: { millis: Schema.Int }, success: Schema.Int })

const ReportLive = Report.toLayer(({ millis }, job) => Effect.as(Effect.sleep(millis), job.attempt))

const settings = Layer.succeed(QueueSettings.Settings, { ...QueueSettings.defaults, grace: Duration.millis(200) })
const Store = Sluice.layerSqlite({ path: path.join(folder.path, "jobs.db") }).pipe(Layer.provideMerge(settings))

const program = Effect.gen(function* () {
  const queue = yield* TaskQueue
  const WorkerLive = Sluice.layerWorker().pipe(Layer.provide(ReportLive))

  const quick = yield* queue.enqueue(Report, { millis: 100 })
  const slow = yield* queue.enqueue(Report, { millis: 1500 })
  // A worker for as long as this block lasts.
  yield* queue.waitFor(slow.id, ["running"]).pipe(Effect.provide(WorkerLive))
  assert.equal((yield* quick.status).state, "completed") // finished within the grace period
  assert.equal((yield* slow.status).state, "pending") // handed back
  assert.equal((yield* slow.status).attempt, 0) // and nothing spent

  const attempt = yield* slow.await.pipe(Effect.provide(WorkerLive))
  assert.equal(attempt, 1)
  console.log("the quick job was finished, the slow one handed back and run by the next worker")
})

await Effect.runPromise(Effect.provide(program, Store))
