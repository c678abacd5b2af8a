/** The limits by name, for the commands that look at them or set them; loaded when one of those runs. */
import * as Effect from "effect/Effect"
import type { Limits } from "../services/Limits/index.ts"
import type { JobStore } from "../services/Store/index.ts"

export const limiting = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, Exclude<R, Limits> | JobStore> =>
  Effect.flatMap(
    Effect.promise(() => import("../services/Limits/index.ts")),
    ({ LimitLayers }) => Effect.provide(effect, LimitLayers.layer)
  )
