import type { Archive } from "./Archive.ts"
import { strongestPeriod } from "./Autocorrelation.ts"
import type { History } from "./History.ts"
import type { LocalCalendar } from "./LocalCalendar.ts"
import { SlotProfile } from "./SlotProfile.ts"

/**
 * A season is in use when its forecasts err less than those without it by this factor, and until they no longer err
 * less.
 */
const confirmedBelow = 0.95
const lostAbove = 1
/** Steps over which errors of the backtest fade, as a multiple of the season; never fewer than the second. */
const memory = { seasons: 3, steps: 200 }
/** Steps between two looks for a season that no calendar names, and the values one look goes over. */
const lookEvery = 256
const lookOver = 768
/** Steps of one value's own neighbourhood, before which a repeat is only smoothness. */
const shortest = 4

/**
 * One candidate and its standing backtest: at each step, the forecast made one step earlier by repeating the season,
 * moved to today's level.
 */
class Candidate {
  private error = 0
  private plain = 0
  private seen = 0
  confirmed = false

  test(history: History, back: (step: number, period: number) => number, period: number): void {
    const step = history.length - 1
    const lead = Math.max(1, Math.min(12, Math.floor(period / 4)))
    const origin = step - lead
    const then = back(step, period)
    if (!history.has(then) || !history.has(then - lead - 3)) return
    this.seen++
    const gain = Math.max(1 / this.seen, 1 / Math.max(memory.steps, memory.seasons * period))
    const level = history.mean(origin, 4)
    const seasonal = history.mean(then + 1, 3) + 0.7 * (level - history.mean(then - lead, 4))
    this.error += gain * (Math.abs(history.at(step) - seasonal) - this.error)
    this.plain += gain * (Math.abs(history.at(step) - level) - this.plain)
    if (this.seen < Math.min(period, 200)) return
    if (this.error < confirmedBelow * this.plain) this.confirmed = true
    else if (this.error > lostAbove * this.plain) this.confirmed = false
  }

  clear(): void {
    this.error = 0
    this.plain = 0
    this.seen = 0
    this.confirmed = false
  }

  carry(archive: Archive): void {
    this.error = archive.number(this.error)
    this.plain = archive.number(this.plain)
    this.seen = archive.number(this.seen)
    this.confirmed = archive.number(this.confirmed ? 1 : 0) === 1
  }
}

/**
 * Which seasons a series has: day and week are always tried, a third one when its autocorrelation shows it; each is
 * believed only once forecasts by it have been better than without for a season or so, and dropped when they no longer
 * are.
 */
export class Seasons {
  private readonly calendar: LocalCalendar
  private readonly ofDay = new Candidate()
  private readonly ofWeek = new Candidate()
  private readonly ofOther = new Candidate()
  /** The third period, in steps; 0 when none is tried. Its profile has values of its slots. */
  other = 0
  profile = new SlotProfile(0, 0.2)

  constructor(calendar: LocalCalendar) {
    this.calendar = calendar
  }

  get day(): boolean {
    return this.ofDay.confirmed
  }

  get week(): boolean {
    return this.ofWeek.confirmed
  }

  get hasOther(): boolean {
    return this.other > 0 && this.ofOther.confirmed
  }

  /** Periods in use, in steps, the shortest first. */
  get confirmed(): ReadonlyArray<number> {
    const periods = [
      this.ofOther.confirmed ? this.other : 0,
      this.ofDay.confirmed ? this.calendar.day : 0,
      this.ofWeek.confirmed ? this.calendar.week : 0
    ]
    return periods.filter((period) => period > 0).sort((a, b) => a - b)
  }

  /** After a count was added to the history. Answers whether another third period is tried from now on. */
  update(history: History, measured: boolean): boolean {
    const { calendar } = this
    const step = history.length - 1
    const local = (at: number, period: number) => calendar.back(at, period)
    if (this.other > 0) this.profile.update(step % this.other, history.at(step))
    if (measured) {
      if (calendar.day > shortest) this.ofDay.test(history, local, calendar.day)
      if (calendar.week > shortest) this.ofWeek.test(history, local, calendar.week)
      if (this.other > 0) this.ofOther.test(history, (at, period) => at - period, this.other)
    }
    return history.length % lookEvery === 0 && this.look(history)
  }

  /** Values of the third season relative to `level` at a step; 0 when there is none. */
  otherAt(step: number, level: number): number {
    if (!this.hasOther) return 0
    const value = this.profile.at(step % this.other, 0)
    return Number.isNaN(value) ? 0 : value - level
  }

  private look(history: History): boolean {
    const last = history.length - 1
    const kept = Math.min(history.length, 3 * this.calendar.week)
    for (const width of [1, Math.max(2, Math.ceil(kept / lookOver))]) {
      const length = Math.min(lookOver, Math.floor(kept / width))
      const values = Float64Array.from({ length }, (_, i) => history.mean(last - (length - 1 - i) * width, width))
      const period = (strongestPeriod(values) ?? 0) * width
      if (period < shortest || this.isKnown(period, width)) continue
      if (this.other > 0 && (this.ofOther.confirmed || Math.abs(period - this.other) <= width)) return false
      this.other = period
      this.profile = new SlotProfile(period, 0.2)
      for (let step = Math.max(0, history.length - 3 * period); step <= last; step++) {
        if (history.has(step)) this.profile.update(step % period, history.at(step))
      }
      this.ofOther.clear()
      return true
    }
    return false
  }

  /** Whether a period is a day or a week, or several of them, as near as the look can tell. */
  private isKnown(period: number, within: number): boolean {
    const { day, week } = this.calendar
    const days = Math.max(1, Math.round(period / day))
    return Math.abs(period - days * day) <= Math.max(within, 0.03 * period) || Math.abs(period - week) <= within
  }

  carry(archive: Archive): void {
    for (const candidate of [this.ofDay, this.ofWeek, this.ofOther]) candidate.carry(archive)
    const kept = archive.number(this.other)
    // From a damaged state it may be anything.
    const other = kept >= 0 && kept <= 3 * this.calendar.week ? Math.floor(kept) : 0
    if (other !== this.other) this.profile = new SlotProfile(other, 0.2)
    this.other = other
    this.profile.carry(archive)
  }
}
