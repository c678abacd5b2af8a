/** What arrived in a group, step by step, as the roll-ups of the store have it. */
import * as Effect from "effect/Effect"
import { type RollUpWidth, TaskQueue } from "../../services/Queue/index.ts"
import type { SeenCount } from "./ForecastPicture.ts"

/**
 * From `from` up to `to`, both multiples of `stepMs`. A step without arrivals counts as zero when a worker was alive in
 * it, and as not measured otherwise. Steps before the first record of any kind are left out.
 */
export const seenCounts = (
  group: string,
  { from, stepMs, to }: { readonly from: number; readonly to: number; readonly stepMs: RollUpWidth }
) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    const cells = yield* queue.rollUps({ width: stepMs, from, to, group })
    const beats = new Set(
      (yield* queue.resourceRollUps({ width: stepMs, from, to }))
        .filter((each) => each.beats > 0)
        .map(({ start }) => start)
    )
    const arrivals = new Map<number, number>()
    for (const cell of cells) arrivals.set(cell.start, (arrivals.get(cell.start) ?? 0) + cell.arrivals)
    const first = Math.min(to, ...arrivals.keys(), ...beats)
    return Array.from({ length: Math.round((to - Math.max(from, first)) / stepMs) }, (_, i): SeenCount => {
      const at = Math.max(from, first) + i * stepMs
      return { at, count: arrivals.get(at) ?? (beats.has(at) ? 0 : null) }
    })
  })
