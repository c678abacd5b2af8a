import type { Archive } from "./Archive.ts"

/** Shares that level, trend and season take of each new value, and how much of the trend is left one step later. */
const gains = { level: 0.2, trend: 0.01, season: 0.25, damping: 0.95 }

/**
 * Level, damped trend and additive season, each smoothed (C. C. Holt, 1957; P. R. Winters, 1960; damping by E. S.
 * Gardner, E. McKenzie, 1985). On square roots, where a season that multiplies the level is nearly one that adds to it.
 */
export class HoltWinters {
  private readonly season: Float32Array
  private level = 0
  private trend = 0
  private seen = 0

  constructor(slots: number) {
    this.season = new Float32Array(slots).fill(Number.NaN)
  }

  private seasonal(slot: number): number {
    const value = this.season[slot]!
    return Number.isNaN(value) ? 0 : value
  }

  update(slot: number, value: number): void {
    this.seen++
    const share = (gain: number) => Math.max(gain, 1 / this.seen)
    const before = this.level + gains.damping * this.trend
    const level = before + share(gains.level) * (value - this.seasonal(slot) - before)
    if (this.seen > 1) this.trend = gains.damping * this.trend + gains.trend * (level - before)
    this.level = level
    const old = this.season[slot]!
    this.season[slot] = Number.isNaN(old) ? value - level : old + gains.season * (value - level - old)
  }

  /** `ahead` steps on, where the season is at `slot`. */
  at(ahead: number, slot: number): number {
    const reach = (gains.damping * (1 - gains.damping ** ahead)) / (1 - gains.damping)
    return this.level + reach * this.trend + this.seasonal(slot)
  }

  carry(archive: Archive): void {
    archive.array(this.season)
    this.level = archive.number(this.level)
    this.trend = archive.number(this.trend)
    this.seen = archive.number(this.seen)
  }
}
