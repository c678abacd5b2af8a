import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import * as ShellTask from "../../../src/services/Queue/run/ShellTask.ts"
import { Sluice, Task, TaskQueue, Umask } from "../../../src/services/Queue/index.ts"

describe("a worker that stops", () => {
  it.live("leaves a handler's signal alone while there is time to finish", () =>
    Effect.gen(function* () {
      const Send = Task.make("send", { payload: Schema.Void, success: Schema.Boolean, retry: "none" })
      const SendLive = Send.toLayer((_, job) => {
        const { signal } = job
        // Asked to finish, as its worker stops; what went by the signal would have failed.
        return job.softLimit.pipe(
          Effect.andThen(Effect.sleep("20 millis")),
          Effect.andThen(Effect.sync(() => signal.aborted))
        )
      })
      const queue = yield* TaskQueue
      const job = yield* queue.enqueue(Send, undefined)
      yield* queue.waitFor(job.id, ["running"]).pipe(Effect.provide(Sluice.layerWorker().pipe(Layer.provide(SendLive))))
      assert.strictEqual(yield* job.await, false)
    }).pipe(Effect.provide(Sluice.layerMemory()))
  )

  it.live("hands a job back unspent whose handler gives up because it was asked to finish", () =>
    Effect.gen(function* () {
      const Copy = Task.make("copy", { payload: Schema.Void, error: Schema.String, retry: "none" })
      const CopyLive = Copy.toLayer((_, job) => Effect.andThen(job.softLimit, Effect.fail("not finished")))
      const queue = yield* TaskQueue
      const job = yield* queue.enqueue(Copy, undefined)
      yield* queue.waitFor(job.id, ["running"]).pipe(Effect.provide(Sluice.layerWorker().pipe(Layer.provide(CopyLive))))
      const { attempt, failure, state } = yield* job.status
      assert.deepStrictEqual([state, attempt, failure], ["pending", 0, undefined])
    }).pipe(Effect.provide(Sluice.layerMemory()))
  )

  it.live("lets a command run to its end within the grace period", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const job = yield* queue.enqueue(
        ShellTask.shell,
        {
          command: ["sh", "-c", "sleep 0.3; echo finished"],
          cwd: process.cwd(),
          env: { PATH: process.env.PATH! },
          umask: Umask.current()
        },
        { retries: 0 }
      )
      const worker = Sluice.layerWorker().pipe(Layer.provide(Sluice.layerShell(ShellTask.shell)))
      yield* queue.waitFor(job.id, ["running"]).pipe(Effect.provide(worker))
      const { exitCode, stdout } = yield* job.await
      assert.deepStrictEqual([exitCode, Buffer.from(stdout).toString()], [0, "finished\n"])
    }).pipe(Effect.provide(Sluice.layerMemory()))
  )
})
