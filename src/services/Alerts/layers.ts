/**
 * Where the alerts meet the queue:
 *
 * ```ts
 * const Main = AlertLayers.layerWatching.pipe(
 *   Layer.provideMerge(Sluice.layerWorker()),
 *   Layer.provideMerge(Sluice.layerSqlite({ path: "jobs.db" }))
 * )
 * ```
 */
import { Duration, Effect, Layer } from "effect"
import { PredictiveScaler } from "../Queue/PredictiveScaler.ts"
import * as AlertsLive from "./AlertsLive.ts"
import { ArrivalForecast, type AskArrivals } from "./ArrivalForecast.ts"
import * as AlertLoop from "./upkeep/AlertLoop.ts"

/** Rules, silences and what became of them, over a queue's store. Looks only when told to. */
export const layer = AlertsLive.layer

/** The same, and looks whenever this process's worker leads. Beside a worker. */
export const layerWatching = AlertLoop.layer.pipe(Layer.provideMerge(AlertsLive.layer))

/**
 * Forecast rules look ahead with the scaler's forecast, where it does not distrust it itself. Provide it to the layers
 * above.
 */
export const layerForecast = Layer.effect(
  ArrivalForecast,
  Effect.map(
    PredictiveScaler,
    ({ predictLoad }): AskArrivals =>
      (group, horizonMs) =>
        predictLoad(group, Duration.millis(horizonMs)).pipe(
          Effect.map(({ distrust, stepMs, steps }) =>
            // A backlog is a sum: of expectations, not of medians, which are 0 where few arrive.
            distrust === undefined
              ? { stepMs, steps: steps.map(({ arrivals: { expected, p90 } }) => ({ p50: expected, p90 })) }
              : undefined
          ),
          // More steps than a prediction may have: then without it.
          Effect.catchTag("ScaleInvalid", () => Effect.succeed(undefined))
        )
  )
)
