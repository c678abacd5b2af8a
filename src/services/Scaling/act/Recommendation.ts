/**
 * What autoscalers outside read: how many slots each group should have. The body of `GET /scaling/recommendation`, for
 * KEDA's metrics-api scaler.
 *
 * Two figures a group: `recommended` is what was decided, for people; `desired` is what to act on, and null unless the
 * group's mode is `on` and the decision still valid. KEDA takes null for an error and falls back (`fallback.replicas`),
 * so neither shadow mode nor a leader that is gone moves anything.
 */
import { Schema } from "effect"
import type { Recommendation as GroupAdvice, ScalerStatus } from "../LoadPrediction.ts"
import { Distrust } from "../ScaleDecision.ts"
import { ScaleMode } from "../ScaleSettings.ts"

const Slots = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
const Rate = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))

/** What was expected of the next step when it was decided. */
export const ForecastSummary = Schema.Struct({
  /** The mean, and what is not exceeded in 90 of 100 cases. */
  arrivalsPerSecond: Schema.Struct({ mean: Rate, p90: Rate }),
  /** The model that says so; null until there is one. */
  model: Schema.NullOr(Schema.String),
  /** Its recent mean absolute error in units of the naive forecast's; null until known. */
  mase: Schema.NullOr(Schema.Finite),
  /** Why the decision was made without it; null: it was made with it. */
  distrust: Schema.NullOr(Distrust)
})
export type ForecastSummary = typeof ForecastSummary.Type

/**
 * The decision in force for a group. Slots over all workers; times in milliseconds since 1970, by the leader's clock.
 */
export interface Decision {
  readonly group: string
  readonly mode: ScaleMode
  readonly desired: number
  readonly current: number
  readonly bounds: { readonly min: number; readonly max: number }
  /** In a sentence. */
  readonly reason: string
  readonly forecast: ForecastSummary
  readonly decidedAt: number
  /** From then on nobody acts on it; a leader decides again long before. */
  readonly validUntil: number
}

/**
 * How long decisions stand without a sign of the leader, who leaves one each minute, in milliseconds: two may be late.
 */
const validMs = 3 * 60_000

/** The decisions in force, from what the scaler says of itself. Groups nobody has decided for are left out. */
export const decisionsOf = (status: ScalerStatus, advice: ReadonlyArray<GroupAdvice>): ReadonlyArray<Decision> => {
  const roundAt = status.leader?.roundAt ?? 0
  return status.groups.flatMap((each): ReadonlyArray<Decision> => {
    const { arrivalsPerSecond } = advice.find(({ group }) => group === each.group) ?? {}
    if (each.target === undefined || each.mode === "off") return []
    return [
      {
        group: each.group,
        mode: each.mode,
        desired: each.target,
        current: each.slots,
        bounds: { min: each.minSlots, max: each.maxSlots },
        reason: each.last?.text ?? "as many as before",
        forecast: {
          arrivalsPerSecond: arrivalsPerSecond ?? { mean: 0, p90: 0 },
          model: each.quality?.model ?? null,
          mase: each.quality?.mase ?? null,
          distrust: each.distrust ?? null
        },
        decidedAt: each.last?.at ?? roundAt,
        validUntil: roundAt + validMs
      }
    ]
  })
}

/** Times in RFC 3339. */
export const GroupRecommendation = Schema.Struct({
  group: Schema.String,
  mode: ScaleMode,
  /** Slots to have now; null: nobody should act. */
  desired: Schema.NullOr(Slots),
  /** Slots decided on, whatever the mode. */
  recommended: Slots,
  current: Slots,
  bounds: Schema.Struct({ min: Slots, max: Slots }),
  reason: Schema.String,
  forecast: ForecastSummary,
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
