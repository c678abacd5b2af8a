import type { Archive } from "./Archive.ts"
import { SlotMean } from "./SlotMean.ts"

const hours = 24
/** Share of a day of usual counts that a weekday is taken to be as usual by. */
const prior = 0.5

/**
 * Mean counts by the hour of the day and of the week. Coarse enough that a single week tells something, which a mean of
 * each step of a week would not. An hour counts once it is over: its first steps are not like it.
 */
export class HourMeans {
  private readonly ofDay: SlotMean
  private readonly ofWeek: SlotMean
  /** Steps of an hour; less than 1 when steps are longer. */
  private readonly size: number
  /** The hour of the week that is under way. */
  private hour = -1
  private sum = 0
  private seen = 0

  /** `day`: steps of a day. Days and weeks that are remembered. */
  constructor(day: number, most: { readonly days: number; readonly weeks: number }) {
    this.size = day / hours
    this.ofDay = new SlotMean(hours, Math.max(1, most.days * this.size))
    this.ofWeek = new SlotMean(7 * hours, Math.max(1, most.weeks * this.size))
  }

  /** `slot`: of the week. */
  update(slot: number, count: number): void {
    const hour = this.hourOf(slot)
    if (hour !== this.hour && this.seen > 0) {
      this.ofDay.update(this.hour % hours, this.sum / this.seen, this.seen)
      this.ofWeek.update(this.hour, this.sum / this.seen, this.seen)
      this.sum = 0
      this.seen = 0
    }
    this.hour = hour
    this.sum += count
    this.seen++
  }

  private hourOf(slot: number): number {
    return Math.floor(slot / this.size) % (7 * hours)
  }

  /** Mean count of a step in that hour of the day, drawn to the mean of all; NaN when it was never seen. */
  at(slot: number, overall: number): number {
    return overall * this.ofDay.relativeTo(overall, this.hourOf(slot) % hours, 0, 1)
  }

  /** How far that weekday is above or below the mean of all days, at the hours it was seen; 1 when it was not. */
  weekday(slot: number, overall: number): number {
    const { ofDay, ofWeek } = this
    const first = Math.floor(this.hourOf(slot) / hours) * hours
    const usually = prior * hours * this.size * overall
    let [came, usual] = [usually, usually]
    for (let hour = 0; hour < hours; hour++) {
      const seen = ofWeek.seasonsAt(first + hour)
      if (seen === 0) continue
      came += seen * ofWeek.at(first + hour, 0)
      usual += seen * ofDay.at(hour, 0)
    }
    return usual > 0 ? came / usual : 1
  }

  /**
   * How far that hour of the week is above or below the same hour of all days, `usual`; drawn to its weekday. NaN when
   * it was never seen.
   */
  ofTheWeek(slot: number, usual: number, weekday: number): number {
    return this.ofWeek.relativeTo(usual, this.hourOf(slot), 0, weekday)
  }

  carry(archive: Archive): void {
    for (const part of [this.ofDay, this.ofWeek]) part.carry(archive)
    this.hour = archive.number(this.hour)
    this.sum = archive.number(this.sum)
    this.seen = archive.number(this.seen)
  }
}
