import type { Archive } from "./Archive.ts"

/** Weeks over which what came on a weekday fades, and days of what is usual that it is drawn to it by. */
const weeks = 4
const prior = 0.5

/**
 * How far each weekday is above or below the mean of all days: what came on it relative to what is usual at those times of day. With it
 * two weeks tell of a weekday what a mean of each of its hours needs many weeks for. Of a weekday that was never seen nothing is known: 1.
 */
export class WeekdayLevels {
  private readonly came = new Float64Array(7)
  private readonly usual = new Float64Array(7)
  private readonly day: number
  /** Of a step, over all days. */
  private typical = 0
  private seen = 0

  /** `day`: steps of a day. */
  constructor(day: number) {
    this.day = day
  }

  /** `usual`: the mean count at that time of day so far; NaN without one. */
  update(weekday: number, count: number, usual: number): void {
    if (Number.isNaN(usual)) return
    const keep = 1 - 1 / (weeks * this.day)
    this.came[weekday] = this.came[weekday]! * keep + count
    this.usual[weekday] = this.usual[weekday]! * keep + usual
    this.seen++
    this.typical += (usual - this.typical) / Math.min(this.seen, weeks * 7 * this.day)
  }

  at(weekday: number): number {
    const known = prior * this.day * this.typical
    return known > 0 ? (this.came[weekday]! + known) / (this.usual[weekday]! + known) : 1
  }

  carry(archive: Archive): void {
    archive.array(this.came)
    archive.array(this.usual)
    this.typical = archive.number(this.typical)
    this.seen = archive.number(this.seen)
  }
}
