import type { Archive } from "./Archive.ts"
import { History } from "./History.ts"
import { SlotProfile } from "./SlotProfile.ts"

/** What all models share: the history, levels and profiles. Everything on the square-root scale. */
export class Series {
  readonly history: History
  readonly day: number
  readonly week: number
  readonly ofDay: SlotProfile
  readonly ofWeek: SlotProfile
  readonly missOfDay: SlotProfile
  ema144 = 0
  emaDay = 0
  /** Changed once per step: shift in steps of the local calendar at a step. */
  readonly shift: (step: number) => number

  constructor(stepSeconds: number, horizon: number, shift: (step: number) => number) {
    this.day = Math.max(1, Math.round(86400 / stepSeconds))
    this.week = Math.max(1, Math.round(604800 / stepSeconds))
    this.history = new History(2 * this.week + horizon + 64)
    this.ofDay = new SlotProfile(this.day, 0.2)
    this.ofWeek = new SlotProfile(this.week, 0.4)
    this.missOfDay = new SlotProfile(this.day, 0.1)
    this.shift = shift
  }

  /** The last step seen. */
  get last(): number {
    return this.history.length - 1
  }

  /** The step that lies `period` before in the local calendar. */
  back(step: number, period: number): number {
    return step - period + this.shift(step) - this.shift(step - period)
  }

  slotOfDay(step: number): number {
    return (((step + this.shift(step)) % this.day) + this.day) % this.day
  }

  slotOfWeek(step: number): number {
    return (((step + this.shift(step)) % this.week) + this.week) % this.week
  }

  push(root: number): void {
    this.history.push(root)
    const step = this.last
    const ease = (old: number, span: number) => old + (root - old) / Math.min(step + 1, span)
    this.ema144 = ease(this.ema144, Math.min(144, this.day))
    this.emaDay = ease(this.emaDay, this.day * 2)
    this.ofDay.update(this.slotOfDay(step), root)
    this.ofWeek.update(this.slotOfWeek(step), root)
  }

  carry(archive: Archive): void {
    this.history.carry(archive)
    this.ofDay.carry(archive)
    this.ofWeek.carry(archive)
    this.missOfDay.carry(archive)
    this.ema144 = archive.number(this.ema144)
    this.emaDay = archive.number(this.emaDay)
  }
}
