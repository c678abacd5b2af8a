import type { History } from "./History.ts"
import type { LocalCalendar } from "./LocalCalendar.ts"

/** Days back that are compared with now, at the same time of day. */
export const analogDays = 28
/** Where the recent course is looked at: so many windows back, each a quarter of an hour or one step. */
const windows = [0, 1, 2, 3, 4, 6, 8, 12, 16, 24]
/** Windows of a day: the longer the step, the longer the course that is compared, up to a day. */
const windowsOfDay = 96
const grainsOfDay = 288
/**
 * Of a difference in level: how much of it is expected throughout the course, and what it counts for by itself, in
 * windows.
 */
const shift = { expected: 0.6, weight: 4 }
/** Weights fall by e at this share of the third nearest day's squared distance: two to five days count. */
const bandwidth = 0.4
const nearestForScale = 2
const fewest = 3

/**
 * Past days whose course until this time of day was most like the present one, and what they went on with: a
 * nearest-neighbour forecast with a kernel (S. Yakowitz, Nearest-neighbour methods for time series analysis, 1987).
 * What regressions on fixed lags cannot say: that the weekday, the kind of day or the stage of an incident repeats
 * which now resembles most. Holds no state of its own; follows from the history.
 */
export class Analogs {
  private readonly calendar: LocalCalendar
  private readonly history: History
  private readonly distances = new Float64Array(analogDays)
  private readonly weights = new Float64Array(analogDays)
  /** Length of the history that the weights were found for. */
  private foundFor = 0

  constructor(calendar: LocalCalendar, history: History) {
    this.calendar = calendar
    this.history = history
  }

  /**
   * The mean root those days had `ahead` steps on, and the level they had at this time; undefined when too few are
   * known.
   */
  at(ahead: number, levelSteps: number): { readonly near: number; readonly start: number } | undefined {
    const { calendar, history, weights } = this
    this.find()
    const last = history.length - 1
    const grain = Math.max(1, Math.round(calendar.day / grainsOfDay))
    let [near, start, total] = [0, 0, 0]
    for (let day = 0; day < analogDays; day++) {
      const weight = weights[day]!
      const back = (day + 1) * calendar.day
      const target = calendar.back(last + ahead, back)
      if (weight === 0 || target > last) continue
      near += weight * history.mean(Math.min(last, target + (grain >> 1)), grain)
      start += weight * history.mean(calendar.back(last, back), levelSteps)
      total += weight
    }
    return total > 0 ? { near: near / total, start: start / total } : undefined
  }

  /** Finds the weights, once a step. */
  private find(): void {
    const { calendar, distances, history, weights } = this
    if (this.foundFor === history.length) return
    this.foundFor = history.length
    weights.fill(0)
    const last = history.length - 1
    const apart = Math.max(1, calendar.day / windowsOfDay)
    const width = Math.round(apart)
    const wide = 4 * Math.max(1, Math.round(calendar.day / grainsOfDay))
    const reach = Math.round(windows.at(-1)! * apart) + width
    const level = history.mean(last, wide)
    const course = windows.map((window) => history.mean(last - Math.round(window * apart), width))
    let known = 0
    for (let day = 0; day < analogDays; day++) {
      const then = calendar.back(last, (day + 1) * calendar.day)
      distances[day] = Number.POSITIVE_INFINITY
      if (!history.has(then - reach)) continue
      const moved = level - history.mean(then, wide)
      let distance = shift.weight * moved * moved
      windows.forEach((window, i) => {
        const off = course[i]! - history.mean(then - Math.round(window * apart), width) - shift.expected * moved
        distance += off * off
      })
      distances[day] = distance
      known++
    }
    if (known < fewest) return
    const ranked = distances.toSorted()
    const scale = bandwidth * ranked[nearestForScale]! + 1e-9
    for (let day = 0; day < analogDays; day++) weights[day] = Math.exp((ranked[0]! - distances[day]!) / scale)
  }
}
