import type { Archive } from "./Archive.ts"
import { AdaptiveLevel } from "./AdaptiveLevel.ts"
import { ErrorQuantiles } from "./ErrorQuantiles.ts"

/** The quantiles of a sum of arrivals. */
export interface SumQuantiles {
  readonly p05: number
  readonly p50: number
  readonly p90: number
  readonly p95: number
}

/** How sums did of late: fading. */
export interface SumTally {
  came: number
  said: number
  off: number
  within: number
  sums: number
}

/** Days over which errors fade, and the fewest sums. */
const memory = { days: 28, qualityDays: 3, least: 40 }
/** Virtual errors to begin with, as of a rate that is off by so much. */
const prior = { errors: 20, rate: 0.1, rates: 4 }
/**
 * Days, and multiples of a sum's length, that were seen before one is taken for an example: the first are said by
 * models that have learned nothing.
 */
const cold = { days: 2, lengths: 1 }
/** How much wider an interval is that rests on a single sum, relative to one of many. */
const few = 3
/** Sums are few: levels move twice as fast as those of steps. */
const levelRate = 0.008
/** Figures kept of a sum that waits. */
const waiting = 5
/** The part of a sum's steps that must have been measured for it to be learned from. */
const measuredLeast = 0.75
/** Variance of the root of a Poisson count. */
const chanceOfRoot = 0.25

/**
 * Sums over one number of steps: what was said of them, and what came. Errors of steps are alike within a sum, so that
 * its interval cannot be had from theirs: it rests on errors of sums. In units of what chance and a rate that is off
 * bring: with variance 1/4 + r² T / 4 for the root of a sum of expectation T.
 */
class SumOver {
  readonly steps: number
  readonly tally: SumTally = { came: 0, said: 0, off: 0, within: 0, sums: 0 }
  private readonly errors = new ErrorQuantiles(prior.errors)
  private readonly low = new AdaptiveLevel(0.05, 0.01, 0.1, levelRate)
  private readonly high = new AdaptiveLevel(0.95, 0.9, 0.99, levelRate)
  /** r², and the weight of what it is from. */
  private rate = prior.rate ** 2
  private learned = 0
  /** Of each sum that waits: what was said, its interval, and what had come and been measured in all when it was. */
  private readonly pending: Float64Array
  private readonly every: number
  /** Steps seen before sums are learned from. */
  private readonly cold: number
  /** Sums that are said in a day. */
  private readonly day: number

  constructor(steps: number, every: number, day: number) {
    this.steps = steps
    this.every = every
    this.day = day
    this.cold = Math.max(cold.days * day * every, cold.lengths * steps)
    this.pending = new Float64Array(waiting * (Math.ceil(steps / every) + 1))
  }

  private row(origin: number): number {
    return waiting * (Math.floor(origin / this.every) % (this.pending.length / waiting))
  }

  private get remembered(): number {
    return Math.max(memory.least, memory.days * this.day)
  }

  private spread(expected: number): number {
    return Math.sqrt(chanceOfRoot + (this.rate * expected) / 4)
  }

  quantiles(expected: number): ReadonlyArray<number> {
    // Sums overlap: as many are independent of one another as fit side by side, and the extremes of few are not far
    // enough out.
    const independent = (Math.min(this.learned, this.remembered) * this.every) / this.steps
    const spread = this.spread(expected) * (1 + few / (1 + independent))
    return [this.low.value, 0.5, 0.9, this.high.value].map(
      (level) => Math.max(0, Math.sqrt(expected) + spread * this.errors.at(level)) ** 2
    )
  }

  remember(origin: number, expected: number, total: number, measured: number): void {
    const at = this.row(origin)
    this.pending[at] = expected
    const [p05, , , p95] = this.quantiles(expected)
    this.pending[at + 1] = p05!
    this.pending[at + 2] = p95!
    this.pending[at + 3] = total
    this.pending[at + 4] = measured
  }

  /** The sum said at `origin` is complete. `total`: what has come in all. */
  learn(origin: number, total: number, measured: number): void {
    const at = this.row(origin)
    if (measured - this.pending[at + 4]! < measuredLeast * this.steps) return
    const [said, low, high] = [this.pending[at]!, this.pending[at + 1]!, this.pending[at + 2]!]
    const came = Math.max(0, total - this.pending[at + 3]!)
    if (origin >= this.cold) this.learnError(Math.sqrt(came) - Math.sqrt(said), said)
    this.low.update(came < Math.floor(low))
    this.high.update(came <= Math.ceil(high))
    const keep = 1 - 1 / Math.max(memory.least, memory.qualityDays * this.day)
    const { tally } = this
    tally.came = tally.came * keep + came
    tally.said = tally.said * keep + said
    tally.off = tally.off * keep + Math.abs(came - said)
    tally.within = tally.within * keep + (came >= Math.floor(low) && came <= Math.ceil(high) ? 1 : 0)
    tally.sums = tally.sums * keep + 1
  }

  private learnError(error: number, said: number): void {
    const keep = 1 - 1 / this.remembered
    this.errors.add(error / this.spread(said), keep)
    if (said > 0) {
      const rate = Math.max(0, Math.min(4, (4 * (error * error - chanceOfRoot)) / said))
      this.rate += (rate - this.rate) / Math.min(prior.rates + this.learned, this.remembered)
    }
    this.learned++
  }

  carry(archive: Archive): void {
    for (const key of Object.keys(this.tally) as Array<keyof SumTally>)
      this.tally[key] = archive.number(this.tally[key])
    for (const part of [this.errors, this.low, this.high]) part.carry(archive)
    this.rate = archive.number(this.rate)
    this.learned = archive.number(this.learned)
    archive.array(this.pending)
  }
}

/** Sums over some numbers of steps, said every so often; those between are interpolated. */
export class Sums {
  readonly longest: number
  private readonly sums: ReadonlyArray<SumOver>
  private readonly every: number
  /** All that has come, steps that were measured, and steps so far. */
  private total = 0
  private measured = 0
  private seen = 0

  /** `reaches`: the numbers of steps, ascending. `every`: steps between two that are said. `day`: steps of a day. */
  constructor(reaches: ReadonlyArray<number>, every: number, day: number) {
    this.every = every
    this.longest = reaches.at(-1)!
    this.sums = reaches.map((steps) => new SumOver(steps, every, day / every))
  }

  /** After a step. `said`: expectations of the coming steps, asked for when sums are to be said. */
  update(
    taken: number,
    measured: boolean,
    said: (steps: number) => ReadonlyArray<{ readonly expected: number }>
  ): void {
    const { every, sums } = this
    this.total += taken
    if (measured) this.measured++
    this.seen++
    for (const sum of sums) {
      const origin = this.seen - sum.steps
      if (origin > 0 && origin % every === 0) sum.learn(origin, this.total, this.measured)
    }
    if (this.seen % every !== 0) return
    let expected = 0
    let next = 0
    said(this.longest).forEach((step, i) => {
      expected += step.expected
      if (i + 1 === sums[next]!.steps) sums[next++]!.remember(this.seen, expected, this.total, this.measured)
    })
  }

  /** The interval of a sum over so many steps of which so much is expected. */
  within(steps: number, expected: number): SumQuantiles {
    const { sums } = this
    const after = sums.findIndex((sum) => sum.steps >= steps)
    const longer = sums[after === -1 ? sums.length - 1 : after]!
    const shorter = sums[after - 1] ?? longer
    const share = shorter === longer ? 0 : Math.log(steps / shorter.steps) / Math.log(longer.steps / shorter.steps)
    const [ofShorter, ofLonger] = [shorter.quantiles(expected), longer.quantiles(expected)]
    const at = (i: number) => (1 - share) * ofShorter[i]! + share * ofLonger[i]!
    const [p05, p50, p90, p95] = [at(0), at(1), at(2), at(3)]
    return { p05, p50: Math.max(p05, p50), p90: Math.max(p05, p50, p90), p95: Math.max(p05, p50, p90, p95) }
  }

  /** How sums did whose length is the nearest to so many steps. */
  tally(steps: number): SumTally {
    const off = (sum: SumOver) => Math.abs(Math.log(sum.steps / steps))
    return this.sums.reduce((nearest, sum) => (off(sum) < off(nearest) ? sum : nearest)).tally
  }

  carry(archive: Archive): void {
    for (const sum of this.sums) sum.carry(archive)
    this.total = archive.number(this.total)
    this.measured = archive.number(this.measured)
    this.seen = archive.number(this.seen)
  }
}
