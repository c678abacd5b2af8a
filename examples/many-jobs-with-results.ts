// Many jobs stored in one transaction, whole or not at all, and their results in order.
import { Effect, Layer, Schema } from "effect"
import assert from "node:assert/strict"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { request, Sluice, Task, TaskQueue } from "../src/index.ts"

using folder = fs.mkdtempDisposableSync(path.join(os.tmpdir(), "sluice-example-"))

const Square = Task.make("square", { payload: Schema.Int, success: Schema.Int })
const Shout = Task.make("shout", { payload: Schema.String, success: Schema.String, priority: 1 })

const Handlers = Layer.mergeAll(
  Square.toLayer((n) => Effect.succeed(n * n)),
  Shout.toLayer((text) => Effect.succeed(text.toUpperCase()))
)

const program = Effect.gen(function* () {
  const queue = yield* TaskQueue
  const numbers = Array.from({ length: 1000 }, (_, n) => n)

  const squares = yield* queue.runMany(Square, numbers)
  assert.deepEqual(
    squares,
    numbers.map((n) => n * n)
  )

  // Jobs of several tasks, in one transaction too.
  const [square, shout] = yield* queue.enqueueAll([request(Square, 12), request(Shout, "done", { tags: ["loud"] })])
  assert.equal((yield* square.await) + 1, 145)
  assert.equal((yield* shout.await).length, 4)

  // A batch with one bad payload stores nothing.
  const refused = yield* Effect.flip(queue.enqueueMany(Square, [1, 2, 2.5]))
  assert.equal(refused._tag === "EnqueueError" && refused.reason._tag, "InvalidPayload")
  const { count } = yield* queue.count({ tasks: ["square"] })
  assert.equal(count, 1001)
  console.log(`${count} squares`)
})

const Main = Sluice.layerWorker().pipe(
  Layer.provide(Handlers),
  Layer.provideMerge(Sluice.layerSqlite({ path: path.join(folder.path, "jobs.db") }))
)

await Effect.runPromise(Effect.provide(program, Main))
