import * as Schema from "effect/Schema"
import { ProfilingReport } from "../services/Queue/index.ts"

/** A line of `profile ls`. */
export const ProfileLineShape = Schema.Struct({
  kind: Schema.Literals(["profile", "mark", "baseline"]),
  /** Null for a mark. */
  id: Schema.NullOr(Schema.String),
  at: Schema.NullOr(Schema.String),
  text: Schema.String,
  durationMs: Schema.NullOr(Schema.Finite),
  samples: Schema.NullOr(Schema.Finite),
  bottleneck: Schema.NullOr(Schema.String)
})

/** What a worker did with a request. */
export const WorkerAnswerShape = Schema.Struct({
  pid: Schema.Finite,
  profile: Schema.NullOr(Schema.String),
  problem: Schema.NullOr(Schema.String)
})

/** Of one process, over the time it measured. */
export const WorkerFiguresShape = Schema.Struct({
  pid: Schema.Finite,
  periodMs: Schema.Finite,
  process: ProfilingReport.ProcessFigures,
  store: ProfilingReport.StoreFigures,
  tasks: Schema.Array(ProfilingReport.TaskFigures),
  contexts: Schema.Array(ProfilingReport.TaskFigures)
})
export type WorkerFigures = typeof WorkerFiguresShape.Type

/** `profile figures`: of each worker, and tasks of all of them together. */
export const ProfileFiguresShape = Schema.Struct({
  workers: Schema.Array(WorkerFiguresShape),
  tasks: Schema.Array(ProfilingReport.TaskFigures),
  contexts: Schema.Array(ProfilingReport.TaskFigures),
  slowest: Schema.Array(ProfilingReport.SlowAttempt),
  leaks: Schema.Array(ProfilingReport.LeakHint)
})
export type ProfileFigures = typeof ProfileFiguresShape.Type

/** Figures per job, one entry a round. */
export const TimingsShape = Schema.Struct({
  task: Schema.String,
  times: Schema.Finite,
  /** CPU and wall time per job, in microseconds. */
  cpuUs: Schema.Array(Schema.Finite),
  wallUs: Schema.Array(Schema.Finite),
  /** CPU time of a fixed piece of work in the same round: what the machine was worth then. */
  yardstickUs: Schema.Array(Schema.Finite)
})
export type Timings = typeof TimingsShape.Type

/**
 * Two modules measured in turn in one process: for each figure the median over the rounds of after divided by before,
 * and of either side.
 */
export const PairTimingsShape = Schema.Struct({
  task: Schema.String,
  times: Schema.Finite,
  figures: Schema.Array(
    Schema.Struct({
      /** The metric, or with `answer` the name the task gave. */
      figure: Schema.String,
      ratio: Schema.Finite,
      before: Schema.Finite,
      after: Schema.Finite
    })
  )
})
export type PairTimings = typeof PairTimingsShape.Type

export const BaselineShape = Schema.Struct({
  name: Schema.String,
  task: Schema.String,
  at: Schema.String,
  node: Schema.String,
  times: Schema.Finite,
  /** Of the payload's JSON, so that a check measures the same work. */
  payload: Schema.String,
  /** Medians of each run, a fresh process each. */
  cpuUs: Schema.Array(Schema.Finite),
  wallUs: Schema.Array(Schema.Finite),
  yardstickUs: Schema.Array(Schema.Finite)
})
export type Baseline = typeof BaselineShape.Type

export const CheckResultShape = Schema.Struct({
  task: Schema.String,
  metric: Schema.Literals(["cpu", "wall", "answer"]),
  /** The metric, or with `answer` the name the task gave. */
  figure: Schema.String,
  verdict: Schema.Literals(["regression", "improvement", "unchanged", "undecided", "too few runs"]),
  /** After over before, with its 95 % interval. */
  ratio: Schema.Finite,
  low: Schema.Finite,
  high: Schema.Finite,
  p: Schema.Finite,
  beforeUs: Schema.Finite,
  afterUs: Schema.Finite,
  runs: Schema.Finite
})
export type CheckResult = typeof CheckResultShape.Type

export const ProfileDiffShape = Schema.Struct({
  kind: Schema.Literals(["task", "function"]),
  name: Schema.String,
  /** Milliseconds: of a task the median run, of a function itself per second of the profile. */
  before: Schema.NullOr(Schema.Finite),
  after: Schema.NullOr(Schema.Finite),
  /** After over before; null where one is missing or 0. */
  ratio: Schema.NullOr(Schema.Finite)
})
