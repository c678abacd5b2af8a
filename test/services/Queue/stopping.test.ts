import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Layer, Schema } from "effect"
import * as ShellTask from "../../../src/services/Queue/run/ShellTask.ts"
import {
  type BatchHandler,
  type JobStore,
  type Outputs,
  QueueSettings,
  Sluice,
  Task,
  TaskQueue,
  type TaskRegistry,
  Umask
} from "../../../src/services/Queue/index.ts"

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

  const later = { times: 3, firstMs: 60_000 }
  const shellCommand = (script: string) => ({
    command: ["sh", "-c", script] as const,
    cwd: process.cwd(),
    env: { PATH: process.env.PATH! },
    umask: Umask.current()
  })

  /** What became of a job whose worker began to stop while it ran. */
  const stoppedMeanwhile = <P, S, E, G>(
    task: Task.Task<P, S, E, G>,
    payload: P,
    handler: Layer.Layer<never, never, TaskRegistry | JobStore | Outputs>,
    grace: Duration.Input = "10 seconds",
    until: Effect.Effect<void> = Effect.void
  ) =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      const job = yield* queue.enqueue(task, payload)
      yield* queue
        .waitFor(job.id, ["running"])
        .pipe(Effect.andThen(until), Effect.provide(Sluice.layerWorker().pipe(Layer.provide(handler))))
      const { attempt, failure, state, waitReason } = yield* job.status
      return { attempt, cause: failure?.cause, message: failure?.message, state, waitReason }
    }).pipe(
      Effect.provide(Sluice.layerMemory()),
      Effect.provideService(QueueSettings.Settings, {
        ...QueueSettings.defaults,
        grace: Duration.fromInputUnsafe(grace)
      })
    )

  it.live(
    "takes a failure for what it is when the handler never asked about the stop: counted, delayed, recorded",
    () =>
      Effect.gen(function* () {
        const failed = { attempt: 1, state: "scheduled", waitReason: "retry" } as const
        const Fails = Task.make("fails", { payload: Schema.Void, error: Schema.String, retry: later })
        const soon = Effect.sleep("50 millis")
        assert.deepStrictEqual(
          yield* stoppedMeanwhile(
            Fails,
            undefined,
            Fails.toLayer(() => Effect.andThen(soon, Effect.fail("no luck")))
          ),
          { ...failed, cause: "Failed", message: "no luck" }
        )
        assert.deepStrictEqual(
          yield* stoppedMeanwhile(
            Fails,
            undefined,
            Fails.toLayer(() => Effect.andThen(soon, Effect.die("broken")))
          ),
          { ...failed, cause: "Defect", message: "broken" }
        )
        // It has a signal, which does not speak of the stop.
        const signalled = Fails.toLayer((_, job) => {
          const { signal } = job
          return Effect.andThen(soon, Effect.fail(`aborted: ${signal.aborted}`))
        })
        assert.deepStrictEqual(yield* stoppedMeanwhile(Fails, undefined, signalled), {
          ...failed,
          cause: "Failed",
          message: "aborted: false"
        })
        // The soft limit was what it heard of, before the stop.
        const Late = Task.make("late", { payload: Schema.Void, error: Schema.String, retry: later, softLimit: 1 })
        const told = yield* Deferred.make<void>()
        const late = Late.toLayer((_, job) =>
          job.softLimit.pipe(
            Effect.andThen(Deferred.succeed(told, undefined)),
            Effect.andThen(Effect.sleep("50 millis")),
            Effect.andThen(Effect.fail("too late"))
          )
        )
        assert.deepStrictEqual(yield* stoppedMeanwhile(Late, undefined, late, "10 seconds", Deferred.await(told)), {
          ...failed,
          cause: "Failed",
          message: "too late"
        })
      })
  )

  it.live("takes a failure for a give-up when the handler asked only after the stop had begun", () =>
    Effect.gen(function* () {
      const Asks = Task.make("asks", { payload: Schema.Void, error: Schema.String, retry: later })
      const asks = Asks.toLayer((_, job) =>
        Effect.sleep("50 millis").pipe(Effect.andThen(job.softLimit), Effect.andThen(Effect.fail("gave up")))
      )
      const { attempt, cause, state } = yield* stoppedMeanwhile(Asks, undefined, asks)
      assert.deepStrictEqual([state, attempt, cause], ["pending", 0, undefined])
    })
  )

  it.live("takes what one of a batch heard for all of it, and a failure that nobody asked for as each job's own", () =>
    Effect.gen(function* () {
      const Many = Task.make("many", {
        payload: Schema.Int,
        error: Schema.String,
        retry: later,
        batch: { maxBatchSize: 3, maxWaitTime: 10 }
      })
      const ends = (handler: BatchHandler<number, void, string, unknown, never>) =>
        Effect.gen(function* () {
          const queue = yield* TaskQueue
          const jobs = yield* queue.enqueueMany(Many, [1, 2, 3])
          yield* queue
            .waitFor(jobs[0]!.id, ["running"])
            .pipe(Effect.provide(Sluice.layerWorker().pipe(Layer.provide(Many.toBatchLayer(handler)))))
          return yield* Effect.forEach(jobs, ({ status }) =>
            Effect.map(status, ({ attempt, failure, state }) => `${state} ${attempt} ${failure?.message}`)
          )
        }).pipe(Effect.provide(Sluice.layerMemory()))
      assert.deepStrictEqual(
        yield* ends((items) => Effect.andThen(items[1]!.job.softLimit, Effect.fail("all of it"))),
        Array.from({ length: 3 }, () => "pending 0 undefined")
      )
      assert.deepStrictEqual(
        yield* ends((items) => Effect.andThen(Effect.sleep("30 millis"), Effect.fail(`${items.length} at once`))),
        Array.from({ length: 3 }, () => "scheduled 1 1 at once")
      )
    })
  )

  it.live("takes a command that fails by itself for failed, and one that it had to end for unspent", () =>
    Effect.gen(function* () {
      const shell = Sluice.layerShell(ShellTask.shell)
      const failed = yield* stoppedMeanwhile(ShellTask.shell, shellCommand("sleep 0.2; exit 3"), shell)
      assert.deepStrictEqual(
        [failed.state, failed.attempt, failed.message],
        ["scheduled", 1, "the command ended with exit code 3"]
      )
      const ended = yield* stoppedMeanwhile(ShellTask.shell, shellCommand("sleep 60"), shell, "100 millis")
      assert.deepStrictEqual([ended.state, ended.attempt, ended.cause], ["pending", 0, undefined])
    })
  )
})
