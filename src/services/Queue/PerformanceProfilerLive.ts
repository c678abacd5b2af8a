/** The profiler of one process: gives the worker its meters, sums up what they recorded, and takes profiles. */
import { Clock, Context, Deferred, Duration, Effect, Layer, Queue } from "effect"
import { AttemptMeters, type TaskMeter } from "../Profiling/AttemptMeter.ts"
import { finishedStates, formatJobId, type JobId } from "./Job.ts"
import { JobStore } from "../Store/JobStore.ts"
import {
  AlreadyProfiling,
  NotProfiling,
  type PerformanceBenchmarks,
  PerformanceProfiler,
  type RecordedProfile
} from "./PerformanceProfiler.ts"
import { checkedPlacementSettings } from "./Placements.ts"
import type { ProfilerReading } from "../Profiling/ProfilerReading.ts"
import { checkedSettings } from "../Profiling/ProfilerSettings.ts"
import { empty, type Histogram, merge } from "./policy/Histogram.ts"
import { leakHints } from "../Profiling/policy/HeapSlope.ts"
import { AttemptProbes } from "../Profiling/measure/AttemptProbes.ts"
import * as AttemptSeries from "../Profiling/measure/AttemptSeries.ts"
import { metricsOf } from "../Profiling/measure/Metrics.ts"
import { ProcessWatch } from "../Profiling/measure/ProcessWatch.ts"
import { quantilesOf } from "../Profiling/measure/Quantiles.ts"
import { storeFigures, taskFigures } from "../Profiling/measure/Readings.ts"
import { type Recorded, Recording } from "../Profiling/measure/Recording.ts"
import { Slowest } from "../Profiling/measure/Slowest.ts"
import * as StoreTimes from "../Profiling/measure/StoreTimes.ts"
import { since, TaskCell } from "../Profiling/measure/TaskCell.ts"
import { QueueEvents } from "./QueueEvents.ts"
import { Settings as QueueSettings } from "./QueueSettings.ts"
import { monotonicOf } from "./host/Monotonic.ts"
import type { StoreError } from "../Store/StoreError.ts"
import { StoreMeter } from "../Store/StoreMeter.ts"
import { JobNotFound, WrongState } from "./TaskQueue.ts"

/** Names of `profile` that are kept apart. */
const contextsMost = 1000
/** Groups of one task that are kept apart. */
const groupsMost = 100
/** Between two lines about slow attempts of one task, in milliseconds. */
const slowLineMs = 60_000

/** One task: its cells by group, its slowest attempts, and how many have ended. */
interface Metered {
  readonly task: string
  readonly cells: Map<string, TaskCell>
  readonly slowest: Slowest
  attempts: number
}

const make = Effect.gen(function* () {
  const settings = yield* checkedSettings
  const events = yield* QueueEvents
  const storeMeter = yield* StoreMeter
  const store = yield* JobStore
  const queueSettings = yield* QueueSettings
  const clock = yield* Clock.Clock
  const measuring = yield* checkedPlacementSettings
  // A virtual clock goes with programs that have to run alike each time.
  const isReal = clock === Context.get(Context.empty(), Clock.Clock)
  const probes = measuring.mode === "off" || !isReal ? undefined : new AttemptProbes(Duration.toMillis(measuring.every))
  const monotonic = monotonicOf(clock)
  const now = () => clock.currentTimeMillisUnsafe()
  const context = yield* Effect.context<never>()
  const fork = Effect.runForkWith(context)

  const metered = new Map<string, Metered>()
  const contexts = new Map<string, TaskCell>()
  /** How to end what is shown of each cell. */
  const shown: Array<() => void> = []
  const watch = new ProcessWatch(() => [...metered.values()].map(({ attempts }) => attempts))
  let recording: Recording | undefined
  /** Jobs whose next attempt is to be profiled, and the one that is. */
  const wanted = new Map<JobId, Deferred.Deferred<RecordedProfile>>()
  let profiledJob: JobId | undefined

  const taskNames = () => [...metered.keys()]
  const cells = () => [...metered.values()].flatMap((task) => [...task.cells.values()])

  const slowest = (from: number) =>
    [...metered.values()]
      .flatMap((task) =>
        task.slowest.read(
          now(),
          (start, end) => watch.meanwhile(performance.now() - (now() - start), performance.now() - (now() - end)),
          (_, group) => {
            const cell = task.cells.get(group)
            return cell === undefined ? Number.POSITIVE_INFINITY : quantilesOf(cell.mark().run).p99
          }
        )
      )
      .filter(({ endedAt }) => endedAt >= from)
      .sort((a, b) => b.runMs - a.runMs)

  // Periods -----------------------------------------------------------------------------------------------------------

  const begin = () => {
    const startedAt = now()
    const cellMarks = new Map([...cells(), ...contexts.values()].map((cell) => [cell, cell.mark()]))
    const store = StoreTimes.markOf(storeMeter)
    const monotonicAt = monotonic()
    const from = watch.mark()
    return (): ProfilerReading => {
      const to = watch.mark()
      const periodMs = monotonic() - monotonicAt
      const readingsOf = (cells: Iterable<TaskCell>) =>
        [...cells]
          .map((cell) => cell.reading(since(cellMarks.get(cell), cell.mark()), periodMs))
          .filter(({ attempts }) => attempts > 0)
      return {
        at: now(),
        periodMs,
        process: watch.figures(from, to),
        store: StoreTimes.readingOf(store, StoreTimes.markOf(storeMeter), to.at - from.at),
        tasks: readingsOf(cells()),
        contexts: readingsOf(contexts.values()),
        slowest: slowest(startedAt),
        leaks: leakHints(taskNames(), watch.collections)
      }
    }
  }

  // Recording ---------------------------------------------------------------------------------------------------------

  const sinceBegun = begin()
  const recorded: Recorded = { begin, now }

  const start = () => {
    if (recording !== undefined) return
    watch.open()
    recording = new Recording(
      recorded,
      Math.round(Duration.toMillis(settings.sampleInterval) * 1000),
      settings.allocationInterval
    )
  }

  const stop = (label: string): RecordedProfile | undefined => {
    const stopping = recording
    recording = undefined
    const result = stopping?.stop(label)
    if (profiledJob !== undefined && result !== undefined) {
      const waiting = wanted.get(profiledJob)
      wanted.delete(profiledJob)
      profiledJob = undefined
      if (waiting !== undefined) Deferred.doneUnsafe(waiting, Effect.succeed(result))
    }
    return result
  }

  // Meters ------------------------------------------------------------------------------------------------------------

  const meterOf = (name: string): TaskMeter => {
    let task = metered.get(name)
    if (task === undefined) {
      task = { task: name, cells: new Map(), slowest: new Slowest(), attempts: 0 }
      metered.set(name, task)
    }
    const known = task
    const probed = probes?.of(name)
    const slowMs = Duration.toMillis(
      settings.slowTasks[name] ?? settings.slowTasks[name.split("/")[0]!] ?? settings.slowTask
    )
    let saidAt = Number.NEGATIVE_INFINITY
    let last: TaskCell | undefined

    const cellOf = (group: string): TaskCell => {
      if (last !== undefined && last.group === group) return last
      const key = known.cells.has(group) || known.cells.size < groupsMost ? group : "(other groups)"
      let cell = known.cells.get(key)
      if (cell === undefined) {
        cell = new TaskCell(name, key)
        shown.push(AttemptSeries.show(cell, context))
        known.cells.set(key, cell)
      }
      last = cell
      return cell
    }

    return {
      wrap: (run, runsHere) => (payload, attempt) => {
        if (recording === undefined) {
          if (wanted.size === 0 || !wanted.has(attempt.id))
            return probes === undefined || probed === undefined || !runsHere
              ? run(payload, attempt)
              : probes.run(probed, run, payload, attempt)
          profiledJob = attempt.id
          start()
        }
        const { spans } = recording!
        const owner = spans.owner(name)
        const before = spans.enter(owner)
        try {
          return spans.own(owner, run(payload, attempt))
        } finally {
          spans.leave(before)
        }
      },
      ended: (attempt, runMs, waited, succeeded) => {
        const heldMs = waited ? attempt.heldUs / 1000 : runMs
        const cell = cellOf(attempt.group)
        cell.ended(attempt.waitMs, runMs, heldMs, succeeded)
        known.attempts++
        if (runMs > known.slowest.above) known.slowest.add(name, attempt, runMs, heldMs, now())
        if (runMs > slowMs) {
          cell.slow++
          const at = now()
          if (at - saidAt >= slowLineMs) {
            saidAt = at
            attempt.log(
              "warning",
              `This attempt ran ${Math.round(runMs)} ms; slow is above ${slowMs} ms. It held the event loop ${waited ? `${Math.round(heldMs)} ms before it first waited` : "all the time"}`
            )
          }
          if (events.active())
            events.publish({
              _tag: "SlowTask",
              id: attempt.id,
              task: name,
              group: attempt.group,
              attempt: attempt.attempt,
              runMs,
              thresholdMs: slowMs,
              at
            })
        }
        if (recording === undefined) return
        recording.ended(name, monotonic())
        // Its end is not over yet: the profile is read when this stack has unwound.
        if (attempt.id === profiledJob)
          fork(
            Effect.andThen(
              Effect.yieldNow,
              Effect.sync(() => stop(`job of ${name}`))
            )
          )
      },
      ranInThread: (runMs, cpuMs) => {
        if (probed !== undefined) probes?.ranInThread(probed, runMs, cpuMs)
      },
      stored: (group, endedAt) => cellOf(group).stored(Math.max(0, storeMeter.endedAt() - endedAt))
    }
  }

  // Contexts ----------------------------------------------------------------------------------------------------------

  const contextCell = (name: string): TaskCell => {
    const key = contexts.has(name) || contexts.size < contextsMost ? name : "(other contexts)"
    let cell = contexts.get(key)
    if (cell === undefined) {
      cell = new TaskCell(key, null)
      contexts.set(key, cell)
    }
    return cell
  }

  const getBenchmarks = Effect.sync((): PerformanceBenchmarks => {
    const reading = sinceBegun()
    const { periodMs } = reading
    const totals = new Map<string, { attempts: number; total: Histogram }>()
    let all: Histogram = empty
    let attempts = 0
    for (const { attempts: ended, group, total } of reading.tasks) {
      const sum = totals.get(group!) ?? { attempts: 0, total: empty }
      totals.set(group!, { attempts: sum.attempts + ended, total: merge(sum.total, total) })
      all = merge(all, total)
      attempts += ended
    }
    return {
      ...reading,
      overall: metricsOf(attempts, all, periodMs, reading.process),
      groups: Object.fromEntries(
        [...totals].map(([group, sum]) => [group, metricsOf(sum.attempts, sum.total, periodMs, reading.process)])
      ),
      tasks: reading.tasks.map(taskFigures),
      contexts: reading.contexts.map(taskFigures),
      store: storeFigures(reading.store)
    }
  })

  const stopRecording = (label = "worker") =>
    Effect.suspend(() => {
      const result = stop(label)
      return result === undefined
        ? Effect.fail(new NotProfiling({ message: "No profile is being taken; start one with startProfiling" }))
        : Effect.succeed(result)
    })

  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      stop("ended with its worker")
      for (const end of shown) end()
      probes?.close()
      watch.close()
    })
  )

  /** Fails once the job has ended, or is gone, and no attempt of it is being profiled. */
  const endedWithout = (id: JobId): Effect.Effect<never, JobNotFound | WrongState | StoreError> =>
    Effect.scoped(
      Effect.gen(function* () {
        const ends = yield* Queue.sliding<void>(1)
        yield* store.onWake((wake) => {
          if (wake === "finished") Queue.offerUnsafe(ends, undefined)
        })
        for (;;) {
          const [job] = yield* store.get([id])
          if (profiledJob === id || !wanted.has(id)) return yield* Effect.never
          if (job === undefined) return yield* new JobNotFound({ id })
          if (finishedStates.includes(job.state))
            return yield* new WrongState({
              id,
              state: job.state,
              message: `Job ${formatJobId(id)} is ${job.state}: no attempt of it is to come. Run it again (retry) and ask before it starts`
            })
          yield* Effect.raceFirst(Queue.take(ends), Effect.sleep(queueSettings.pollInterval))
        }
      })
    )

  const profiler = PerformanceProfiler.of({
    profile: (operation, name) =>
      Effect.suspend(() => {
        const cell = contextCell(name)
        const startedAt = monotonic()
        const own =
          recording === undefined ? operation : recording.spans.own(recording.spans.owner(cell.task), operation)
        return Effect.onExit(own, (exit) =>
          Effect.sync(() => cell.ended(0, monotonic() - startedAt, -1, exit._tag === "Success"))
        )
      }),
    getBenchmarks,
    read: (period) =>
      Effect.suspend(() => {
        if (period === undefined) return Effect.sync(sinceBegun)
        watch.open()
        const read = begin()
        return Effect.map(Effect.sleep(period), read)
      }),
    takeEvidence: Effect.sync(() => probes?.take() ?? new Map()),
    startProfiling: Effect.sync(start),
    stopProfiling: Effect.map(stopRecording(), ({ report }) => report),
    stopRecording,
    isProfiling: Effect.sync(() => recording !== undefined),
    profileJob: (id) =>
      Effect.suspend((): ReturnType<PerformanceProfiler["Service"]["profileJob"]> => {
        if (recording !== undefined)
          return Effect.fail(
            new AlreadyProfiling({ message: "A profile is being taken; stop it before one of a single job begins" })
          )
        const waiting = wanted.get(id) ?? Deferred.makeUnsafe<RecordedProfile>()
        wanted.set(id, waiting)
        return Effect.raceFirst(Deferred.await(waiting), endedWithout(id)).pipe(
          Effect.onExit((exit) => Effect.sync(() => exit._tag === "Failure" && wanted.delete(id)))
        )
      })
  })

  return Context.make(PerformanceProfiler, profiler).pipe(
    Context.add(
      AttemptMeters,
      settings.enabled
        ? { of: meterOf, tick: (lateMs: number) => watch.tick(lateMs, performance.now()) }
        : Context.get(Context.empty(), AttemptMeters)
    )
  )
})

/** Ends with its scope: a profile still being taken is dropped. */
export const layer: Layer.Layer<PerformanceProfiler, never, JobStore | QueueEvents | StoreMeter> =
  Layer.effectContext(make)
