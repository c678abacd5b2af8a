/**
 * What autoscalers outside read: how many slots each group should have. The body of `GET /scaling/recommendation`, for KEDA's metrics-api
 * scaler.
 *
 * Two figures a group: `recommended` is what was decided, for people; `desired` is what to act on, and null unless the group's mode is `on` and
 * the decision still valid. KEDA takes null for an error and falls back (`fallback.replicas`), so neither shadow mode nor a leader that is gone
 * moves anything.
 */
import { Schema } from "effect"

const Slots = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
const Rate = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))

/** Whether decisions are made, and acted on. */
export const ScalerMode = Schema.Literals(["off", "shadow", "on"])
export type ScalerMode = typeof ScalerMode.Type

/** What the decision expected. */
export const ForecastSummary = Schema.Struct({
  /** How far it looks ahead, in seconds. */
  horizonSeconds: Schema.Finite,
  /** Arrivals per second over that time: the mean, and what is not exceeded in 50, 90 and 95 of 100 cases. */
  arrivalsPerSecond: Schema.Struct({ mean: Rate, p50: Rate, p90: Rate, p95: Rate }),
  /** The model that made it. */
  model: Schema.String,
  /** Its recent mean absolute error as a share of that of the seasonal naive forecast; below 1 it is worth acting on. Null until known. */
  mase: Schema.NullOr(Schema.Finite)
})
export type ForecastSummary = typeof ForecastSummary.Type

/** What was decided for a group, by the leader. Times in milliseconds since 1970, by its clock. */
export const Decision = Schema.Struct({
  group: Schema.String,
  mode: ScalerMode,
  /** Slots, over all workers. */
  desired: Slots,
  current: Schema.Struct({ ready: Slots, starting: Slots, draining: Slots }),
  bounds: Schema.Struct({ min: Slots, max: Slots }),
  /** In a sentence. */
  reason: Schema.String,
  /** Null: decided without one. */
  forecast: Schema.NullOr(ForecastSummary),
  decidedAt: Schema.Finite,
  /** From then on nobody acts on it; the leader decides again long before. */
  validUntil: Schema.Finite
})
export type Decision = typeof Decision.Type

/** The store's documents of this kind hold the latest decision of each group, its key, as `DecisionText`. */
export const targetKind = "scale-target"
export const DecisionText = Schema.fromJsonString(Decision)

/** Times in RFC 3339. */
export const GroupRecommendation = Schema.Struct({
  group: Schema.String,
  mode: ScalerMode,
  /** Slots to have now; null: nobody should act. */
  desired: Schema.NullOr(Slots),
  /** Slots decided on, whatever the mode. */
  recommended: Slots,
  current: Schema.Struct({ ready: Slots, starting: Slots, draining: Slots }),
  bounds: Schema.Struct({ min: Slots, max: Slots }),
  reason: Schema.String,
  forecast: Schema.NullOr(ForecastSummary),
  decidedAt: Schema.String,
  validUntil: Schema.String
})
export type GroupRecommendation = typeof GroupRecommendation.Type

export const Recommendation = Schema.Struct({
  /** When this was said. */
  at: Schema.String,
  /** By name. A group appears once it was decided for. */
  groups: Schema.Array(GroupRecommendation)
})
export type Recommendation = typeof Recommendation.Type

/** Whether others may act on a decision at `now`: its mode is on and it has not run out. */
export const actsAt = ({ mode, validUntil }: Pick<Decision, "mode" | "validUntil">, now: number): boolean =>
  mode === "on" && now < validUntil

const time = (millis: number): string => new Date(millis).toISOString()

/** The latest decision of each group, as others read it at `now` (milliseconds since 1970). */
export const recommend = (decisions: ReadonlyArray<Decision>, now: number): Recommendation => ({
  at: time(now),
  groups: decisions
    .map((decision) => ({
      group: decision.group,
      mode: decision.mode,
      desired: actsAt(decision, now) ? decision.desired : null,
      recommended: decision.desired,
      current: decision.current,
      bounds: decision.bounds,
      reason: decision.reason,
      forecast: decision.forecast,
      decidedAt: time(decision.decidedAt),
      validUntil: time(decision.validUntil)
    }))
    .sort((a, b) => (a.group < b.group ? -1 : a.group > b.group ? 1 : 0))
})
