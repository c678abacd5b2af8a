import type { Archive } from "./Archive.ts"

/**
 * A typical value for each slot of a season: an exponentially weighted mean of what was seen there, one season after
 * the other (the seasonal index of C. C. Holt, 1957, and P. R. Winters, 1960, without level and trend). A slot's first
 * value is taken as it is.
 */
export class SlotProfile {
  private readonly values: Float32Array
  private readonly gain: number

  /** `gain`: share of a new value in its slot. */
  constructor(slots: number, gain: number) {
    this.values = new Float32Array(slots).fill(Number.NaN)
    this.gain = gain
  }

  update(slot: number, value: number): void {
    const old = this.values[slot]!
    this.values[slot] = Number.isNaN(old) ? value : old + this.gain * (value - old)
  }

  /** Mean over the slot and its neighbours up to `reach` away, those never seen left out; NaN when none was. */
  at(slot: number, reach: number): number {
    const { length } = this.values
    let sum = 0
    let known = 0
    for (let i = -reach; i <= reach; i++) {
      const value = this.values[(((slot + i) % length) + length) % length]!
      if (!Number.isNaN(value)) {
        sum += value
        known++
      }
    }
    return known === 0 ? Number.NaN : sum / known
  }

  carry(archive: Archive): void {
    archive.array(this.values)
  }
}
