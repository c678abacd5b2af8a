/**
 * What a profile says, as it is kept in files and shown by the command line. Times of day are milliseconds since 1970.
 */
import { Schema } from "effect"

/** Of a whole period, never averaged from parts. Milliseconds, off by less than 0.8 %; zeros when `count` is 0. */
export const Quantiles = Schema.Struct({
  count: Schema.Finite,
  mean: Schema.Finite,
  p50: Schema.Finite,
  p95: Schema.Finite,
  p99: Schema.Finite,
  max: Schema.Finite
})
export type Quantiles = typeof Quantiles.Type

/** Figures of the whole process: they belong to no task alone. */
export const ProcessFigures = Schema.Struct({
  /** CPU time of all threads over the wall's, 1 is one core. */
  cpu: Schema.Finite,
  /**
   * Of the event loop's thread: share of the time on a core, and share it waited for one. Null where the system does
   * not tell.
   */
  onCpu: Schema.NullOr(Schema.Finite),
  starved: Schema.NullOr(Schema.Finite),
  /** Share of the time in which the event loop did not wait for events. */
  loopUtilisation: Schema.Finite,
  /** How late timers turned, the worst look of the period, in milliseconds. */
  loopDelayMs: Schema.Finite,
  /** Collections that stopped everything, and their milliseconds. */
  gcCount: Schema.Finite,
  gcMs: Schema.Finite,
  gcLongestMs: Schema.Finite,
  gcShare: Schema.Finite,
  heapBytes: Schema.Finite,
  externalBytes: Schema.Finite,
  rssBytes: Schema.Finite,
  /** Highest resident size since the process began. */
  peakRssBytes: Schema.Finite,
  /** Highest heap in use at a look. */
  peakHeapBytes: Schema.Finite,
  /** Bytes this process had the disk read and write; null where the system does not tell. */
  diskReadBytes: Schema.NullOr(Schema.Finite),
  diskWrittenBytes: Schema.NullOr(Schema.Finite),
  /** Bytes over the network interfaces of the machine or container, not of this process alone. */
  networkReceivedBytes: Schema.NullOr(Schema.Finite),
  networkSentBytes: Schema.NullOr(Schema.Finite)
})
export type ProcessFigures = typeof ProcessFigures.Type

/** The store as this process's turns find it. */
export const StoreFigures = Schema.Struct({
  turns: Schema.Finite,
  /** Milliseconds a turn took. */
  turnMs: Quantiles,
  /** Share of the time in which a turn was under way. */
  share: Schema.Finite
})
export type StoreFigures = typeof StoreFigures.Type

/** One task in one group, or one context of `profile`. */
export const TaskFigures = Schema.Struct({
  task: Schema.String,
  /** Null for a context. */
  group: Schema.NullOr(Schema.String),
  attempts: Schema.Finite,
  failed: Schema.Finite,
  /** Attempts ended per second. */
  throughput: Schema.Finite,
  /** From due, or enqueue if later, to start; by the wall clock, whole milliseconds. */
  waitMs: Quantiles,
  /** From start to the handler's end. */
  runMs: Quantiles,
  /**
   * What the handler ran before it first waited: all of a handler that never waits. It held the event loop meanwhile.
   */
  heldMs: Quantiles,
  /** From the handler's end until its result was durable. */
  storeMs: Quantiles,
  /** The fastest run since the worker began. */
  fastestMs: Schema.Finite,
  /** Attempts slower than the threshold for slow tasks. */
  slow: Schema.Finite
})
export type TaskFigures = typeof TaskFigures.Type

/** One of the slowest attempts, with its own figures and what the process did meanwhile. */
export const SlowAttempt = Schema.Struct({
  job: Schema.String,
  task: Schema.String,
  group: Schema.String,
  attempt: Schema.Finite,
  endedAt: Schema.Finite,
  waitMs: Schema.Finite,
  runMs: Schema.Finite,
  heldMs: Schema.Finite,
  /** Beyond the 99th percentile of its task. */
  beyondP99: Schema.Boolean,
  /** Milliseconds of collections while it ran, by looks of a second: of the whole process. */
  gcMs: Schema.Finite,
  /** The worst lateness of the event loop while it ran. */
  loopDelayMs: Schema.Finite
})
export type SlowAttempt = typeof SlowAttempt.Type

export const HotFunction = Schema.Struct({
  name: Schema.String,
  at: Schema.String,
  selfMs: Schema.Finite,
  totalMs: Schema.Finite
})

export interface FlameNode {
  readonly name: string
  readonly at: string
  readonly ms: number
  readonly selfMs: number
  readonly children: ReadonlyArray<FlameNode>
}
export const FlameNode: Schema.Codec<FlameNode> = Schema.Struct({
  name: Schema.String,
  at: Schema.String,
  ms: Schema.Finite,
  selfMs: Schema.Finite,
  children: Schema.Array(Schema.suspend((): Schema.Codec<FlameNode> => FlameNode))
})

export const Bottleneck = Schema.Struct({
  kind: Schema.Literals(["cpu", "memory", "io", "store", "lock"]),
  task: Schema.NullOr(Schema.String),
  share: Schema.Finite,
  evidence: Schema.Array(Schema.String),
  advice: Schema.String
})

export const LeakHint = Schema.Struct({
  task: Schema.String,
  bytesPerAttempt: Schema.Finite,
  within: Schema.Finite,
  samples: Schema.Finite,
  orOneOf: Schema.Array(Schema.String)
})

/** What the profile adds for a task or context: only while profiling can it be told whose work a moment was. */
export const OwnerProfile = Schema.Struct({
  owner: Schema.String,
  /** Milliseconds it held the event loop, every stretch of it. */
  onLoopMs: Schema.Finite,
  /** Milliseconds by the CPU profile's samples. */
  sampledMs: Schema.Finite,
  /** Bytes allocated by the heap's samples, within its effects; what runs after an `await` of its own is not seen. */
  allocatedBytes: Schema.Finite,
  hottest: Schema.Array(HotFunction)
})

export const ProfilingReport = Schema.Struct({
  id: Schema.String,
  /** What was asked for: `worker`, `job ID`, `run TASK`. */
  label: Schema.String,
  pid: Schema.Finite,
  host: Schema.String,
  startedAt: Schema.Finite,
  durationMs: Schema.Finite,
  process: ProcessFigures,
  store: StoreFigures,
  tasks: Schema.Array(TaskFigures),
  contexts: Schema.Array(TaskFigures),
  /** The one that explains most first; empty when nothing held the worker back. */
  bottlenecks: Schema.Array(Bottleneck),
  leaks: Schema.Array(LeakHint),
  slowest: Schema.Array(SlowAttempt),
  owners: Schema.Array(OwnerProfile),
  hottest: Schema.Array(HotFunction),
  samples: Schema.Finite,
  busyMs: Schema.Finite,
  /** Share of the busy samples that a task or context claims. */
  attributed: Schema.Finite,
  flame: FlameNode
})
export interface ProfilingReport extends Schema.Schema.Type<typeof ProfilingReport> {}
