/** How long capacity takes from being asked for to its first claim, learned from what was seen. */
import type { StartUp } from "./Actuator.ts"

/** The latest so many: enough for a 90th percentile, few enough to follow a new image or a slower disk within a day. */
const kept = 20

export interface StartUpTimes {
  /** One start, in milliseconds. */
  readonly saw: (millis: number) => void
  readonly read: () => StartUp | undefined
}

export const make = (): StartUpTimes => {
  const times: Array<number> = []
  return {
    saw: (millis) => {
      times.push(Math.max(0, millis))
      if (times.length > kept) times.shift()
    },
    read: () => {
      if (times.length === 0) return undefined
      const sorted = times.toSorted((a, b) => a - b)
      // Nearest rank: the smallest value that 90 % do not exceed.
      return { p90Ms: sorted[Math.ceil(0.9 * sorted.length) - 1]!, seen: sorted.length }
    }
  }
}
