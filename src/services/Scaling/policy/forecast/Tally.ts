import type { Archive } from "./Archive.ts"
import { countingNoise } from "./CountingNoise.ts"

/** What was said of a step, and what the naive forecasts would have. */
export interface Said {
  readonly mean: number
  readonly expected: number
  readonly low: number
  readonly high: number
  readonly last: number
  readonly yesterday: number
}

/** Fading sums over forecasts that met their counts. */
export class Tally {
  counts = 0
  errors = 0
  errorsOfLast = 0
  errorsOfYesterday = 0
  noise = 0
  covered = 0
  forecasts = 0

  update(count: number, said: Said, keep: number): void {
    this.counts = this.counts * keep + count
    this.errors = this.errors * keep + Math.abs(count - said.mean)
    this.errorsOfLast = this.errorsOfLast * keep + Math.abs(count - said.last)
    this.errorsOfYesterday = this.errorsOfYesterday * keep + Math.abs(count - said.yesterday)
    this.noise = this.noise * keep + countingNoise(said.expected)
    const isCovered = count >= Math.floor(said.low) && count <= Math.ceil(said.high)
    this.covered = this.covered * keep + (isCovered ? 1 : 0)
    this.forecasts = this.forecasts * keep + 1
  }

  carry(archive: Archive): void {
    this.counts = archive.number(this.counts)
    this.errors = archive.number(this.errors)
    this.errorsOfLast = archive.number(this.errorsOfLast)
    this.errorsOfYesterday = archive.number(this.errorsOfYesterday)
    this.noise = archive.number(this.noise)
    this.covered = archive.number(this.covered)
    this.forecasts = archive.number(this.forecasts)
  }
}
