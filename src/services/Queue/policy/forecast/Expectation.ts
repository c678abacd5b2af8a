import type { Archive } from "./Archive.ts"
import { Blend } from "./Blend.ts"

/** Of squared errors, which fall twice as fast as errors do. */
const sharpness = 15
/** Typical counts that a model's sum is taken to have been right by beforehand; and the furthest it is corrected by. */
const prior = 20
const most = 5

/**
 * The expectation, from the same models as the central forecast. Models of roots and medians are below it where counts are skewed (retransformation
 * bias; N. Duan, Smearing estimate, 1983), a mean of weeks is behind a load that grows: each model is multiplied so that what it said adds up to what came. Of the
 * results a mean by squared errors is taken, whose least is the expectation as that of absolute errors is the median (T. Gneiting, Making and evaluating
 * point forecasts, 2011).
 */
export class Expectation {
  private readonly blend: Blend
  private readonly said: Float64Array
  private readonly factors: Float64Array
  private readonly corrected: Float64Array
  private came = 0
  private seen = 0

  constructor(models: number) {
    this.blend = new Blend(models, { sharpness, power: 2 })
    this.said = new Float64Array(models)
    this.factors = new Float64Array(models).fill(1)
    this.corrected = new Float64Array(models)
  }

  of(forecasts: Float64Array, offset: number): number {
    const { factors } = this
    const { weights } = this.blend
    let sum = 0
    for (let i = 0; i < factors.length; i++) sum += weights[i]! * factors[i]! * forecasts[offset + i]!
    return sum
  }

  /** `memory`: steps over which sums fade; `ofWeights`: and errors. */
  update(forecasts: Float64Array, offset: number, count: number, memory: number, ofWeights: number): void {
    const { corrected, factors, said } = this
    for (let i = 0; i < factors.length; i++) corrected[i] = factors[i]! * forecasts[offset + i]!
    this.blend.update(corrected, 0, count, ofWeights)
    const keep = 1 - 1 / memory
    this.seen = this.seen * keep + 1
    this.came = this.came * keep + count
    const usual = (prior * this.came) / this.seen
    for (let i = 0; i < factors.length; i++) {
      said[i] = said[i]! * keep + forecasts[offset + i]!
      const factor = this.came > 0 ? (this.came + usual) / (said[i]! + usual) : 1
      factors[i] = Math.max(1 / most, Math.min(most, factor))
    }
  }

  shorten(steps: number): void {
    this.blend.shorten(steps)
  }

  carry(archive: Archive): void {
    this.blend.carry(archive)
    archive.array(this.said)
    archive.array(this.factors)
    this.came = archive.number(this.came)
    this.seen = archive.number(this.seen)
  }
}
