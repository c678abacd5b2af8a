import type { Archive } from "./Archive.ts"

/**
 * Simple exponential smoothing (R. G. Brown, 1956): a level that takes the share `gain` of each new value. The first
 * values are averaged.
 */
export class Smoothing {
  value = 0
  private seen = 0
  private readonly gain: number

  constructor(gain: number) {
    this.gain = gain
  }

  update(value: number): void {
    this.seen++
    this.value += Math.max(this.gain, 1 / this.seen) * (value - this.value)
  }

  carry(archive: Archive): void {
    this.value = archive.number(this.value)
    this.seen = archive.number(this.seen)
  }
}
