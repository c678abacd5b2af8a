/**
 * How many slots the coming ticks need: jobs in the system now that will still run, and jobs yet to come, as if each
 * found a slot at once. The number in service of such a queue is known at any time, not only in equilibrium: the jobs
 * there now thin out, the later ones are a Poisson number (S. G. Eick, W. A. Massey, W. Whitt, The physics of the
 * Mt/G/infinity queue, Operations Research 41, 1993), and the slots are that mean and an Erlang-C margin on its
 * variance (O. B. Jennings, A. Mandelbaum, W. A. Massey, W. Whitt, Server staffing to meet time-varying demand,
 * Management Science 42, 1996). Long jobs: those that run now decide. Short jobs: those that arrive.
 *
 * What finds no slot waits: it is counted as a fluid, with the slots there are and will be, and is to be worked off in
 * `drainMs`.
 */
import type { ErlangMargin } from "./ErlangC.ts"

export interface Situation {
  /** Jobs running and waiting. */
  readonly jobs: number
  /** Slots there will be at the start of each coming tick, those under way included from when they are due. */
  readonly slots: ReadonlyArray<number>
  /** Jobs that arrive in each coming tick. */
  readonly arrivals: ReadonlyArray<number>
}

export interface Pace {
  readonly serviceMs: number
  readonly tickMs: number
  readonly drainMs: number
  /**
   * Part of the jobs in the system now that are still there after each coming tick. Undefined: service is memoryless.
   */
  readonly remaining?: ReadonlyArray<number> | undefined
}

/** Slots, not rounded, each the largest over the coming ticks. */
export interface TransientNeed {
  /** For what runs and comes, with its margin. */
  readonly load: number
  /** For what runs and comes, without a margin, and for working off what waits. */
  readonly backlog: number
}

/** Part of the jobs in service that still are after a tick. */
export const keptPerTick = ({ serviceMs, tickMs }: Pick<Pace, "serviceMs" | "tickMs">): number =>
  Math.exp(-tickMs / serviceMs)

/** Jobs ended within a tick: what ends when every job has a slot, or as many as the slots can. */
export const ended = (
  jobs: number,
  arrivals: number,
  slots: number,
  kept: number,
  { serviceMs, tickMs }: Pace
): number =>
  Math.min(
    jobs * (1 - kept) + arrivals * (1 - (serviceMs / tickMs) * (1 - kept)),
    (slots * tickMs) / serviceMs,
    jobs + arrivals
  )

/** Cost: a few dozen nanoseconds for each tick. */
export const transientNeed = (
  { arrivals, jobs, slots }: Situation,
  pace: Pace,
  margin: ErlangMargin
): TransientNeed => {
  const { drainMs, remaining, serviceMs, tickMs } = pace
  const kept = keptPerTick(pace)
  const perJob = Math.min(1, serviceMs / drainMs)
  let left = 1
  let fresh = 0
  let system = jobs
  let most = 0
  let mostWithBacklog = 0
  for (let tick = 0; tick < arrivals.length; tick++) {
    const coming = arrivals[tick]!
    const offered = (coming * serviceMs) / tickMs
    left = remaining?.[tick] ?? left * kept
    fresh = fresh * kept + offered * (1 - kept)
    // Within a tick longer than the service, the number in service comes near what is offered.
    const arrived = Math.max(fresh, tickMs > serviceMs ? offered : 0)
    const variance = jobs * left * (1 - left) + arrived
    const mean = jobs * left + arrived
    most = Math.max(most, mean + margin.above(variance))
    system += coming - ended(system, coming, slots[tick]!, kept, pace)
    const waiting = Math.max(0, system - jobs * left - fresh)
    if (waiting > 0) mostWithBacklog = Math.max(mostWithBacklog, mean + waiting * perJob)
  }
  return { load: most, backlog: mostWithBacklog }
}
