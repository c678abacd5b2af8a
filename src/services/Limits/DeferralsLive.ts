/** Few programs defer jobs: what places them is loaded with the first. */
import { Effect, Layer, Random } from "effect"
import { Documents } from "../Store/Documents.ts"
import { Deferrals } from "./Deferrals.ts"

const make = Effect.gen(function* () {
  const documents = yield* Documents
  const phase = yield* Random.next
  let placing: Deferrals["Service"] | undefined
  const loaded = yield* Effect.cached(
    Effect.map(
      Effect.promise(() => import("./OutlookPlacing.ts")),
      ({ makePlacing }) => {
        placing = makePlacing(documents, phase)
        return placing
      }
    )
  )
  return Deferrals.of({
    reread: (groups, now) =>
      placing === undefined
        ? Effect.flatMap(loaded, ({ reread }) => reread(groups, now) ?? Effect.void)
        : placing.reread(groups, now),
    place: (jobs) => placing?.place(jobs)
  })
})

export const layer: Layer.Layer<Deferrals, never, Documents> = Layer.effect(Deferrals, make)
