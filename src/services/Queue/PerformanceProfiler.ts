/**
 * Where the time of jobs goes. Always on: per task and group how long attempts waited, ran, held the event loop and
 * took to become durable, in mergeable histograms; what the process used meanwhile; the slowest attempts; tasks that
 * leave memory behind. On request: a CPU and allocation profile attributed to tasks, with the bottlenecks named.
 *
 * What is recorded always costs well below 0.3 µs per attempt (`docs/performance.md`) and memory per task, not per job:
 * at most 60 KiB for each task and group. It covers this process since its start; the store's roll-ups
 * (`TaskQueue.rollUps`) keep waits and runs of all processes for months.
 *
 * Honest limits. CPU, heap, collections and I/O belong to the process: they are given as such, beside each job's own
 * times. While no profile is taken, the time a handler holds the event loop is known for its first stretch only. A
 * profile sees this process's main thread: threads and child processes show as waiting.
 */
import { Context, type Duration, type Effect, Schema } from "effect"
import type { JobId } from "./Job.ts"
import type { StoreError } from "../Store/StoreError.ts"
import type { JobNotFound, WrongState } from "./TaskQueue.ts"
import type { LeakHint } from "../Profiling/policy/HeapSlope.ts"
import type { Evidence } from "./policy/Placement.ts"
import type { ProfilerReading } from "../Profiling/ProfilerReading.ts"
import type {
  ProcessFigures,
  ProfilingReport,
  SlowAttempt,
  StoreFigures,
  TaskFigures
} from "../Profiling/ProfilingReport.ts"

/** The short form of a period's figures. */
export interface PerformanceMetrics {
  /** Tasks per second. */
  readonly throughput: number
  /** From due to the handler's end, in milliseconds. */
  readonly latency: { readonly p50: number; readonly p95: number; readonly p99: number }
  /** Bytes of this process; `peak` is the highest resident size since it began. */
  readonly memoryUsage: { readonly heap: number; readonly external: number; readonly peak: number }
  /** Of all threads of this process, over the period; 1 is one core. */
  readonly cpuUsage: number
}

/** Since the profiler began. */
export interface PerformanceBenchmarks {
  /** Milliseconds since 1970, and the milliseconds covered. */
  readonly at: number
  readonly periodMs: number
  readonly overall: PerformanceMetrics
  readonly groups: Readonly<Record<string, PerformanceMetrics>>
  /** By task and group. */
  readonly tasks: ReadonlyArray<TaskFigures>
  /** By context of `profile`. */
  readonly contexts: ReadonlyArray<TaskFigures>
  readonly process: ProcessFigures
  readonly store: StoreFigures
  /** The slowest attempts of the last five to ten minutes, slowest first. */
  readonly slowest: ReadonlyArray<SlowAttempt>
  readonly leaks: ReadonlyArray<LeakHint>
}

/** There is no profile to stop: `startProfiling` was not called, or it has been stopped. Start one. */
export class NotProfiling extends Schema.TaggedError<NotProfiling>()("NotProfiling", { message: Schema.String }) {}

/** A profile is being taken already. V8 takes one at a time: stop it first, or wait for its end. */
export class AlreadyProfiling extends Schema.TaggedError<AlreadyProfiling>()("AlreadyProfiling", {
  message: Schema.String
}) {}

/** A finished profile with what V8 recorded, as JSON text for Chrome's DevTools and others. */
export interface RecordedProfile {
  readonly report: ProfilingReport
  /** For a `.cpuprofile` file. */
  readonly cpuProfile: string
  /** For a `.heapprofile` file: allocations, also of what has been collected since. */
  readonly heapProfile: string
}

export class PerformanceProfiler extends Context.Service<
  PerformanceProfiler,
  {
    /**
     * Measures any effect under a name: how often, how long, how it ended; in a profile its work is attributed to the
     * name. Names are kept for good, at most 1,000; what comes beyond is counted as `(other contexts)`. About 2 µs a
     * call.
     */
    readonly profile: <A, E, R>(operation: Effect.Effect<A, E, R>, context: string) => Effect.Effect<A, E, R>
    /** Everything recorded since the profiler began. Sums up histograms: about a millisecond. */
    readonly getBenchmarks: Effect.Effect<PerformanceBenchmarks>
    /**
     * The same as readings that merge with those of other processes: since the profiler began, or of the period that
     * begins now and is waited for.
     */
    readonly read: (period?: Duration.Input) => Effect.Effect<ProfilerReading>
    /**
     * What measured attempts did with their time, by task: rounds of at least twenty that nobody took before. A few
     * attempts of each task are measured each minute; see `Profiling/measure/AttemptProbes.ts`.
     */
    readonly takeEvidence: Effect.Effect<ReadonlyMap<string, Evidence>>
    /**
     * Starts the CPU and allocation profile of this process; does nothing when one is being taken. Blocks for about 15
     * ms.
     */
    readonly startProfiling: Effect.Effect<void>
    /** Ends the profile and says what it showed. Blocks while samples are read: about 50 ms for each minute. */
    readonly stopProfiling: Effect.Effect<ProfilingReport, NotProfiling>
    /** As `stopProfiling`, with the files. */
    readonly stopRecording: (label?: string) => Effect.Effect<RecordedProfile, NotProfiling>
    /** Whether a profile is being taken. */
    readonly isProfiling: Effect.Effect<boolean>
    /**
     * Profiles the next attempt of one job in this process, from its start to its end; waits for it. `WrongState`: the
     * job has ended, before or without such an attempt.
     */
    readonly profileJob: (
      id: JobId
    ) => Effect.Effect<RecordedProfile, AlreadyProfiling | JobNotFound | WrongState | StoreError>
  }
>()("sluice/services/Queue/PerformanceProfiler") {}
