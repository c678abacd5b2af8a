/** The forecast as the decision sees it: steps of minutes or hours, read tick by tick. */
import type { ForecastStep } from "../forecast/Forecaster.ts"

export interface ForecastSteps {
  /** When the first step begins, milliseconds since 1970. */
  readonly from: number
  readonly stepMs: number
  readonly steps: ReadonlyArray<ForecastStep>
  /** Arrivals of the step before the first. Undefined: not measured. */
  readonly last: number | undefined
}

const finite = (value: number | undefined): number | undefined =>
  value !== undefined && Number.isFinite(value) ? Math.max(0, value) : undefined

/**
 * Arrivals of a tick that begins at `at`: within a step the rate goes in a straight line from half way to the step
 * before to half way to the one after, as it would were arrivals smooth. After the last step the last one goes on.
 * Undefined: no finite forecast, or the tick lies before its first step.
 */
export const arrivalsForecast = (
  { from, last, stepMs, steps }: ForecastSteps,
  at: number,
  tickMs: number
): number | undefined => {
  const middle = (at + tickMs / 2 - from) / stepMs
  if (!(middle >= 0) || steps.length === 0) return undefined
  const index = Math.min(Math.floor(middle), steps.length - 1)
  const mean = finite(steps[index]!.expected)
  if (mean === undefined) return undefined
  const aside = Math.min(middle - index, 1) - 0.5
  const before = index === 0 ? last : steps[index - 1]!.expected
  const beside = finite(aside < 0 ? before : steps[index + 1]?.expected) ?? mean
  // A step no longer than a tick has no inside.
  const rate = stepMs <= tickMs ? mean : mean + (beside - mean) * Math.abs(aside)
  return (rate * tickMs) / stepMs
}

/** When the steps end. */
export const endOf = ({ from, stepMs, steps }: ForecastSteps): number => from + steps.length * stepMs
