/**
 * The scaler on the store in force, for commands that look at it or change its settings: nothing is decided or moved.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Sluice } from "../../services/Queue/index.ts"
import { open } from "../OpenStore.ts"

const withScaler =
  (create: boolean) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.flatMap(open({ create, thread: false }), ({ layer }) =>
      Effect.provide(effect, Sluice.layerPredictiveScaler.pipe(Layer.provideMerge(layer)))
    )

export const lookingAtScaler = withScaler(false)
export const changingScaler = withScaler(true)
