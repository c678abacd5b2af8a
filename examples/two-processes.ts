// Two processes on one file: this one enqueues and awaits, the other runs the jobs.
import { Effect, Layer, Schema } from "effect"
import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { once } from "node:events"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { Sluice, Task, TaskQueue, Worker } from "../src/index.ts"

const WhoAmI = Task.make("who-am-i", { payload: Schema.Int, success: Schema.Int })

/** The worker: runs until it is told to stop. */
const work = (file: string) =>
  Effect.gen(function* () {
    yield* Worker
    yield* Effect.promise(() => once(process, "SIGTERM"))
  }).pipe(
    Effect.provide(
      Sluice.layerWorker().pipe(
        Layer.provide(WhoAmI.toLayer(() => Effect.succeed(process.pid))),
        Layer.provide(Sluice.layerSqlite({ path: file }))
      )
    )
  )

/** The producer: needs the task's definition, not its handler. */
const produce = (file: string) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    return yield* queue.runMany(WhoAmI, [1, 2, 3])
  }).pipe(Effect.provide(Sluice.layerSqlite({ path: file })))

const [role, store] = process.argv.slice(2)

if (role === "worker") await Effect.runPromise(work(store!))
else {
  using folder = fs.mkdtempDisposableSync(path.join(os.tmpdir(), "sluice-example-"))
  const file = path.join(folder.path, "jobs.db")
  const worker = spawn(process.execPath, [import.meta.filename, "worker", file], {
    stdio: ["ignore", "inherit", "inherit"]
  })
  const ended = once(worker, "exit")
  const pids = await Effect.runPromise(produce(file))
  worker.kill("SIGTERM")
  assert.deepEqual(pids, [worker.pid, worker.pid, worker.pid])
  assert.deepEqual(await ended, [0, null])
  console.log("three jobs ran in the other process, which then stopped by itself")
}
