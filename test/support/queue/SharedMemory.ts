/** A memory store that several simulated processes share, as they would share a file. */
import { Context, Effect, Layer, type Scope } from "effect"
import type { OpenStore } from "./CrashPoints.ts"
import { JobStore, Sluice } from "../../../src/services/Queue/index.ts"

/** A new one, empty. */
export const sharedMemory: Effect.Effect<JobStore["Service"], never, Scope.Scope> = Effect.gen(function* () {
  const scope = yield* Effect.scope
  const context = yield* Effect.orDie(Layer.buildWithScope(Sluice.layerMemory(), scope))
  return Context.get(context, JobStore)
})

/** The store all processes of one run open. */
export const onOneMemory = (): OpenStore => {
  let shared: JobStore["Service"] | undefined
  return Effect.gen(function* () {
    shared ??= yield* sharedMemory
    return shared
  })
}
