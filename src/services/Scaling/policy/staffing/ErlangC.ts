/**
 * Servers for a load so that few jobs wait long: the M/M/c queue (A. K. Erlang, 1917; formulas as in L. Kleinrock,
 * Queueing Systems, volume 1, 1975, section 3.6). Erlang B comes from its recursion in the inverse, 1/B(k) = 1 + k / (a
 * B(k-1)), which neither overflows nor cancels (D. L. Jagerman, Bell System Technical Journal 53, 1974), and Erlang C
 * from Erlang B. Above `normalFrom` erlangs the limit of S. Halfin and W. Whitt (Operations Research 29, 1981) takes
 * its place, there at most two servers short of it, which are added.
 *
 * A load `a` is in erlangs: arrivals per second times seconds of service.
 */
import { upperTail } from "../../../Profiling/policy/Regression.ts"

/** From so many erlangs on a search over servers would cost more than the normal limit is wrong. */
const normalFrom = 4000
/**
 * Servers that the limit is short of Erlang C there, at most: shares from 0.0005 to 0.3, waits from 0.0001 to 0.1
 * service times.
 */
const limitShort = 2
/** Keeps every answer a safe integer, whatever the load. */
const mostServers = 1e9

/**
 * Part of the jobs that have to wait, with a load of `a` erlangs and `c` servers: at least 0, and 1 when the load is
 * too much. Cost: O(c).
 */
export const erlangC = (c: number, a: number): number => {
  if (!(a > 0)) return 0
  if (c <= a) return 1
  if (a > normalFrom) return halfinWhitt((c - a) / Math.sqrt(a))
  let inverse = 1
  for (let k = 1; k <= c; k++) inverse = 1 + (inverse * k) / a
  const b = 1 / inverse
  return b / (1 - (a / c) * (1 - b))
}

/** Part of the jobs that wait in the limit of large loads, with a + beta sqrt(a) servers. */
const halfinWhitt = (beta: number): number => {
  const density = Math.exp((-beta * beta) / 2) / Math.sqrt(2 * Math.PI)
  return density / (density + beta * (1 - upperTail(beta)))
}

/**
 * Part of the jobs that wait longer than `patience`, the wait objective in units of the mean service time. First come,
 * first served, memoryless service.
 */
export const waitExceeds = (c: number, a: number, patience: number): number =>
  !(a > 0) ? 0 : c <= a ? 1 : erlangC(c, a) * Math.exp(-(c - a) * Math.max(0, patience))

/** What a wait may be. */
export interface WaitObjective {
  /** The longest wait that is on time, in units of the mean service time. At least 0. */
  readonly patience: number
  /** Part of the jobs that may wait longer. Above 0, at most 1. */
  readonly share: number
}

/**
 * The fewest servers that keep the objective under a load of `a` erlangs; 0 without load. Never falls as the load
 * grows. Cost: O(servers), below 20 microseconds at the most.
 */
export const requiredServers = (a: number, { patience, share }: WaitObjective): number => {
  if (!(a > 0)) return 0
  if (a >= mostServers) return mostServers
  if (a > normalFrom) return requiredAtScale(a, patience, share)
  const tau = Math.max(0, patience)
  let inverse = 1
  for (let c = 1; ; c++) {
    inverse = 1 + (inverse * c) / a
    if (c <= a) continue
    const b = 1 / inverse
    const waits = b / (1 - (a / c) * (1 - b))
    if (waits * Math.exp(-(c - a) * tau) <= share || waits === 0) return c
  }
}

/** By halving: the tail of the normal limit falls as servers are added. */
const requiredAtScale = (a: number, patience: number, share: number): number => {
  let low = Math.floor(a)
  let high = Math.ceil(a + 40 * Math.sqrt(a))
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (waitExceeds(middle, a, patience) <= share) high = middle
    else low = middle
  }
  return Math.min(mostServers, high + limitShort)
}

/**
 * Servers above the load that keep an objective, by load, remembered on a grid of loads 1 % apart (0.01 below one
 * erlang): a look-up instead of a search for a decision that asks for dozens of them. Rounded up to the grid, so that
 * it never promises too little.
 */
export class ErlangMargin {
  private readonly objective: WaitObjective
  private readonly servers: Array<number | undefined> = []

  constructor(objective: WaitObjective) {
    this.objective = objective
  }

  /**
   * Servers beyond `variance` that the objective needs when the number of jobs in service varies with it, as a Poisson
   * number of that mean does.
   */
  above(variance: number): number {
    if (!(variance > 1e-9)) return 0
    if (!(variance < mostServers)) return 0
    const index = variance <= 1 ? Math.ceil(variance * 100) : 100 + Math.ceil(Math.log(variance) * 100)
    const load = index <= 100 ? index / 100 : Math.exp((index - 100) / 100)
    const known = this.servers[index]
    const margin = known ?? requiredServers(load, this.objective) - load
    if (known === undefined) this.servers[index] = margin
    return margin
  }
}
