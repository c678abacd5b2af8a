/**
 * What the groups did in the last ten minutes, from the roll-ups: kept here, so that each look reads only the newest
 * intervals.
 */
import { Histogram, type RollUp } from "../../services/Queue/index.ts"

export const width = 10_000
const keptMs = 600_000
const minuteMs = 60_000

interface Interval {
  ended: number
  wait: Histogram.Histogram
}

export interface RecentFigures {
  readonly perSecond: number
  /** Per second in each of the last ten minutes, oldest first. */
  readonly byMinute: ReadonlyArray<number>
  readonly waitP95: number | undefined
}

const startOf = (at: number): number => Math.floor(at / width) * width

export class RecentCounts {
  readonly #groups = new Map<string, Map<number, Interval>>()
  #readTo: number | undefined

  /** Where the next look has to begin: intervals that were not over may have grown. */
  from(now: number): number {
    const first = startOf(now) - keptMs + width
    return this.#readTo === undefined ? first : Math.max(first, this.#readTo - width)
  }

  /** Takes over what was read from `from(now)` on. */
  add(rollUps: ReadonlyArray<RollUp>, now: number): void {
    const from = this.from(now)
    const oldest = startOf(now) - keptMs + width
    for (const intervals of this.#groups.values())
      for (const start of intervals.keys()) if (start >= from || start < oldest) intervals.delete(start)
    for (const { completed, failed, group, start, wait } of rollUps) {
      let intervals = this.#groups.get(group)
      if (intervals === undefined) {
        intervals = new Map()
        this.#groups.set(group, intervals)
      }
      const known = intervals.get(start)
      intervals.set(start, {
        ended: (known?.ended ?? 0) + completed + failed,
        wait: known === undefined ? wait : Histogram.merge(known.wait, wait)
      })
    }
    this.#readTo = startOf(now)
  }

  figures(group: string, now: number): RecentFigures {
    const intervals = this.#groups.get(group) ?? new Map<number, Interval>()
    const between = (from: number, to: number) => {
      let ended = 0
      for (const [start, interval] of intervals) if (start >= from && start < to) ended += interval.ended
      return ended
    }
    // Two whole intervals and what has passed of the present one.
    const from = startOf(now) - 2 * width
    const minutes = keptMs / minuteMs
    let wait = Histogram.empty
    for (const interval of intervals.values()) wait = Histogram.merge(wait, interval.wait)
    return {
      perSecond: (between(from, now + width) * 1000) / (now - from),
      byMinute: Array.from({ length: minutes }, (_, i) => {
        const end = startOf(now) + width - (minutes - 1 - i) * minuteMs
        return (between(end - minuteMs, end) * 1000) / minuteMs
      }),
      waitP95: wait.count === 0 ? undefined : Histogram.quantile(wait, 0.95)
    }
  }
}
