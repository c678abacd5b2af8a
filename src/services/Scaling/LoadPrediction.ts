/** What the scaler says of a group's load: what will come, how well it has known so far, and what recurs. */
import type { ForecastMode } from "./policy/forecast/Forecaster.ts"
import type { Distrust, KeptDecision } from "./ScaleDecision.ts"
import type { ScaleMode, ScaleSettings } from "./ScaleSettings.ts"

export type { ForecastMode } from "./policy/forecast/Forecaster.ts"

/** A number not known yet, with its quantiles. Never negative; the quantiles are ordered. */
export interface Interval {
  /** The one figure to expect: it errs least. Near 0 for counts that are mostly 0. */
  readonly mean: number
  /** The expectation: sums of it are sums to plan with. */
  readonly expected: number
  readonly p05: number
  readonly p50: number
  readonly p90: number
  readonly p95: number
}

/** One coming step. */
export interface LoadStep {
  /** Its start, milliseconds since 1970. */
  readonly at: number
  /** Jobs that arrive in it. */
  readonly arrivals: Interval
  /**
   * Slot-seconds those jobs take: arrivals × service time. The interval is that of a random sum (mean and variance of a
   * compound count, e.g. Feller, An Introduction to Probability Theory, vol. 1, XII).
   */
  readonly work: Interval
  /** The id of the operator's event that shaped it. */
  readonly event: string | undefined
}

/**
 * The quantiles of a sum over several steps. Rests on errors of sums: those of single steps are alike within one, and
 * do not add up to it.
 */
export type SumInterval = Pick<Interval, "p05" | "p50" | "p90" | "p95">

/**
 * How the forecast has done of late, over all steps of a horizon unless said: the one that was asked for, or an hour of
 * minutes, a day of hours. Undefined until there was something to measure that far ahead.
 */
export interface ForecastQuality {
  /** Milliseconds from the last step seen. */
  readonly horizonMs: number
  /** How much it knows: from `reactive` over `smoothing` to `day` and `week`; `season` for one of another length. */
  readonly mode: ForecastMode
  /** The model that weighs most in the answer. */
  readonly model: string
  /** Lengths of the seasons in use, in milliseconds, shortest first. */
  readonly seasonsMs: ReadonlyArray<number>
  /** Steps with a count so far. */
  readonly steps: number
  /** 1 − error, one step ahead, and over the horizon. */
  readonly accuracyNext: number | undefined
  readonly accuracy: number | undefined
  /** Weighted absolute error: Σ|error| ÷ Σ counts. */
  readonly error: number | undefined
  /**
   * The same error of the naive forecast over the same steps: the better of repeating the last count and repeating
   * yesterday.
   */
  readonly naiveError: number | undefined
  /** Mean absolute error in units of that of repeating yesterday (Hyndman and Koehler 2006): below 1 is better. */
  readonly mase: number | undefined
  /** The part of counts within [p05, p95]; 0.9 is meant. */
  readonly coverage: number | undefined
  /**
   * The error that counting alone brings if the rate were known exactly and arrivals were independent: no forecast does
   * better.
   */
  readonly noiseFloor: number | undefined
  /**
   * Of sums over the horizon: 1 − error; said ÷ came − 1; the part within the 90 % interval. Of the nearest length that
   * is followed.
   */
  readonly sumAccuracy: number | undefined
  readonly sumBias: number | undefined
  readonly sumCoverage: number | undefined
  /** A change of level was noticed lately: memory is short, intervals are wide. */
  readonly changed: boolean
}

/** How long a job holds its slot, from the roll-ups of late. */
export interface ServiceTime {
  readonly meanMs: number
  /** Squared coefficient of variation: 0 for always the same, 1 for exponential. */
  readonly cv2: number
  /** Attempts it rests on, weighted by age; 0: nothing is known, and the mean is an assumption of 1 s. */
  readonly samples: number
}

/** The answer of `predictLoad`. */
export interface LoadPrediction {
  readonly group: string
  /** By whose clock it was asked, milliseconds since 1970. */
  readonly at: number
  /** The end of the last step that the forecast has seen. */
  readonly seenTo: number
  readonly stepMs: number
  readonly steps: ReadonlyArray<LoadStep>
  /** The expectation over all steps, the sum of theirs: jobs, and slot-seconds; and the intervals of these sums. */
  readonly total: {
    readonly arrivals: number
    readonly work: number
    readonly arrivalsWithin: SumInterval
    readonly workWithin: SumInterval
  }
  readonly service: ServiceTime
  readonly quality: ForecastQuality
  /** Set: the scaler decides without this forecast, and why. */
  readonly distrust: Distrust | undefined
}

/** One line of `status`. */
export interface GroupScaling {
  readonly group: string
  readonly mode: ScaleMode
  /** Slots over all workers: what they have, what was decided last. Undefined before the first decision. */
  readonly slots: number
  readonly target: number | undefined
  /** Bounds in force: of settings and the group's limit. */
  readonly minSlots: number
  readonly maxSlots: number
  readonly pending: number
  readonly running: number
  readonly oldestMs: number
  /** Jobs expected in the next step, and their 90 % quantile. Undefined before the first forecast. */
  readonly next: { readonly mean: number; readonly p90: number } | undefined
  readonly quality: ForecastQuality | undefined
  readonly distrust: Distrust | undefined
  readonly last: KeptDecision | undefined
  /** Rounds since then that changed nothing. */
  readonly held: number
}

export interface ScalerStatus {
  readonly at: number
  /** The worker that leads, and when it ended its last round; undefined: none does. */
  readonly leader: { readonly name: string; readonly session: number; readonly roundAt: number } | undefined
  /** Set while the store does not answer or the clock went back: since when the targets are held, and why. */
  readonly frozen: { readonly since: number; readonly why: string } | undefined
  readonly groups: ReadonlyArray<GroupScaling>
}

/** Something that recurs and that the season alone does not explain. */
export interface RecurringPattern {
  readonly group: string
  readonly period: "day" | "week" | "month"
  /** In words: "Mondays 09:00 for 15 min". */
  readonly when: string
  /** Its start as a cron expression of five fields, in `timeZone`. */
  readonly cron: string
  readonly timeZone: string
  readonly durationMs: number
  /** Times what the hours around it lead to expect, and jobs beyond that, each time. */
  readonly factor: number
  readonly extra: number
  /** How often it came of how often it could have. */
  readonly seen: number
  readonly chances: number
  /** 0 to 1: see `Scaling/policy/RecurringEvents.ts`. */
  readonly confidence: number
  /** Starts, milliseconds since 1970. */
  readonly last: number
  readonly next: number
}

/** One step of a backtest: what came, and what was said of it at most `ahead` steps before. */
export interface BacktestPoint extends Interval {
  readonly at: number
  readonly actual: number
}

/** The forecast of today's code over a group's recorded past, without looking ahead. */
export interface Backtest {
  readonly group: string
  readonly stepMs: number
  readonly from: number
  readonly to: number
  /** Steps that were forecast, and that were not measured. */
  readonly scored: number
  readonly missing: number
  readonly ahead: number
  readonly quality: ForecastQuality
  /** Σ 2 × pinball loss at 0.9 ÷ Σ counts, in percent. */
  readonly wQL90: number | undefined
  readonly series: ReadonlyArray<BacktestPoint>
}

/** What another autoscaler should know of a group. */
export interface Recommendation {
  readonly group: string
  readonly at: number
  readonly mode: ScaleMode
  /** Over all workers. */
  readonly desiredSlots: number
  /** Of the size that workers have now; at least one while any slot is wanted. */
  readonly desiredWorkers: number
  readonly slotsPerWorker: number
  readonly workers: number
  readonly pending: number
  readonly running: number
  /** Jobs per second over the next step: expected and at 0.9. */
  readonly arrivalsPerSecond: { readonly mean: number; readonly p90: number }
  readonly distrust: Distrust | undefined
}

/** A setting and where it comes from. */
export interface EffectiveSettings {
  readonly group: string
  readonly settings: ScaleSettings
  readonly from: Readonly<Record<keyof ScaleSettings, "group" | "every group" | "default">>
}
