import type { Archive } from "./Archive.ts"
import { HourMeans } from "./HourMeans.ts"
import type { LocalCalendar } from "./LocalCalendar.ts"
import { SlotMean } from "./SlotMean.ts"
import { Smoothing } from "./Smoothing.ts"

/** Seasons that means are of. */
const meanOver = { days: 28, weeks: 8 }
/** Days over which the present level is taken, and counts by which it is taken to be as usual. */
const latelyDays = 2
const prior = 30

/**
 * Means of the same hours before, of counts: sums of them are sums to plan with. NaN: nothing was seen that it could be
 * the mean of.
 */
export interface UsualCount {
  readonly ofDay: number
  readonly ofWeek: number
  readonly ofWeekday: number
  readonly ofHour: number
  readonly overall: number
}

/**
 * What is usual at each time of the day and of the week, and how far the load of late is above or below it: what a load
 * that grows needs.
 */
export class Usual {
  /** By the step of the day. */
  readonly ofDay: SlotMean
  private readonly calendar: LocalCalendar
  private readonly byHour: HourMeans
  private readonly mean: Smoothing
  /** Neighbours that a step's mean is taken with: as noisy as a count while few days were seen. */
  private readonly reach: number
  /** Fading sums: what came, and what was usual where it came. */
  private came = 0
  private usualOfDay = 0
  private usualOfWeek = 0

  constructor(calendar: LocalCalendar) {
    const { day } = calendar
    this.calendar = calendar
    this.reach = Math.round(day / 288)
    this.ofDay = new SlotMean(day, meanOver.days)
    this.byHour = new HourMeans(day, meanOver)
    this.mean = new Smoothing(1 / (meanOver.days * day))
  }

  /**
   * Of few counts a step tells little by itself: it is drawn to its hour, the hour to the mean of all, that of a week
   * to its weekday.
   */
  at(step: number): UsualCount {
    const { byHour, calendar } = this
    const overall = this.mean.value
    const slot = calendar.slot(step, calendar.week)
    const weekday = byHour.weekday(slot, overall)
    const ofHour = byHour.at(slot, overall)
    const hour = Number.isNaN(ofHour) ? overall : ofHour
    const ofDay = hour * this.ofDay.relativeTo(hour, calendar.slot(step, calendar.day), this.reach, 1)
    return { ofDay, ofWeek: ofDay * byHour.ofTheWeek(slot, hour, weekday), ofWeekday: ofDay * weekday, ofHour, overall }
  }

  /** The present level relative to the means of the time of day and of the week. */
  get latelyOfDay(): number {
    return (this.came + prior) / (this.usualOfDay + prior)
  }

  get latelyOfWeek(): number {
    return (this.came + prior) / (this.usualOfWeek + prior)
  }

  update(step: number, count: number): void {
    const { calendar } = this
    const { ofDay, ofWeek } = this.at(step)
    if (!Number.isNaN(ofDay)) {
      const keep = 1 - 1 / (latelyDays * calendar.day)
      this.came = this.came * keep + count
      this.usualOfDay = this.usualOfDay * keep + ofDay
      this.usualOfWeek = this.usualOfWeek * keep + (Number.isNaN(ofWeek) ? ofDay : ofWeek)
    }
    this.ofDay.update(calendar.slot(step, calendar.day), count)
    this.byHour.update(calendar.slot(step, calendar.week), count)
    this.mean.update(count)
  }

  carry(archive: Archive): void {
    for (const part of [this.ofDay, this.byHour, this.mean]) part.carry(archive)
    this.came = archive.number(this.came)
    this.usualOfDay = archive.number(this.usualOfDay)
    this.usualOfWeek = archive.number(this.usualOfWeek)
  }
}
