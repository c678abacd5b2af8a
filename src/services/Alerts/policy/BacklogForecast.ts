/**
 * Where a group's backlog is going: what waits now, plus what is expected to arrive, less what the slots can do. Work
 * is a fluid here (a first-order approximation; L. Kleinrock, Queueing Systems, vol. 2, ch. 2): right about when a
 * backlog grows beyond a number that is large beside the noise, silent about waits of a few jobs.
 */

/** Jobs expected in one step. */
export interface ArrivalStep {
  readonly p50: number
  readonly p90: number
}

export interface BacklogInput {
  /** Pending jobs now. */
  readonly backlog: number
  readonly stepMs: number
  readonly steps: ReadonlyArray<ArrivalStep>
  /** Jobs the slots can do in a millisecond. */
  readonly perMs: number
}

/** Expected backlog at the end of each step: at the median of the arrivals, and at nine in ten. */
export interface BacklogPath {
  readonly stepMs: number
  readonly p50: ReadonlyArray<number>
  /** All steps at their 90 % quantile at once: an upper bound of the path's own. */
  readonly p90: ReadonlyArray<number>
}

export const projectBacklog = ({ backlog, perMs, stepMs, steps }: BacklogInput): BacklogPath => {
  const along = (arrivals: (step: ArrivalStep) => number) => {
    let level = backlog
    return steps.map((step) => {
      level = Math.max(0, level + arrivals(step) - perMs * stepMs)
      return level
    })
  }
  return { stepMs, p50: along(({ p50 }) => p50), p90: along(({ p90 }) => p90) }
}

/**
 * Milliseconds until a path first reaches `limit`, read between the ends of steps; undefined: not within it. 0: it has.
 */
export const timeToReach = (
  from: number,
  path: ReadonlyArray<number>,
  stepMs: number,
  limit: number
): number | undefined => {
  if (from >= limit) return 0
  let before = from
  for (let i = 0; i < path.length; i++) {
    const after = path[i]!
    if (after >= limit) return (i + (limit - before) / (after - before)) * stepMs
    before = after
  }
  return undefined
}
