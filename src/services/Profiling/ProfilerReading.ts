/**
 * What one process measured in a period, its times in histograms: those of many processes merge by addition, and only
 * then become figures. Sent by workers to who asks, as JSON.
 */
import { Schema } from "effect"
import { LeakHint, ProcessFigures, SlowAttempt } from "./ProfilingReport.ts"

/** As `policy/Histogram.ts` reads and merges them; in the profiler their unit is a microsecond. */
const Times = Schema.Struct({
  count: Schema.Finite,
  sum: Schema.Finite,
  max: Schema.Finite,
  buckets: Schema.Array(Schema.Tuple([Schema.Finite, Schema.Finite]))
})

/** One task in one group, or one context of `profile`; each field as in `TaskFigures`. */
export const TaskReading = Schema.Struct({
  task: Schema.String,
  group: Schema.NullOr(Schema.String),
  attempts: Schema.Finite,
  failed: Schema.Finite,
  throughput: Schema.Finite,
  wait: Times,
  run: Times,
  held: Times,
  store: Times,
  /** From due to the handler's end. */
  total: Times,
  fastestMs: Schema.Finite,
  slow: Schema.Finite
})
export type TaskReading = typeof TaskReading.Type

export const ProfilerReading = Schema.Struct({
  /** Milliseconds since 1970 at its end, and the milliseconds covered. */
  at: Schema.Finite,
  periodMs: Schema.Finite,
  process: ProcessFigures,
  store: Schema.Struct({ turns: Times, share: Schema.Finite }),
  /** Of those tasks of which attempts have ended. */
  tasks: Schema.Array(TaskReading),
  contexts: Schema.Array(TaskReading),
  /** Slowest first; of the period, and of the last five to ten minutes. */
  slowest: Schema.Array(SlowAttempt),
  /** Since the process began. */
  leaks: Schema.Array(LeakHint)
})
export interface ProfilerReading extends Schema.Schema.Type<typeof ProfilerReading> {}
