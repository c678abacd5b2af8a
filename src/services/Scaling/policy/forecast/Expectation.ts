import type { Archive } from "./Archive.ts"
import { Blend } from "./Blend.ts"
import { expectationRidge, firstModels, meanModels } from "./Models.ts"

/** Of squared errors, which fall twice as fast as errors do. */
const sharpness = 15
/** Typical counts that a model's sum is taken to have been right by beforehand. */
const prior = 20
/** A model whose sum is off by more than this factor says nothing of sums. */
const most = 5
/** While less was seen than is remembered, the later half of it weighs three quarters. */
const recency = 2
/** Distances over which errors are smoothed before they are weighed, at most. */
const spanMost = 24
/**
 * Multiples of the distance over which means of the same hours before give way to what erred least: in one of them
 * hardly more than one thing happens.
 */
const enough = 2

/**
 * The expectation, from the same models as the central forecast. Models of roots and medians are below it where counts
 * are skewed (retransformation bias; N. Duan, Smearing estimate, 1983): each is multiplied so that what it said adds up
 * to what came. Of the results a mean by squared errors is taken, whose least is the expectation as that of absolute
 * errors is the median (T. Gneiting, Making and evaluating point forecasts, 2011).
 *
 * Errors are smoothed first over as many steps as the lead is about: what scatters from step to step is no model's
 * fault and adds up to nothing, what stays adds up in every sum.
 */
export class Expectation {
  private readonly blend: Blend
  private readonly said: Float64Array
  /** NaN: the model says nothing of sums. */
  private readonly factors: Float64Array
  /** Smoothed. */
  private readonly errors: Float64Array
  private readonly gain: number
  private readonly enough: number
  /** Only used within one call. */
  private readonly corrected: Float64Array
  private came = 0
  private seen = 0

  /** Of the lead about these distances. */
  constructor(models: number, from: number, to: number) {
    this.enough = enough * to
    this.blend = new Blend(models, { sharpness, power: 2 })
    this.said = new Float64Array(models)
    this.factors = new Float64Array(models).fill(1)
    this.errors = new Float64Array(models)
    this.corrected = new Float64Array(models)
    this.gain = 2 / (Math.min(to - from + 1, spanMost) + 1)
  }

  /** `rated`: what the regression for the expectation says, as a count. */
  of(forecasts: Float64Array, offset: number, rated: number): number {
    const { corrected, factors } = this
    for (let i = 0; i < factors.length; i++) corrected[i] = factors[i]! * forecasts[offset + i]!
    corrected[expectationRidge] = rated
    const mixed = this.blend.mix(corrected, 0)
    const untried = 1 - this.seen / this.enough
    if (untried <= 0) return mixed
    let sum = 0
    let known = 0
    for (const i of firstModels) {
      if (Number.isNaN(corrected[i]!)) continue
      sum += corrected[i]!
      known++
    }
    return (1 - untried) * mixed + (untried * sum) / known
  }

  /** `memory`: steps over which sums fade; `ofWeights`: and errors. */
  update(
    forecasts: Float64Array,
    offset: number,
    rated: number,
    count: number,
    memory: number,
    ofWeights: number
  ): void {
    const { errors, factors, said } = this
    this.seen++
    const gain = Math.max(Math.min(1, recency / this.seen), 1 / memory)
    this.came += gain * (count - this.came)
    const usual = this.came * prior * gain
    for (let i = 0; i < factors.length; i++) {
      const forecast = forecasts[offset + i]!
      if (!meanModels.has(i)) {
        said[i]! += gain * (forecast - said[i]!)
        const factor = this.came > 0 ? (this.came + usual) / (said[i]! + usual) : 1
        factors[i] = factor > most || factor < 1 / most ? Number.NaN : factor
      }
      const error = count - (i === expectationRidge ? rated : factors[i]! * forecast)
      errors[i] = Number.isNaN(errors[i]!) ? error : errors[i]! + this.gain * (error - errors[i]!)
    }
    this.blend.update(errors, 0, 0, ofWeights)
  }

  shorten(steps: number): void {
    this.blend.shorten(steps)
  }

  carry(archive: Archive): void {
    this.blend.carry(archive)
    for (const part of [this.said, this.factors, this.errors]) archive.array(part)
    this.came = archive.number(this.came)
    this.seen = archive.number(this.seen)
  }
}
