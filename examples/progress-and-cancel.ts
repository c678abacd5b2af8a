// A handler reports its progress; anyone may follow it, and cancel the job. Interruption runs the handler's finalizers.
import { Effect, Layer, Result, Schema, Stream } from "effect"
import assert from "node:assert/strict"
import { Sluice, Task, TaskQueue } from "../src/index.ts"

const Upload = Task.make("upload", {
  payload: { parts: Schema.Int },
  success: Schema.Int,
  progress: Schema.Struct({ sent: Schema.Int }),
  group: "network"
})

const cleanedUp: Array<string> = []

const UploadLive = Upload.toLayer(({ parts }, job) =>
  Effect.gen(function* () {
    yield* Effect.logInfo(`uploading ${parts} parts`)
    for (let sent = 1; sent <= parts; sent++) {
      yield* Effect.sleep("10 millis")
      yield* job.progress({ sent })
    }
    return parts
  }).pipe(Effect.onInterrupt(() => Effect.sync(() => cleanedUp.push("upload"))))
)

const program = Effect.gen(function* () {
  const queue = yield* TaskQueue

  const upload = yield* queue.enqueue(Upload, { parts: 5 })
  const seen = yield* Stream.runCollect(upload.progress)
  assert.equal(yield* upload.await, 5)
  assert.equal(seen.at(-1)?.sent, 5)
  assert.deepEqual(
    (yield* upload.logs).map(({ message }) => message),
    ["uploading 5 parts"]
  )

  const endless = yield* queue.enqueue(Upload, { parts: 1_000_000 })
  yield* Stream.runHead(endless.progress) // it runs
  yield* endless.cancel("nobody needs it")
  const end = yield* Effect.result(endless.await)
  assert(Result.isFailure(end) && end.failure._tag === "JobFailed")
  assert.equal(end.failure.state, "cancelled")
  assert.deepEqual(cleanedUp, ["upload"])
  console.log("one upload finished, one cancelled")
})

const Main = Sluice.layerWorker().pipe(Layer.provide(UploadLive), Layer.provideMerge(Sluice.layerMemory()))

await Effect.runPromise(Effect.provide(program, Main))
