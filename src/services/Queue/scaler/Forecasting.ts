/** The forecaster that the scaler serves: what it needs of one beyond updates and forecasts. */
import { Context } from "effect"
import type { ForecastQuality } from "../LoadPrediction.ts"
import type { ForecastStep } from "../policy/forecast/Forecaster.ts"

/** Where a forecaster's steps lie. */
export interface ForecastGrid {
  readonly stepMs: number
  /** Start of the first step it is given, milliseconds since 1970. */
  readonly start: number
  /** IANA name: days and weeks are those of this zone. */
  readonly timeZone: string
}

export interface ServedForecaster {
  readonly update: (count: number | undefined) => void
  readonly forecast: (steps: number) => ReadonlyArray<ForecastStep>
  readonly quality: () => ForecastQuality
  /** JSON-able, all of it: restored, it goes on as this one would have. */
  readonly save: () => unknown
}

export interface ForecastMaker {
  readonly make: (grid: ForecastGrid) => ServedForecaster
  /** Undefined when the state is of another version, of another grid or damaged: make one and show it the history. */
  readonly restore: (state: unknown, grid: ForecastGrid) => ServedForecaster | undefined
}
