import type { Archive } from "./Archive.ts"

/**
 * The level at which to read a quantile so that it comes true as often as it is meant to (I. Gibbs, E. Candès, Adaptive
 * conformal inference under distribution shift, 2021): each miss widens a little, each hit narrows by as much less as
 * misses are rarer. It stays within bounds: a run of luck does not make an interval empty, one of bad luck not
 * infinite.
 */
export class AdaptiveLevel {
  value: number
  private readonly target: number
  private readonly low: number
  private readonly high: number
  private readonly rate: number

  /** `rate`: step of the level after a forecast that the count fell outside of. */
  constructor(target: number, low: number, high: number, rate = 0.004) {
    this.value = target
    this.target = target
    this.low = low
    this.high = high
    this.rate = rate
  }

  /** `isBelow`: whether the count was not above the quantile. */
  update(isBelow: boolean): void {
    const next = this.value + this.rate * (this.target - (isBelow ? 1 : 0))
    this.value = Math.max(this.low, Math.min(this.high, next))
  }

  carry(archive: Archive): void {
    this.value = archive.number(this.value)
  }
}
