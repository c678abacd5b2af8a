/**
 * Slots ahead of the load. Reads what arrived per group from the store's roll-ups, forecasts it, and decides how many
 * slots each group needs over all workers so that jobs wait no longer than asked, from the coming arrivals, from what
 * runs and waits, and from how long slots take to come.
 *
 * Modes per group: `off`, `shadow` (default: decides and logs, moves nothing) and `on`. A decision without a forecast
 * that beats the naive one is reactive; no decision interrupts a job: slots that are taken away finish what they run.
 *
 * One worker of a store leads (`Scaling/upkeep/ScalerLoop.ts`) and decides for all; the others carry targets out. Time
 * is each caller's clock; only complete steps count, and a step in which nobody recorded is missing, not zero. When the
 * store does not answer, or the clock went back, the last targets stay.
 *
 * Forecasts rest in the store (`forecast-state`) with their queue, so the next leader goes on where the last one
 * stopped.
 */
import { Context, type Duration, type Effect, Schema } from "effect"
import type {
  Backtest,
  EffectiveSettings,
  LoadPrediction,
  Recommendation,
  RecurringPattern,
  ScalerStatus
} from "../Scaling/LoadPrediction.ts"
import type { ResourceGroup } from "./ResourceGroup.ts"
import type { KeptDecision } from "../Scaling/ScaleDecision.ts"
import type { ScaleEvent } from "../Scaling/ScaleEvent.ts"
import type { ScaleSettings } from "../Scaling/ScaleSettings.ts"
import type { StoreError } from "../Store/StoreError.ts"

/** What was asked is out of range. The message says what was given and what is expected; nothing was changed. */
export class ScaleInvalid extends Schema.TaggedError<ScaleInvalid>()("ScaleInvalid", {
  reason: Schema.Literals(["Setting", "Horizon", "Event", "Group"]),
  message: Schema.String
}) {}

/** No decision of that number is kept: it never was, or it is older than those kept. List them with `decisions`. */
export class DecisionNotFound extends Schema.TaggedError<DecisionNotFound>()("DecisionNotFound", {
  seq: Schema.Number,
  message: Schema.String
}) {}

/** Changes for `set`: a value sets, `undefined` returns to what holds for every group, and there to the default. */
export type ScaleSettingsChange = { readonly [K in keyof ScaleSettings]?: ScaleSettings[K] | undefined }

/** The most steps a prediction may have: a day of minutes. */
export const stepsMost = 1440

export class PredictiveScaler extends Context.Service<
  PredictiveScaler,
  {
    /**
     * Arrivals and work of a group, step by step from the present one to the horizon (at most 1,440 steps), their sums
     * with intervals, and how well forecasts over such a horizon have done. Learned for a day ahead, with steps of an
     * hour for a week; beyond, it goes by what was learned there. A group nobody has seen gets a cold forecast of zero.
     * Brings the forecast up to date first: as many updates as steps have passed, and one forecast, a few milliseconds;
     * after a start without a saved forecast, seconds.
     */
    readonly predictLoad: (
      resourceGroup: ResourceGroup | string,
      timeHorizon: Duration.Input
    ) => Effect.Effect<LoadPrediction, StoreError | ScaleInvalid>
    /**
     * One round now: look, decide, write what changed and, for groups in mode `on`, move. A loop does the same on the
     * leader. Without a layer that acts (`layerScaler`) it writes the targets that workers carry out.
     */
    readonly scalePreemptively: Effect.Effect<void, StoreError>
    /**
     * Looks through the recorded past of all groups for what recurs, keeps what it finds for `patterns`, and chooses
     * anew what each forecast rests on. The leader does so each night. Seconds for each group with a week of minutes;
     * yields in between.
     */
    readonly learnFromPatterns: Effect.Effect<void, StoreError>

    // Looking.
    readonly status: Effect.Effect<ScalerStatus, StoreError>
    /** Newest first. */
    readonly decisions: (
      group: string | undefined,
      options?: { readonly before?: number; readonly limit?: number }
    ) => Effect.Effect<ReadonlyArray<KeptDecision>, StoreError>
    /** A decision in lines for people: what was seen, what each need asked for, what decided. */
    readonly explain: (
      seq: number
    ) => Effect.Effect<
      { readonly decision: KeptDecision; readonly lines: ReadonlyArray<string> },
      StoreError | DecisionNotFound
    >
    /** What `learnFromPatterns` found last, by group, surest first. */
    readonly patterns: (group?: string) => Effect.Effect<ReadonlyArray<RecurringPattern>, StoreError>
    /**
     * What would have been forecast over the last `steps` steps (default a day), `ahead` at a time (default 1), having
     * seen only what lay before each time. Learns from all that roll-ups keep before that: seconds, of which the scored
     * steps hold the event loop, about 0.3 ms each.
     */
    readonly backtest: (
      group: string,
      options?: { readonly steps?: number; readonly ahead?: number }
    ) => Effect.Effect<Backtest, StoreError | ScaleInvalid>
    /** Of every group that is not off, by name. */
    readonly recommendation: Effect.Effect<ReadonlyArray<Recommendation>, StoreError>

    // Changing.
    /** Of every group that is known. */
    readonly settings: Effect.Effect<ReadonlyArray<EffectiveSettings>, StoreError>
    /** Of one group, or of every group (`*`). In force with the next round. */
    readonly set: (
      group: string,
      change: ScaleSettingsChange
    ) => Effect.Effect<EffectiveSettings, StoreError | ScaleInvalid>
    readonly events: Effect.Effect<ReadonlyArray<ScaleEvent>, StoreError>
    readonly putEvent: (event: ScaleEvent) => Effect.Effect<void, StoreError | ScaleInvalid>
    /** False: there was none. */
    readonly removeEvent: (id: string) => Effect.Effect<boolean, StoreError>
  }
>()("sluice/services/Queue/PredictiveScaler") {}
