/**
 * What a forecaster of counts per step can do. Pure: no clock, no randomness; the same counts give the same forecasts.
 *
 * Counts are arrivals per step of a regular grid. Forecasts are finite and never negative, their quantiles ordered.
 */

import type { SumQuantiles } from "./Sums.ts"

export type { SumQuantiles } from "./Sums.ts"

/** One future step, in arrivals. */
export interface ForecastStep {
  /** The central forecast: the figure that errs least in absolute terms. For counts that are mostly 0 it is near 0. */
  readonly mean: number
  /**
   * The expectation: what counts are on average, so that sums of it are sums to plan with. Above `mean` where counts
   * are skewed.
   */
  readonly expected: number
  readonly p05: number
  readonly p50: number
  readonly p90: number
  readonly p95: number
}

/**
 * What the forecaster goes by, as far as it has seen enough: `reactive` repeats the last counts, `smoothing` has
 * learned how they follow one another, `day` and `week` know a season of that length as well, `season` one of another
 * length.
 */
export type ForecastMode = "reactive" | "smoothing" | "season" | "day" | "week"

/**
 * How forecasts have done lately over a horizon. Shares are of the arrivals, 0.1 is 10 %. Undefined until there was
 * something to measure that far ahead.
 */
export interface ForecastQuality {
  /** Steps that it speaks of, from the next one on. */
  readonly horizon: number
  readonly mode: ForecastMode
  /** The model with the most weight in the mixture, at the end of the horizon. */
  readonly model: string
  /** Lengths of the seasons in use, in steps, the shortest first. */
  readonly seasons: ReadonlyArray<number>
  /** Steps measured so far. */
  readonly measured: number
  /** 1 - sum of absolute errors / sum of counts, of forecasts served lately, one step ahead. */
  readonly accuracyNext: number | undefined
  /** The same over the whole horizon, step by step. */
  readonly accuracy: number | undefined
  /**
   * Mean absolute error over the horizon relative to that of repeating yesterday (R. J. Hyndman, A. B. Koehler, 2006).
   * Below 1 is better.
   */
  readonly mase: number | undefined
  /** Share of counts that fell between p05 and p95 over the horizon, both rounded outwards. 0.9 is meant. */
  readonly coverage: number | undefined
  /**
   * Accuracy that nobody can exceed over the horizon while arrivals are independent of one another: counts scatter
   * around any forecast.
   */
  readonly bestPossible: number | undefined
  /** What `accuracy` would have been for the better of repeating the last count and repeating yesterday. */
  readonly naiveAccuracy: number | undefined
  /**
   * Of the sum over the horizon: its accuracy; what was said of it relative to what came, less 1; how often its 90 %
   * interval held.
   */
  readonly sumAccuracy: number | undefined
  readonly sumBias: number | undefined
  readonly sumCoverage: number | undefined
  /** Whether a change of level was noticed so lately that memory is still short and intervals wide. */
  readonly changed: boolean
}

/** All that a forecaster has learned. Plain JSON. */
export interface ForecastState {
  readonly version: number
  readonly stepSeconds: number
  readonly horizon: number
  /** Steps seen, missing ones included. The next count belongs to the step of this number. */
  readonly steps: number
  /** The rest, as base64. */
  readonly learned: string
}

export interface Forecaster {
  /** Steps seen, missing ones included: the number of the step that the next count belongs to. */
  readonly steps: number
  /** The count of the next step; undefined when it was not measured, which is not zero. */
  readonly update: (count: number | undefined) => void
  /**
   * The next `steps` steps, first to last. Any number may be asked for; beyond the horizon the forecast goes by the
   * last models.
   */
  readonly forecast: (steps: number) => ReadonlyArray<ForecastStep>
  /** The interval of a sum over the next `steps` steps, of which so much is expected. */
  readonly within: (steps: number, expected: number) => SumQuantiles
  /** Over the next `steps` steps. Default: 60, or the horizon, or a day of at least 24, whichever is the least. */
  readonly quality: (steps?: number) => ForecastQuality
  /** A forecaster restored from it goes on exactly as this one does. */
  readonly save: () => ForecastState
}
