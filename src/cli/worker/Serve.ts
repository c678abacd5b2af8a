/**
 * One worker process in the foreground: serves until it is told to stop, drained, or (`--once`) has nothing left to do.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Queue from "effect/Queue"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import {
  isCollectTask,
  Job,
  AbandonedCommands,
  QueueEvents,
  type QueueEvent,
  type QueueSettings,
  ShellTask,
  Sluice,
  StoreError,
  TaskQueue,
  TaskRegistry,
  Worker,
  type WorkerOptions
} from "../../services/Queue/index.ts"
import { AlertLayers, AlertSettings } from "../../services/Alerts/index.ts"
import { alertSettings } from "../AlertSinks.ts"
import { CommandFailure, describeCause, fail } from "../Failure.ts"
import { stopsWithItsJobs } from "../JobControl.ts"
import { output } from "../Output.ts"
import { endedBy, Signals } from "../Signals.ts"
import * as HumanNumber from "../terminal/HumanNumber.ts"
import * as Sanitize from "../terminal/Sanitize.ts"
import { tellWhoRan } from "./EndedFromWithin.ts"
import * as NotifyEnds from "./NotifyEnds.ts"
import type { ScaleActuators } from "./ScaleActuators.ts"
import type { Handlers } from "./TaskModule.ts"

/** How often `--once` looks whether anything is left, in milliseconds; it believes it when it sees it twice. */
const onceEveryMs = 150
/** How often lanes without an owner are looked for, in milliseconds. */
const orphansEveryMs = 2000

export interface ServeOptions {
  readonly handlers: Handlers | undefined
  readonly shell: boolean
  readonly slots: WorkerOptions["slots"] & {}
  readonly totalSlots: number | undefined
  readonly threads: number | undefined
  readonly name: string | undefined
  readonly once: boolean
  /** Where requests for profiles come through; undefined for a store that is no file. */
  readonly storeFile: string | undefined
  /** Whether ends of jobs are told one by one, successes too. */
  readonly everyJob: boolean
  /** What tells of each job that ends here. */
  readonly notify: string | undefined
  /** Whether this worker takes its turn at looking after the alerts. */
  readonly alerts: boolean
  /** What it acts on when it leads the scaler; undefined: it takes no part in scaling. */
  readonly actuators: ScaleActuators | undefined
  /** Whether it takes its turn at leading the scaler. */
  readonly leads: boolean
  /** Whether it is there for that, even if it runs no jobs. */
  readonly scalesOnly: boolean
  readonly settings: QueueSettings.QueueSettings
}

/** A line for the log, or nothing: what went wrong is always told. */
const lineOf = (event: QueueEvent, everyJob: boolean): string | undefined => {
  switch (event._tag) {
    case "Completed":
      return everyJob
        ? `${Job.formatJobId(event.id)} ${event.task} completed in ${HumanNumber.duration(event.runMs)}`
        : undefined
    case "Retried":
      return `${Job.formatJobId(event.id)} ${event.task} failed (attempt ${event.attempt}), again in ${HumanNumber.duration(event.due - event.at)}: ${event.failure.message}`
    case "Failed":
      return `${Job.formatJobId(event.id)} ${event.task} gave up after attempt ${event.attempt}: ${event.failure.message}`
    case "Cancelled":
      return `${Job.formatJobId(event.id)} ${event.task} cancelled: ${event.failure.message}`
    case "LeaseLost":
      return `${Job.formatJobId(event.id)} ${event.task} ended after its lease was lost; its result was dropped`
    case "LoopBlocked":
      return `the event loop was blocked for ${HumanNumber.duration(event.blockedMs)} by ${event.jobs.map(({ id, task }) => `${Job.formatJobId(id)} ${task}`).join(", ")}`
    case "Recovered":
      return event.ids.length + event.buried.length === 0
        ? undefined
        : `taken back from dead workers: ${event.ids.length} to run again, ${event.buried.length} given up`
    default:
      return undefined
  }
}

const tellEvents = (everyJob: boolean) =>
  Effect.gen(function* () {
    const out = yield* output
    const events = yield* (yield* QueueEvents).subscribe
    yield* Effect.forkScoped(
      Effect.forever(
        Effect.flatMap(PubSub.take(events), (event) => {
          const line = lineOf(event, everyJob)
          return line === undefined
            ? Effect.void
            : out.note(`${new Date(event.at).toISOString()} ${Sanitize.line(line)}`)
        })
      )
    )
  })

/** Counts the jobs that end without success here. */
const countFailures = Effect.gen(function* () {
  const counted = { failed: 0 }
  const events = yield* (yield* QueueEvents).subscribe
  yield* Effect.forkScoped(
    Effect.forever(
      Effect.map(PubSub.take(events), (event) => {
        if (event._tag === "Failed") counted.failed++
      })
    )
  )
  return counted
})

/** Alerts go to the same place as what happened to jobs, and to the sinks of the settings. */
const watchingAlerts = Effect.gen(function* () {
  const out = yield* output
  const settings = yield* alertSettings((line) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => out.note(`${new Date(now).toISOString()} ${Sanitize.line(line)}`))
  )
  return AlertLayers.layerWatching.pipe(Layer.provide(Layer.succeed(AlertSettings.Settings, settings)))
})

/** Whether anything this worker could run now is waiting or running. */
const isBusy = Effect.gen(function* () {
  const queue = yield* TaskQueue
  const worker = yield* Worker
  const registry = yield* TaskRegistry
  const { running, slots } = yield* worker.status
  if (running.length > 0) return true
  const { counters, groups, paused } = yield* queue.stats
  if (paused) return false
  const closed = new Set(groups.filter((group) => group.paused || slots[group.name] === 0).map(({ name }) => name))
  return counters.some(
    ({ count, group, state, task }) =>
      count > 0 && state === "pending" && registry.get(task) !== undefined && !closed.has(group)
  )
})

const untilIdle = Effect.gen(function* () {
  for (let idle = 0; idle < 2; ) {
    yield* Effect.sleep(onceEveryMs)
    idle = (yield* isBusy) ? 0 : idle + 1
  }
})

export const serve = (options: ServeOptions) =>
  Effect.gen(function* () {
    const out = yield* output
    const signals = yield* (yield* Signals).takeOver
    yield* stopsWithItsJobs((yield* TaskQueue).hold)
    const { onStart } = yield* NotifyEnds.make(options.notify)
    const handlers = [
      ...(options.handlers === undefined ? [] : [options.handlers]),
      ...(options.shell ? [Sluice.layerShell(ShellTask.shell, { onStart })] : [])
    ]
    if (handlers.length === 0 && !options.scalesOnly)
      return yield* fail(
        "usage",
        "nothing to serve: --no-shell without --tasks; name a module with --tasks ./tasks.ts, or what it scales (SLUICE_SCALE_WORKLOAD, SLUICE_SCALE_COMMAND)"
      )
    const requests = options.storeFile === undefined ? Layer.empty : Sluice.layerProfileRequests(options.storeFile)
    // A worker that ends with its work has no future to decide for.
    const scaling = options.actuators === undefined ? undefined : Sluice.layerScaler({ leads: options.leads })
    // The alerts look ahead with the forecasts of this very scaler: one of them is enough for a process.
    const forecast = scaling === undefined ? Layer.empty : AlertLayers.layerForecast.pipe(Layer.provide(scaling))
    const watching = options.alerts ? (yield* watchingAlerts).pipe(Layer.provide(forecast)) : Layer.empty
    const layer = Layer.mergeAll(requests, watching, scaling ?? Layer.empty).pipe(
      Layer.provideMerge(
        Sluice.layerWorker({
          slots: options.slots,
          ...(options.totalSlots === undefined ? {} : { totalSlots: options.totalSlots }),
          ...(options.threads === undefined ? {} : { threads: options.threads }),
          ...(options.name === undefined ? {} : { name: options.name })
        })
      ),
      Layer.provide(Layer.mergeAll(Sluice.layerCollectOnRequest, ...handlers)),
      // Below all of it: the alerts ask the same scaler.
      Layer.provide(options.actuators ?? Layer.empty)
    )

    // A scope of its own, to close it while signals are still heard.
    const scope = yield* Scope.make()
    const context = yield* Scope.provide(Layer.build(layer), scope).pipe(
      Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause))),
      Effect.catchCause((cause) => {
        const { line } = describeCause(cause)
        const error = Cause.squash(cause)
        return isStoreError(cause) || error instanceof AlertSettings.SettingsUnusable || error instanceof CommandFailure
          ? Effect.failCause(cause)
          : Effect.fail(fail("failure", `the handlers could not be made: ${line}`))
      })
    )
    const worker = Context.get(context, Worker)
    yield* tellEvents(options.everyJob).pipe(Scope.provide(scope))
    const counted = yield* countFailures.pipe(Scope.provide(scope))
    yield* tellWhoRan(worker.status)
    if (options.shell) {
      yield* AbandonedCommands.serveOrphans((task) => Layer.build(Sluice.layerShell(task)), orphansEveryMs).pipe(
        Effect.provideService(Scope.Scope, scope),
        Effect.forkIn(scope)
      )
    }
    const { name, slots, total } = yield* worker.status
    const registry = yield* TaskRegistry
    const served = registry
      .all()
      .map(({ task }) => task.name)
      .filter((name) => !isCollectTask(name))
      .join(", ")
    const at = Object.entries(slots)
      .filter(([, count]) => count > 0)
      .map(([group, count]) => `${group} ${count}`)
      .join(", ")
    const all = Object.values(slots).reduce((sum, count) => sum + count, 0)
    const inAll = total.slots < all ? `, at most ${HumanNumber.count(total.slots)} in all` : ""
    yield* out.note(
      `sluice: worker ${name} ${served === "" ? "runs no jobs and scales others" : `serves ${served} with slots ${at}${inAll}`}${options.once ? "" : "; Ctrl-C stops it"}`
    )

    const ended = yield* Effect.raceAllFirst([
      Effect.as(worker.awaitDrained, "drained" as const),
      Effect.as(options.once ? Effect.provideContext(untilIdle, context) : Effect.never, "idle" as const),
      Queue.take(signals)
    ])
    const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
    if (ended === "drained" || ended === "idle") {
      yield* Fiber.join(closing)
      return yield* options.once && counted.failed > 0
        ? fail("failure", `${counted.failed} ${counted.failed === 1 ? "job" : "jobs"} failed; see: sluice dlq ls`)
        : Effect.void
    }

    const running = (yield* worker.status).running.length
    if (running > 0) {
      yield* out.note(
        `sluice: stopping; ${running} running ${running === 1 ? "job has" : "jobs have"} ${Duration.format(options.settings.grace)} to finish; once more interrupts`
      )
    }
    const second = yield* Effect.raceFirst(
      Effect.as(Fiber.join(closing), Option.none()),
      Effect.map(Queue.take(signals), Option.some)
    )
    if (Option.isNone(second)) return
    yield* worker.hurry
    yield* Fiber.join(closing)
    return yield* endedBy(second.value)
  })

const isStoreError = (cause: Cause.Cause<unknown>): boolean => Cause.squash(cause) instanceof StoreError
