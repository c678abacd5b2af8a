/**
 * The handlers of this process made ready to run, each once: anew when one comes or goes, or when a task's place
 * changes.
 */
import { Clock, Context, Effect, Logger, Random } from "effect"
import { AttemptMeters, type TaskMeter } from "../../Profiling/AttemptMeter.ts"
import type { JobId } from "../Job.ts"
import { JobStore } from "../../Store/JobStore.ts"
import { Placements } from "../Placements.ts"
import * as Durations from "../policy/Durations.ts"
import { isShellTask } from "../policy/Lane.ts"
import { Settings } from "../QueueSettings.ts"
import { type TaskCodec, taskCodec } from "../codec/TaskCodec.ts"
import { type BatchTaskHandler, type Registration, TaskRegistry } from "../TaskRegistry.ts"
import type { Attempt, Runnable } from "./Attempt.ts"
import { awaitOutcome } from "./BatchItem.ts"
import { processing } from "../attempt/Tracing.ts"
import { jobLogger, ofAttempt } from "./JobLogger.ts"
import { moduleTask } from "./ModuleTask.ts"
import { ThreadPool } from "./ThreadPool.ts"
import { threadTask } from "./ThreadTask.ts"

/** The handler of a task as registered now. */
export type RunnableOf = (task: string) => Runnable | undefined

export const makeRunnables = Effect.gen(function* () {
  const store = yield* JobStore
  const registry = yield* TaskRegistry
  const threads = yield* ThreadPool
  const placements = yield* Placements
  const settings = yield* Settings
  const meters = yield* AttemptMeters
  const clock = yield* Clock.Clock
  const random = yield* Random.Random
  const context = yield* Effect.context<never>()

  const runnables = new Map<string, Runnable>()
  let version = -1
  let placed = -1

  const now = () => clock.currentTimeMillisUnsafe()
  const randomDouble = () => random.nextDoubleUnsafe()

  const together = (run: BatchTaskHandler, meter: TaskMeter): BatchTaskHandler => {
    const metered = meter.wrap(
      (items: Parameters<BatchTaskHandler>[0], _first: { readonly id: JobId }) => run(items),
      true
    )
    return (items) => metered(items, items[0]!.job)
  }

  const inThread = ({ handler, task }: Extract<Registration, { readonly _tag: "Thread" }>) =>
    !handler.onceComputing || placements.computes(task.name)

  /**
   * Whether its own call does the work on this event loop: an item of a batch waits for the batch's, a command is a
   * process.
   */
  const runsHere = (registration: Registration): boolean =>
    (registration._tag === "Fiber" && !isShellTask(registration.task.name)) ||
    (registration._tag === "Thread" && !inThread(registration))

  const runOf = (registration: Registration, codec: TaskCodec, meter: TaskMeter): Runnable["run"] => {
    switch (registration._tag) {
      case "Fiber":
        return registration.run
      case "Batch":
        return awaitOutcome
      case "Thread": {
        const { handler } = registration
        if (!inThread(registration)) return moduleTask(handler, codec)
        return threadTask(threads, handler, codec, handler.onceComputing ? meter.ranInThread : undefined)
      }
    }
  }

  const toRunnable = (registration: Registration): Runnable => {
    const { task } = registration
    const codec = taskCodec(task, store.traits)
    const meter = meters.of(task.name)
    const handlerContext = registration._tag === "Thread" ? context : registration.context
    const loggers = new Set([...Context.get(handlerContext, Logger.CurrentLoggers)].map(ofAttempt))
    loggers.add(jobLogger)
    return {
      registration,
      codec,
      context: Context.add(handlerContext, Logger.CurrentLoggers, loggers),
      meter,
      run: processing(
        handlerContext,
        meter.wrap<unknown, Attempt>(runOf(registration, codec, meter), runsHere(registration))
      ),
      together: registration._tag === "Batch" ? together(registration.run, meter) : undefined,
      softLimitMs: task.softLimitMs ?? Durations.limit("softLimit", settings.softLimit),
      hardLimitMs: task.hardLimitMs ?? Durations.limit("hardLimit", settings.hardLimit),
      end: {
        codec,
        retry: task.retry ?? settings.retry,
        retryable: task.retryable,
        maxResultBytes: settings.maxPayloadBytes,
        now,
        random: randomDouble
      }
    }
  }

  const runnableOf: RunnableOf = (task) => {
    if (version !== registry.version() || placed !== placements.version()) {
      runnables.clear()
      version = registry.version()
      placed = placements.version()
    }
    let there = runnables.get(task)
    if (there === undefined) {
      const registration = registry.get(task)
      if (registration === undefined) return undefined
      there = toRunnable(registration)
      runnables.set(task, there)
    }
    return there
  }

  return runnableOf
})
