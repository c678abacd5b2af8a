/**
 * What the scaler decided and why: entries of the journal `scale-decision`. A decision that changes nothing is counted,
 * not kept.
 */
import { Schema } from "effect"
import { ScaleMode } from "./ScaleSettings.ts"

/** Which need the target meets, or what kept it from that. */
export const ScaleReason = Schema.Literals([
  /** The forecast's arrivals within the start-up time. */
  "forecast",
  /** What runs and waits now. */
  "reactive",
  /** Working off the backlog in time. */
  "backlog",
  /** A reserve for bursts that come out of nothing, as they did before. */
  "standing",
  /** Fewer would do, but not yet for long enough. */
  "hold",
  /** The bounds of the settings or the group's limit. */
  "bounds",
  /** The most a single step may move. */
  "step limit",
  /** More run than are needed: their slots end as they do. */
  "running",
  /** None is needed, but it is too early to have none. */
  "not yet zero",
  /** An operator's event says so. */
  "event",
  /** The store did not answer, or the clock is not to be trusted: the last target stays. */
  "frozen"
])
export type ScaleReason = typeof ScaleReason.Type

/**
 * Why the forecast was left out: it was not better than the naive one, its intervals did not hold, it is older than its
 * steps, or too little has been seen, or the settings say so.
 */
export const Distrust = Schema.Literals(["cold", "worse than naive", "badly covered", "stale", "set aside"])
export type Distrust = typeof Distrust.Type

/** What was seen when it was decided. Times in milliseconds; arrivals in jobs. */
export const ScaleInputs = Schema.Struct({
  pending: Schema.Int,
  running: Schema.Int,
  oldestMs: Schema.Finite,
  /** Slots of all living workers for this group, and the group's limit; `null`: without one. */
  slots: Schema.Int,
  workers: Schema.Int,
  limit: Schema.NullOr(Schema.Int),
  serviceMs: Schema.Finite,
  startupMs: Schema.Finite,
  /** Arrivals of the last complete step; `null`: not measured. */
  arrivals: Schema.NullOr(Schema.Finite),
  /** Arrivals within the start-up time and a step: expected, and at the quantile slots are kept for. */
  expected: Schema.Finite,
  atQuantile: Schema.Finite
})
export type ScaleInputs = typeof ScaleInputs.Type

/**
 * Slots that each consideration asks for, before bounds and holds; `forecast` is `null` while the forecast is left out.
 */
export const ScaleNeeds = Schema.Struct({
  forecast: Schema.NullOr(Schema.Finite),
  reactive: Schema.Finite,
  backlog: Schema.Finite,
  standing: Schema.Finite
})
export type ScaleNeeds = typeof ScaleNeeds.Type

/** A decision as it rests in the journal. */
export const ScaleDecision = Schema.Struct({
  group: Schema.String,
  /** By the leader's clock, milliseconds since 1970. */
  at: Schema.Finite,
  mode: ScaleMode,
  /** Slots over all workers: the target before and now. */
  from: Schema.Int,
  to: Schema.Int,
  reason: ScaleReason,
  /** One sentence for people. */
  text: Schema.String,
  inputs: ScaleInputs,
  needs: ScaleNeeds,
  distrust: Schema.NullOr(Distrust),
  /** Rounds since the entry before it that changed nothing. */
  held: Schema.Int
})
export type ScaleDecision = typeof ScaleDecision.Type

/** With its number in the journal, by which `explain` finds it. */
export interface KeptDecision extends ScaleDecision {
  readonly seq: number
}

/**
 * Where the slots of a group are to go: document `scale-target`, key the group. Written by the leader when it changes,
 * in mode `on` only.
 */
export const ScaleTarget = Schema.Struct({
  group: Schema.String,
  /** Slots over all workers. */
  slots: Schema.Int,
  /** Tasks seen in the group: workers with a handler for one of them share the slots. */
  tasks: Schema.Array(Schema.String),
  at: Schema.Finite,
  reason: ScaleReason
})
export type ScaleTarget = typeof ScaleTarget.Type
