import * as Schema from "effect/Schema"
import type { BatchCurve } from "../services/Queue/index.ts"

/** What one worker has seen of the batches of one task, as `--json` shows it. Times in milliseconds. */
export const BatchStatusShape = Schema.Struct({
  task: Schema.String,
  group: Schema.String,
  session: Schema.Int,
  worker: Schema.String,
  calls: Schema.Int,
  items: Schema.Int,
  /** Items per call; null before the first. */
  meanSize: Schema.NullOr(Schema.Finite),
  splits: Schema.Int,
  maxBatchSize: Schema.Int,
  best: Schema.Int
})
export type BatchStatusShape = typeof BatchStatusShape.Type

/** A task's cost curve as `--json` shows it. */
export const BatchCurveShape = Schema.Struct({
  task: Schema.String,
  group: Schema.String,
  maxBatchSize: Schema.Int,
  latencyMs: Schema.NullOr(Schema.Finite),
  calls: Schema.Int,
  items: Schema.Int,
  splits: Schema.Int,
  best: Schema.Int,
  fixedMs: Schema.Finite,
  itemMs: Schema.Finite,
  growthMs: Schema.Finite,
  seen: Schema.Array(Schema.Struct({ size: Schema.Finite, calls: Schema.Int, ms: Schema.Finite }))
})
export type BatchCurveShape = typeof BatchCurveShape.Type

export const toCurveShape = (curve: BatchCurve): BatchCurveShape => ({ ...curve, latencyMs: curve.latencyMs ?? null })
