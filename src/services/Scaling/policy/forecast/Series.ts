import { Analogs } from "./Analogs.ts"
import type { Archive } from "./Archive.ts"
import { History } from "./History.ts"
import { HoltWinters } from "./HoltWinters.ts"
import { Intermittent } from "./Intermittent.ts"
import type { LocalCalendar } from "./LocalCalendar.ts"
import { Seasons } from "./Seasons.ts"
import { SlotProfile } from "./SlotProfile.ts"
import { Smoothing } from "./Smoothing.ts"
import { Usual } from "./Usual.ts"

/** Shares a profile's slot takes of its new value: about the last five days, and the last two or three weeks. */
const profileGains = { day: 0.2, week: 0.4 }

/**
 * What all models of a series have in common: its history, levels, profiles and seasons. Values are square roots of
 * counts.
 */
export class Series {
  readonly calendar: LocalCalendar
  readonly history: History
  readonly analogs: Analogs
  readonly seasons: Seasons
  readonly ofDay: SlotProfile
  readonly ofWeek: SlotProfile
  /** Levels over about a fifth of a day to half a day, and over some days. */
  readonly ofHours: Smoothing
  readonly ofDays: Smoothing
  readonly fast = new Smoothing(0.4)
  readonly slow = new Smoothing(0.05)
  readonly usual: Usual
  readonly winters: HoltWinters
  readonly intermittent = new Intermittent()

  constructor(calendar: LocalCalendar, horizon: number) {
    this.calendar = calendar
    this.history = new History(4 * calendar.week + Math.max(horizon, calendar.day) + 64)
    this.analogs = new Analogs(calendar, this.history)
    this.seasons = new Seasons(calendar)
    this.ofDay = new SlotProfile(calendar.day, profileGains.day)
    this.ofWeek = new SlotProfile(calendar.week, profileGains.week)
    this.ofHours = new Smoothing(1 / Math.min(144, calendar.day))
    this.ofDays = new Smoothing(1 / (2 * calendar.day))
    this.usual = new Usual(calendar)
    this.winters = new HoltWinters(calendar.day)
  }

  /** The last step seen. */
  get last(): number {
    return this.history.length - 1
  }

  /**
   * Adds a step; a missing one with what was expected, of which nothing is learned. Answers whether another third
   * season is tried.
   */
  push(root: number, measured: boolean): boolean {
    const { calendar } = this
    this.history.push(root)
    if (measured) {
      const slotOfDay = calendar.slot(this.last, calendar.day)
      const slotOfWeek = calendar.slot(this.last, calendar.week)
      for (const level of [this.ofHours, this.ofDays, this.fast, this.slow]) level.update(root)
      this.ofDay.update(slotOfDay, root)
      this.ofWeek.update(slotOfWeek, root)
      this.winters.update(slotOfDay, root)
      const count = root * root
      this.usual.update(this.last, count)
      this.intermittent.update(count)
    }
    return this.seasons.update(this.history, measured)
  }

  carry(archive: Archive): void {
    for (const part of [
      this.history,
      this.seasons,
      this.ofDay,
      this.ofWeek,
      this.ofHours,
      this.ofDays,
      this.fast,
      this.slow,
      this.usual,
      this.winters,
      this.intermittent
    ]) {
      part.carry(archive)
    }
  }
}
