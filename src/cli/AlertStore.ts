/** The alerts over the store in force, with the sinks of this invocation. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AlertLayers, type Alerts, AlertSettings } from "../services/Alerts/index.ts"
import { alertSettings } from "./AlertSinks.ts"

/** Provides them where a store is. `log`: where the log sink writes. */
export const withAlerts =
  (log: AlertSettings.AlertSettings["log"]) =>
  <A, E, R>(effect: Effect.Effect<A, E, R | Alerts>) =>
    Effect.flatMap(alertSettings(log), (settings) =>
      Effect.provide(effect, AlertLayers.layer.pipe(Layer.provide(Layer.succeed(AlertSettings.Settings, settings))))
    )

/**
 * For commands that only read and write what the store holds: no sink is made, so a wrong setting of one is no
 * obstacle.
 */
export const withoutSinks = <A, E, R>(effect: Effect.Effect<A, E, R | Alerts>) =>
  Effect.provide(
    effect,
    AlertLayers.layer.pipe(
      Layer.provide(Layer.succeed(AlertSettings.Settings, { ...AlertSettings.defaults, log: false }))
    )
  )
