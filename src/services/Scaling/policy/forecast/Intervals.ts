import { AdaptiveLevel } from "./AdaptiveLevel.ts"
import type { Archive } from "./Archive.ts"
import { ErrorQuantiles } from "./ErrorQuantiles.ts"
import { negativeBinomialQuantiles } from "./NegativeBinomial.ts"

/** Quantiles of one future count. */
export interface Quantiles {
  readonly p05: number
  readonly p50: number
  readonly p90: number
  readonly p95: number
}

/** Expectations up to which counts are taken for a negative binomial, fading out up to the second. */
const few = { up: 8, end: 16 }
/** Virtual errors, of a normal distribution, that a lead starts with. */
const prior = 60

/**
 * The intervals of one lead. Errors of roots, in units of the spread that was expected of them, are kept, and their
 * quantiles are the quantiles to come (split-conformal with a local scale: J. Lei, M. G'Sell, A. Rinaldo, R. J.
 * Tibshirani, L. Wasserman, 2018). Where few arrive, roots of counts are not continuous; there a negative binomial is
 * laid through expectation and observed dispersion. The two are mixed by how well their p90 did (pinball loss). The
 * levels that p05 and p95 are read at adapt.
 */
export class Intervals {
  private readonly errors = new ErrorQuantiles(prior)
  private readonly low = new AdaptiveLevel(0.05, 0.02, 0.1)
  /** Errors at the levels, until the next count. */
  private atLevels: ReadonlyArray<number> | undefined
  private readonly high = new AdaptiveLevel(0.95, 0.9, 0.98)
  /** Fading sums: of squared errors of the expectation beyond Poisson's, and of its squares. */
  private excess = 0
  private squares = 0
  /** Fading losses of the two p90. */
  private continuousLoss = 0
  private discreteLoss = 0

  quantiles(mean: number, expected: number, spread: number): Quantiles {
    const continuous = this.continuous(mean, spread)
    const share = this.discreteShare(expected)
    if (share === 0) return continuous
    const discrete = this.discrete(expected)
    const mix = (of: keyof Quantiles) => share * discrete[of] + (1 - share) * continuous[of]
    return { p05: mix("p05"), p50: mix("p50"), p90: mix("p90"), p95: mix("p95") }
  }

  private levels(): ReadonlyArray<number> {
    return [this.low.value, 0.5, 0.9, this.high.value]
  }

  private errorsAtLevels(): ReadonlyArray<number> {
    this.atLevels ??= this.levels().map((level) => this.errors.at(level))
    return this.atLevels
  }

  continuous(mean: number, spread: number): Quantiles {
    const root = Math.sqrt(mean)
    const [p05, p50, p90, p95] = this.errorsAtLevels().map((error) => Math.max(0, root + spread * error) ** 2)
    return { p05: p05!, p50: p50!, p90: p90!, p95: p95! }
  }

  discrete(expected: number): Quantiles {
    const dispersion = this.squares > 0 ? Math.max(0, this.excess / this.squares) : 0.5
    const [p05, p50, p90, p95] = negativeBinomialQuantiles(expected, dispersion, this.levels())
    return { p05: p05!, p50: p50!, p90: p90!, p95: p95! }
  }

  private discreteShare(expected: number): number {
    if (expected >= few.end) return 0
    const better = Math.min(this.continuousLoss, this.discreteLoss)
    if (!(better > 0)) return 0.5
    const weight = (loss: number) => Math.exp(30 * (1 - loss / better))
    const share = weight(this.discreteLoss) / (weight(this.discreteLoss) + weight(this.continuousLoss))
    return expected <= few.up ? share : (share * (few.end - expected)) / (few.end - few.up)
  }

  /** Learns from a count: what was expected of it, and the p90 of either kind and the interval that were told. */
  update(
    count: number,
    told: {
      readonly mean: number
      readonly expected: number
      readonly spread: number
      readonly low: number
      readonly high: number
      readonly continuousNinety: number
      readonly discreteNinety: number
    },
    memory: number
  ): void {
    const keep = 1 - 1 / memory
    this.atLevels = undefined
    this.errors.add((Math.sqrt(count) - Math.sqrt(told.mean)) / told.spread, keep)
    this.low.update(count < Math.floor(told.low))
    this.high.update(count <= Math.ceil(told.high))
    const { expected } = told
    // One burst is not what counts scatter like.
    const off = Math.min(Math.abs(count - expected), 12 * Math.sqrt(expected + 1))
    this.excess = this.excess * keep + off * off - expected
    this.squares = this.squares * keep + expected * expected
    const loss = (quantile: number) => (count > quantile ? 0.9 * (count - quantile) : 0.1 * (quantile - count))
    this.continuousLoss = this.continuousLoss * keep + loss(told.continuousNinety)
    this.discreteLoss = this.discreteLoss * keep + loss(told.discreteNinety)
  }

  carry(archive: Archive): void {
    for (const part of [this.errors, this.low, this.high]) part.carry(archive)
    this.atLevels = undefined
    this.excess = archive.number(this.excess)
    this.squares = archive.number(this.squares)
    this.continuousLoss = archive.number(this.continuousLoss)
    this.discreteLoss = archive.number(this.discreteLoss)
  }
}
