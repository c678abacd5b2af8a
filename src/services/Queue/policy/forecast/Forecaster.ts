/**
 * What every forecasting model of counts per step can do. Pure: no clock, no randomness; the same counts give the same forecasts.
 *
 * Counts are arrivals per step of a regular grid. Forecasts are never negative, their quantiles ordered.
 */

/** One future step, in arrivals. */
export interface ForecastStep {
  readonly mean: number
  readonly p05: number
  readonly p50: number
  readonly p90: number
  readonly p95: number
}

export interface Forecaster {
  /** The count of the next step; undefined when it was not measured, which is not zero. */
  readonly update: (count: number | undefined) => void
  /** The next `steps` steps, first to last. */
  readonly forecast: (steps: number) => ReadonlyArray<ForecastStep>
}
