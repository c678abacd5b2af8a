/**
 * The forecaster of a group on the grid of its steps: local time, length of the horizon, quality in the service's
 * units.
 */
import { DateTime, Option } from "effect"
import type { ForecastQuality } from "../LoadPrediction.ts"
import type { Forecaster } from "../policy/forecast/Forecaster.ts"
import type { TrackRecord } from "../policy/staffing/Trust.ts"
import { type ForecastOptions, make, restore } from "../policy/forecast/Forecasting.ts"

/** Where a forecaster's steps lie. */
export interface ForecastGrid {
  readonly stepMs: number
  /** Start of the first step it is given, milliseconds since 1970. */
  readonly start: number
  /** IANA name: days and weeks are those of this zone. */
  readonly timeZone: string
}

const hourMs = 3_600_000
/** Steps ahead that are learned for: a week of hours, else a day; what lies beyond is forecast all the same. */
const horizonOf = (stepMs: number) => (stepMs >= hourMs ? 168 : Math.round((24 * hourMs) / stepMs))
/** Offsets change on quarters of an hour at the finest. */
const offsetHoldsMs = hourMs / 4

const offsetsOf = ({ start, stepMs, timeZone }: ForecastGrid): ForecastOptions["offsetSeconds"] => {
  const zone = Option.getOrUndefined(DateTime.zoneFromString(timeZone))
  if (zone === undefined || timeZone === "UTC") return undefined
  let quarter = Number.NaN
  let offset = 0
  return (step) => {
    const at = start + step * stepMs
    const now = Math.floor(at / offsetHoldsMs)
    if (now !== quarter) {
      quarter = now
      offset = DateTime.zonedOffset(DateTime.makeZonedUnsafe(at, { timeZone: zone })) / 1000
    }
    return offset
  }
}

const optionsOf = (grid: ForecastGrid): ForecastOptions => {
  const offsetSeconds = offsetsOf(grid)
  const options = { stepSeconds: grid.stepMs / 1000, horizon: horizonOf(grid.stepMs) }
  return offsetSeconds === undefined ? options : { ...options, offsetSeconds }
}

export const forecasterOn = (grid: ForecastGrid): Forecaster => make(optionsOf(grid))

/** Undefined when the state is of another version or grid, or damaged. */
export const forecasterFrom = (grid: ForecastGrid, state: Parameters<typeof restore>[1]): Forecaster | undefined =>
  restore(optionsOf(grid), state)

const lackOf = (share: number | undefined) => (share === undefined ? undefined : 1 - share)

export const qualityOf = (quality: ReturnType<Forecaster["quality"]>, stepMs: number): ForecastQuality => {
  return {
    horizonMs: quality.horizon * stepMs,
    mode: quality.mode,
    model: quality.model,
    seasonsMs: quality.seasons.map((steps) => steps * stepMs),
    steps: quality.measured,
    accuracyNext: quality.accuracyNext,
    accuracy: quality.accuracy,
    error: lackOf(quality.accuracy),
    naiveError: lackOf(quality.naiveAccuracy),
    mase: quality.mase,
    coverage: quality.coverage,
    noiseFloor: lackOf(quality.bestPossible),
    sumAccuracy: quality.sumAccuracy,
    sumBias: quality.sumBias,
    sumCoverage: quality.sumCoverage,
    changed: quality.changed
  }
}

export const trackRecordOf = ({
  accuracy,
  coverage,
  measured,
  naiveAccuracy
}: ReturnType<Forecaster["quality"]>): TrackRecord => ({ measured, accuracy, naiveAccuracy, coverage })

let unseen: ForecastQuality | undefined

/**
 * Of a group nobody has seen. Made when first asked for: a forecaster is too much to make in every process that loads
 * this.
 */
export const noQuality = (): ForecastQuality =>
  (unseen ??= qualityOf(forecasterOn({ stepMs: 60_000, start: 0, timeZone: "UTC" }).quality(), 60_000))
