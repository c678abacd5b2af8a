/**
 * Where steps lie in the local calendar. Seasons follow the local time of day: when the clocks change, the same time
 * yesterday is 23 or 25 hours ago.
 */
export class LocalCalendar {
  /** Steps of a day and of a week. */
  readonly day: number
  readonly week: number
  private readonly ahead: (step: number) => number

  /** `offsetSeconds`: how far local time is ahead of UTC at a step. */
  constructor(stepSeconds: number, offsetSeconds: ((step: number) => number) | undefined) {
    this.day = Math.max(1, Math.round(86_400 / stepSeconds))
    this.week = Math.max(1, Math.round(604_800 / stepSeconds))
    this.ahead = offsetSeconds === undefined ? () => 0 : (step) => Math.round(offsetSeconds(step) / stepSeconds)
  }

  /** The step at the same local time `period` steps before, in a calendar without changes of the clock. */
  back(step: number, period: number): number {
    return step - period + this.ahead(step) - this.ahead(step - period)
  }

  /** Which slot of a season of `period` steps a step falls into, by local time; from 0. */
  slot(step: number, period: number): number {
    return (((step + this.ahead(step)) % period) + period) % period
  }
}
