/** A memory store that several simulated processes share, as they would share a file. */
import { Effect, Layer, type Scope } from "effect"
import type { OpenStore } from "./CrashPoints.ts"
import { Sluice } from "../../../src/services/Queue/index.ts"
import { type Store, store as wholeStore } from "../../../src/services/Store/Store.ts"

/** A new one, empty. */
export const sharedMemory: Effect.Effect<Store, never, Scope.Scope> = Effect.gen(function* () {
  const scope = yield* Effect.scope
  const context = yield* Effect.orDie(Layer.buildWithScope(Sluice.layerMemory(), scope))
  return yield* Effect.provide(wholeStore, context)
})

/** The store all processes of one run open. */
export const onOneMemory = (): OpenStore => {
  let shared: Store | undefined
  return Effect.gen(function* () {
    shared ??= yield* sharedMemory
    return shared
  })
}
