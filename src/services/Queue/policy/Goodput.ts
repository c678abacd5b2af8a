/**
 * What a stretch of time at one number of slots brought, what it is worth, and how surely two stretches differ.
 *
 * Goodput is what completes; failures and time-outs do not count. Worth is X(n) / n^0.05: goodput X against the jobs in
 * flight n, which by Little's law is goodput against latency. It is Kleinrock's generalised power (L. Kleinrock, Power
 * and deterministic rules of thumb for probabilistic problems in computer communications, ICC 1979) with an exponent of
 * 19: one per cent of goodput is worth nineteen of latency. Where goodput saturates as Amdahl's law has it, about five
 * per cent of it are given away for a latency that would otherwise grow without end; at a peak it is the peak.
 */

export interface Stretch {
  readonly ms: number
  /** Jobs of this worker that completed. */
  readonly succeeded: number
  /** Jobs of the group that other workers ran meanwhile, times milliseconds. */
  readonly elsewhereMs: number
}

/** How much goodput varies by itself. */
export interface Noise {
  /** Variance of the completions of a sample over their mean: 1 for a Poisson process. */
  readonly dispersion: number
  /** Variance of the logarithm of the goodput from one block of time to the next, beyond what counting explains. */
  readonly drift: number
  readonly last: Stretch | undefined
  readonly block: Stretch
  readonly lastBlock: Stretch | undefined
}

/** What one per cent of jobs in flight must bring of goodput, in per cent. */
export const leastGain = 0.05
/** What a sample, or a block, counts among all before it. */
const dispersionPart = 0.05
const driftPart = 0.2
/** Less is not believed. */
const leastDispersion = 0.05
const leastDrift = 0.005 ** 2
const blockMs = 15_000

export const nothing: Stretch = { ms: 0, succeeded: 0, elsewhereMs: 0 }

/** Both together, the first at a part of its weight. */
export const sum = (a: Stretch, b: Stretch, part = 1): Stretch => ({
  ms: a.ms * part + b.ms,
  succeeded: a.succeeded * part + b.succeeded,
  elsewhereMs: a.elsewhereMs * part + b.elsewhereMs
})

/**
 * The logarithm of what a stretch at so many slots was worth, up to a constant. Other workers' jobs draw on the same
 * thing, and taking from them is no gain: all that run are taken to get on equally fast, so that the group's goodput is
 * this worker's per slot, times all of them.
 */
export const worth = ({ elsewhereMs, ms, succeeded }: Stretch, slots: number): number => {
  const all = slots + elsewhereMs / ms
  return Math.log(((succeeded + 0.5) / ms) * (all / slots)) - leastGain * Math.log(all)
}

export const unknownNoise: Noise = {
  dispersion: 1,
  drift: leastDrift,
  last: undefined,
  block: nothing,
  lastBlock: undefined
}

/** The number of slots changed, or goodput by itself: what follows is not compared with what was before. */
export const broken = (noise: Noise): Noise => ({ ...noise, last: undefined, block: nothing, lastBlock: undefined })

const withBlock = (noise: Noise): Noise => {
  const { block, dispersion, drift, lastBlock } = noise
  if (block.ms < blockMs) return noise
  const begun = { ...noise, block: nothing, lastBlock: block }
  if (lastBlock === undefined || block.succeeded === 0 || lastBlock.succeeded === 0) return begun
  const change = Math.log(block.succeeded / block.ms) - Math.log(lastBlock.succeeded / lastBlock.ms)
  const byChance = dispersion * (1 / block.succeeded + 1 / lastBlock.succeeded)
  return { ...begun, drift: Math.max(leastDrift, drift + driftPart * ((change ** 2 - byChance) / 2 - drift)) }
}

/**
 * A sample at an unchanged number of slots. Differences of neighbours tell the noise, whatever the trend (J. von
 * Neumann, 1941).
 */
export const heard = (noise: Noise, sample: Stretch): Noise => {
  const { dispersion, last } = noise
  const more = { ...noise, last: sample, block: sum(noise.block, sample) }
  const mean = (sample.succeeded + (last?.succeeded ?? 0)) / 2
  if (last === undefined || mean === 0) return withBlock(more)
  const seen = (sample.succeeded - last.succeeded) ** 2 / 2 / mean
  return withBlock({
    ...more,
    dispersion: Math.max(leastDispersion, dispersion + dispersionPart * (seen - dispersion))
  })
}

/**
 * The standard error of the difference of two worths: what counting leaves open, and what the load drifts between them.
 */
export const errorOf = (a: Stretch, b: Stretch, { dispersion, drift }: Noise): number => {
  const of = ({ ms, succeeded }: Stretch) => dispersion / (succeeded + 0.5) + drift * Math.min(1, blockMs / ms)
  return Math.sqrt(of(a) + of(b))
}
