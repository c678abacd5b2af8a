import type { Archive } from "./Archive.ts"

/**
 * Weights of several forecasts of the same thing, learned from their errors: polynomially weighted averages with a rate for each (ML-Poly;
 * P. Gaillard, G. Stoltz, T. van Erven, A second-order bound with excess losses, 2014). A forecast gains regret when it would have drawn
 * the mixture nearer to what came, to first order of the loss, so that two forecasts which err to opposite sides are mixed.
 * No rate to choose. Old regrets fade, so that the mixture follows a change.
 */
export class Blend {
  readonly weights: Float64Array
  private readonly regrets: Float64Array
  private readonly squares: Float64Array
  private largest = 0

  constructor(size: number) {
    this.weights = new Float64Array(size).fill(1 / size)
    this.regrets = new Float64Array(size)
    this.squares = new Float64Array(size)
  }

  mix(forecasts: Float64Array, offset: number): number {
    let sum = 0
    for (let i = 0; i < this.weights.length; i++) sum += this.weights[i]! * forecasts[offset + i]!
    return sum
  }

  /** `slope`: of the loss at the mixture, -1 to 1: below 0 when the outcome was above it. `unit`: typical error. */
  update(forecasts: Float64Array, offset: number, mixture: number, slope: number, unit: number, keep: number): void {
    const { regrets, squares, weights } = this
    this.largest *= keep
    for (let i = 0; i < weights.length; i++) {
      const gain = (slope * (mixture - forecasts[offset + i]!)) / unit
      regrets[i] = regrets[i]! * keep + gain
      squares[i] = squares[i]! * keep + gain * gain
      this.largest = Math.max(this.largest, Math.abs(gain))
    }
    let total = 0
    for (let i = 0; i < weights.length; i++) {
      weights[i] = Math.max(0, regrets[i]!) / (squares[i]! + this.largest * this.largest + 1e-12)
      total += weights[i]!
    }
    for (let i = 0; i < weights.length; i++) weights[i] = total > 0 ? weights[i]! / total : 1 / weights.length
  }

  carry(archive: Archive): void {
    archive.array(this.weights)
    archive.array(this.regrets)
    archive.array(this.squares)
    this.largest = archive.number(this.largest)
  }
}
