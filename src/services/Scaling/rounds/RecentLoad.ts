/**
 * What arrived and ended in the last seconds, from the finest roll-ups: forecasts see whole steps, decisions what came
 * since the last round.
 */
import { Effect } from "effect"
import type { RollUps } from "../../Store/RollUps.ts"
import { valueOf } from "../../Queue/policy/Histogram.ts"
import { baseWidth } from "../../Queue/policy/RollUps.ts"
import type { StoreError } from "../../Store/StoreError.ts"

export interface RecentLoad {
  readonly arrivals: number
  /** Attempts that ended, by how long they ran. */
  readonly served: ReadonlyArray<{ readonly ms: number; readonly jobs: number }>
}

/**
 * By group, over the intervals from `from` to `to`, both on the grid of 10 s. Groups in which nothing happened are left
 * out.
 */
export const readRecent = (
  rollUps: RollUps["Service"],
  from: number,
  to: number
): Effect.Effect<ReadonlyMap<string, RecentLoad>, StoreError> =>
  Effect.map(rollUps.jobs({ width: baseWidth, from, to }), (found) => {
    const groups = new Map<
      string,
      { arrivals: number; served: Array<{ readonly ms: number; readonly jobs: number }> }
    >()
    for (const { arrivals, group, run } of found) {
      const known = groups.get(group) ?? { arrivals: 0, served: [] }
      known.arrivals += arrivals
      for (const [bucket, jobs] of run.buckets) known.served.push({ ms: valueOf(bucket), jobs })
      groups.set(group, known)
    }
    return groups
  })
