/**
 * How long a job holds its slot, from the run histograms of roll-ups: mean and spread over the recent past, older steps
 * fading. What queueing formulas ask for; how likely a running job still runs later, `staffing/ServiceTime.ts` knows.
 *
 * Long jobs are under-represented while they run, since only attempts that ended are in the roll-ups; what runs counts
 * as work by itself.
 */
import { type Histogram, valueOf } from "../../Queue/policy/Histogram.ts"

/** Sums over attempts: how many, milliseconds, squares of milliseconds. */
export interface RunSums {
  readonly count: number
  readonly sum: number
  readonly squares: number
}

/** With the attempts that arrivals led to. */
export interface ServiceSums extends RunSums {
  readonly arrivals: number
  readonly starts: number
}

export interface ServiceFigures {
  /** Milliseconds of slot per job, its retries included. */
  readonly meanMs: number
  /** Squared coefficient of variation of one attempt. */
  readonly cv2: number
  readonly samples: number
}

export const noService: ServiceSums = { count: 0, sum: 0, squares: 0, arrivals: 0, starts: 0 }

/** Assumed while no attempt has ended: long enough to ask for a slot, short enough not to ask for many. */
export const unknownServiceMs = 1000

/**
 * Sums count half as much after so long: an hour follows a deploy that changes run times and still averages over a
 * quiet one.
 */
export const halfLifeMs = 3_600_000

/**
 * At most so many attempts for one job: the default of three retries makes four; a burst of recoveries must not
 * multiply the load.
 */
const attemptsMost = 4

export const runsOf = (run: Histogram): RunSums => {
  let squares = 0
  for (const [index, count] of run.buckets) squares += count * valueOf(index) ** 2
  return { count: run.count, sum: run.sum, squares }
}

/**
 * One step later. Sums of a step in which nothing ended do not fade: a night without jobs teaches nothing about their
 * length.
 */
export const afterStep = (
  before: ServiceSums,
  step: { readonly arrivals: number; readonly starts: number; readonly runs: RunSums },
  stepMs: number
): ServiceSums => {
  if (step.runs.count === 0 && step.starts === 0 && step.arrivals === 0) return before
  const keep = 0.5 ** (stepMs / halfLifeMs)
  return {
    count: before.count * keep + step.runs.count,
    sum: before.sum * keep + step.runs.sum,
    squares: before.squares * keep + step.runs.squares,
    arrivals: before.arrivals * keep + step.arrivals,
    starts: before.starts * keep + step.starts
  }
}

export const figuresOf = (sums: ServiceSums): ServiceFigures => {
  if (!(sums.count > 0)) return { meanMs: unknownServiceMs, cv2: 1, samples: 0 }
  const mean = sums.sum / sums.count
  const attempts = sums.arrivals > 0 ? Math.max(1, Math.min(attemptsMost, sums.starts / sums.arrivals)) : 1
  const variance = Math.max(0, sums.squares / sums.count - mean * mean)
  return { meanMs: mean * attempts, cv2: mean > 0 ? variance / (mean * mean) : 0, samples: sums.count }
}
