import * as Schema from "effect/Schema"
import { type ExplainedReason, Histogram, Order } from "../services/Queue/index.ts"
import type { Figures } from "./GroupFigures.ts"
import { UsageShape } from "./UsageShape.ts"
import { WorkerSlotsShape } from "./WorkerShape.ts"

/** Milliseconds; null when there were none. */
export const QuantilesShape = Schema.Struct({
  p50: Schema.NullOr(Schema.Finite),
  p95: Schema.NullOr(Schema.Finite),
  p99: Schema.NullOr(Schema.Finite),
  max: Schema.NullOr(Schema.Finite)
})

/** What happened within the time asked for. */
export const FiguresShape = Schema.Struct({
  arrivals: Schema.Finite,
  starts: Schema.Finite,
  completed: Schema.Finite,
  /** Failed attempts, also those retried. */
  failed: Schema.Finite,
  retried: Schema.Finite,
  /** Given up. */
  dead: Schema.Finite,
  cancelled: Schema.Finite,
  recovered: Schema.Finite,
  /** Jobs ended per second. */
  throughput: Schema.Finite,
  waitMs: QuantilesShape,
  runMs: QuantilesShape
})

/** `queue group ls`. */
export const GroupShape = Schema.Struct({
  name: Schema.String,
  /** Jobs at a time over all workers; null: no limit. */
  limit: Schema.NullOr(Schema.Int),
  /** Who said so: an operator, a task or worker (or the first job), or nobody. */
  limitBy: Schema.Literals(["operator", "program", "default"]),
  /** What holds without an operator's limit. */
  declaredLimit: Schema.NullOr(Schema.Int),
  /** Stored jobs of it, of every state. */
  jobs: Schema.Int,
  paused: Schema.Boolean
})

export const GroupStatusShape = Schema.Struct({
  name: Schema.String,
  limit: Schema.Finite,
  /** In which order its jobs start; see `queue order`. */
  order: Schema.Literals(Order.orders),
  paused: Schema.Boolean,
  /**
   * Why nothing of it starts, whatever waits: paused, outside of its hours, or held by a limit of the whole group.
   * Null: it may. `until` in RFC 3339; null: something else than time has to happen.
   */
  kept: Schema.NullOr(
    Schema.Struct({
      reason: Schema.Literals([
        "GroupPaused",
        "GroupClosed",
        "HeldBack",
        "BreakerOpen",
        "BreakerHalfOpen",
        "RateSpent"
      ]),
      until: Schema.NullOr(Schema.String)
    })
  ),
  /** What each living worker with slots of it fills, and why. */
  slots: Schema.Array(WorkerSlotsShape),
  scheduled: Schema.Finite,
  pending: Schema.Finite,
  running: Schema.Finite,
  completed: Schema.Finite,
  failed: Schema.Finite,
  cancelled: Schema.Finite,
  /** How long the next pending job has been due, in milliseconds. */
  oldestPendingMs: Schema.NullOr(Schema.Finite),
  /** The last hour. */
  lastHour: FiguresShape
})

/** Null for a reason that is none of those. */
export const toKept = (reason: ExplainedReason | undefined): (typeof GroupStatusShape.Type)["kept"] => {
  switch (reason?._tag) {
    case "GroupPaused":
    case "BreakerHalfOpen":
      return { reason: reason._tag, until: null }
    case "GroupClosed":
      return { reason: reason._tag, until: new Date(reason.opensAt).toISOString() }
    case "HeldBack":
    case "BreakerOpen":
      return { reason: reason._tag, until: new Date(reason.until).toISOString() }
    case "RateSpent":
      return { reason: reason._tag, until: new Date(reason.at).toISOString() }
    default:
      return null
  }
}

export const QueueStatusShape = Schema.Struct({
  store: Schema.String,
  paused: Schema.Boolean,
  workers: Schema.Finite,
  groups: Schema.Array(GroupStatusShape)
})

/** One line of `queue stats`. */
export const QueueStatsShape = Schema.Struct({
  /** The group's or task's name. */
  name: Schema.String,
  /** The time it covers, in milliseconds. */
  spanMs: Schema.Finite,
  ...FiguresShape.fields
})

/** Sizes in bytes. `schemaVersion`, `walBytes` and `reusableBytes` are a file's: null for a store that is none. */
export const DiskUsageShape = Schema.Struct({
  store: Schema.String,
  schemaVersion: Schema.NullOr(Schema.Int),
  bytes: Schema.Finite,
  walBytes: Schema.NullOr(Schema.Finite),
  /** Pages of the file that nothing is in: new jobs come there first. */
  reusableBytes: Schema.NullOr(Schema.Finite),
  outputBytes: Schema.Finite,
  freeBytes: Schema.NullOr(Schema.Finite),
  live: Schema.Finite,
  finished: Schema.Finite,
  usage: Schema.Array(UsageShape)
})

export const quantiles = (histogram: Histogram.Histogram): typeof QuantilesShape.Type =>
  histogram.count === 0
    ? { p50: null, p95: null, p99: null, max: null }
    : {
        p50: Histogram.quantile(histogram, 0.5),
        p95: Histogram.quantile(histogram, 0.95),
        p99: Histogram.quantile(histogram, 0.99),
        max: histogram.max
      }

export const toFigures = (figures: Figures | undefined, spanMs: number): typeof FiguresShape.Type => ({
  arrivals: figures?.arrivals ?? 0,
  starts: figures?.starts ?? 0,
  completed: figures?.completed ?? 0,
  failed: figures?.failed ?? 0,
  retried: figures?.retried ?? 0,
  dead: figures?.dead ?? 0,
  cancelled: figures?.cancelled ?? 0,
  recovered: figures?.recovered ?? 0,
  throughput: figures === undefined ? 0 : (figures.completed + figures.dead + figures.cancelled) / (spanMs / 1000),
  waitMs: quantiles(figures?.wait ?? Histogram.empty),
  runMs: quantiles(figures?.run ?? Histogram.empty)
})
