import type { Archive } from "./Archive.ts"

/** Values are counted in bins of this width in the middle, growing outwards: bin i covers asinh(value) × this many. */
const binsPerUnit = 12
const reach = 60
const bins = 2 * reach + 1

/**
 * Quantiles of a stream of values around 0 of order 1, of which old ones fade: a histogram on the scale of asinh, fine
 * near 0, wide far from it. Errors of forecasts so kept, taken as the errors to come, are conformal prediction (V.
 * Vovk, A. Gammerman, G. Shafer, Algorithmic Learning in a Random World, 2005) with fading weights (R. F. Barber, E. J.
 * Candès, A. Ramdas, R. J. Tibshirani, 2023).
 */
export class ErrorQuantiles {
  private readonly counts = new Float32Array(bins)
  private total = 0
  /**
   * Before anything was seen: these many values spread as a normal distribution, so that the first quantiles are not
   * those of a few.
   */
  constructor(prior: number) {
    for (let i = 0; i < bins; i++) {
      const value = Math.sinh((i - reach) / binsPerUnit)
      const density = Math.exp((-value * value) / 3.1) * Math.cosh((i - reach) / binsPerUnit)
      this.counts[i] = density
      this.total += density
    }
    for (let i = 0; i < bins; i++) this.counts[i]! *= prior / this.total
    this.total = prior
  }

  add(value: number, keep: number): void {
    const { counts } = this
    let total = 0
    for (let i = 0; i < bins; i++) total += counts[i] = counts[i]! * keep
    const at = Math.max(0, Math.min(bins - 1, Math.asinh(value) * binsPerUnit + reach))
    const low = Math.floor(at)
    const share = at - low
    counts[low]! += 1 - share
    if (share > 0) counts[low + 1]! += share
    this.total = total + 1
  }

  /** Linear between the bins. */
  at(level: number): number {
    const { counts } = this
    const wanted = level * this.total
    let sum = 0
    for (let i = 0; i < bins; i++) {
      const count = counts[i]!
      if (sum + count >= wanted) {
        const share = count > 0 ? (wanted - sum) / count : 0.5
        return Math.sinh((i - 0.5 + share - reach) / binsPerUnit)
      }
      sum += count
    }
    return Math.sinh(reach / binsPerUnit)
  }

  carry(archive: Archive): void {
    archive.array(this.counts)
    this.total = archive.number(this.total)
  }
}
