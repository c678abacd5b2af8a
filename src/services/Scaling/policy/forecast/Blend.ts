import type { Archive } from "./Archive.ts"

/** How errors become weights. */
export interface BlendOptions {
  /**
   * How sharply weights fall with the error: at 30, a forecast whose recent error is 1 % larger than the best one's
   * weighs 30 % less. Between an average of all (0) and the single best (infinity).
   */
  readonly sharpness: number
  /** Of errors: 1 looks for the median, 2 for the expectation. */
  readonly power: 1 | 2
}

const usual: BlendOptions = { sharpness: 30, power: 1 }
/**
 * Losses count for at most so many typical ones: a spike that nobody foresaw does not decide who is best. Far more of
 * squares, since an expectation of what comes rarely is made of what came rarely.
 */
const farthest = { 1: 8, 2: 1000 } as const
/**
 * While less was seen than is remembered, the later half of it weighs three quarters: models that had not learned yet
 * are not held to that.
 */
const recency = 2

/**
 * Weights of several forecasts of the same thing, by their recent errors: the exponentially weighted average (N.
 * Littlestone, M. K. Warmuth, The weighted majority algorithm, 1994; V. Vovk, 1990) with errors that fade and the best
 * one as their unit. A mixture of forecasts that err differently errs less than the best of them (J. M. Bates, C. W. J.
 * Granger, 1969). The fading errors are its inertia: weights move over hundreds of steps, not with the last one.
 */
export class Blend {
  readonly weights: Float64Array
  private readonly options: BlendOptions
  private readonly errors: Float64Array
  private typical = 0
  private seen = 0

  constructor(size: number, options: BlendOptions = usual) {
    this.options = options
    this.weights = new Float64Array(size).fill(1 / size)
    this.errors = new Float64Array(size)
  }

  /** NaN: that forecast is not known yet. */
  mix(forecasts: Float64Array, offset: number): number {
    let sum = 0
    let total = 0
    for (let i = 0; i < this.weights.length; i++) {
      const forecast = forecasts[offset + i]!
      if (Number.isNaN(forecast)) continue
      sum += this.weights[i]! * forecast
      total += this.weights[i]!
    }
    return sum / total
  }

  /** `memory`: steps over which errors fade. */
  update(forecasts: Float64Array, offset: number, outcome: number, memory: number): void {
    const { errors, weights } = this
    const { power, sharpness } = this.options
    this.seen++
    const gain = Math.max(Math.min(1, recency / this.seen), 1 / memory)
    const loss = (error: number) => (power === 1 ? error : error * error)
    this.typical += gain * (loss(Math.abs(outcome - this.mix(forecasts, offset))) - this.typical)
    const limit = farthest[power] * this.typical
    let best = Number.POSITIVE_INFINITY
    for (let i = 0; i < errors.length; i++) {
      if (Number.isNaN(forecasts[offset + i]!)) continue
      const error = Math.min(limit, loss(Math.abs(outcome - forecasts[offset + i]!)))
      errors[i]! += gain * (error - errors[i]!)
      best = Math.min(best, errors[i]!)
    }
    let total = 0
    for (let i = 0; i < errors.length; i++) {
      // Nothing is held against what was not known (specialists: Y. Freund and others, 1997): it begins as the best
      // one's equal.
      if (Number.isNaN(forecasts[offset + i]!)) errors[i] = best
      weights[i] = best > 0 ? Math.exp(sharpness * (1 - errors[i]! / best)) : errors[i] === best ? 1 : 0
      total += weights[i]!
    }
    for (let i = 0; i < errors.length; i++) weights[i]! /= total
  }

  /** Lets what was seen so far fade as if errors were remembered over `steps`. */
  shorten(steps: number): void {
    this.seen = Math.min(this.seen, recency * steps)
  }

  carry(archive: Archive): void {
    archive.array(this.weights)
    archive.array(this.errors)
    this.typical = archive.number(this.typical)
    this.seen = archive.number(this.seen)
  }
}
