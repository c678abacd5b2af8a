/**
 * What the alerts ask of a forecast: the jobs that will come. `PredictiveScaler.predictLoad` answers it; nothing else
 * of the scaler is needed.
 */
import { Context, type Effect } from "effect"
import type { StoreError } from "../Store/StoreError.ts"
import type { ArrivalStep } from "./policy/BacklogForecast.ts"

export interface ArrivalsAhead {
  readonly stepMs: number
  /** The present step first. */
  readonly steps: ReadonlyArray<ArrivalStep>
}

/**
 * Undefined: nothing is known that is worth acting on; then what came in the last quarter of an hour is taken to go on.
 */
export type AskArrivals = (group: string, horizonMs: number) => Effect.Effect<ArrivalsAhead | undefined, StoreError>

/** The forecast in force. Default: none. */
export const ArrivalForecast = Context.Reference<AskArrivals | undefined>("sluice/services/Alerts/ArrivalForecast", {
  defaultValue: () => undefined
})
