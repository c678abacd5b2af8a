/**
 * Order inside a group, with ageing built in. A job of priority p that became due at d has rank `d + p × step`; the
 * lowest rank starts first. Since the wait of every job grows at the same pace, comparing ranks at any moment equals
 * comparing `p − waited / step`: linear ageing, exact, in one number that never changes while the job waits.
 *
 * Bound: a job can be passed only by jobs due at most `9 × step` after it, so at saturation the lowest priority (10)
 * starts no later than a job of priority 1 that became due `9 × step` after it.
 */

import { OutOfBounds, shown } from "./Bounds.ts"

export const highestPriority = 1
export const lowestPriority = 10
export const defaultPriority = 5

/** The priority, if it is one. Throws `OutOfBounds`. */
export const checkPriority = (priority: unknown): number => {
  if (Number.isInteger(priority) && (priority as number) >= highestPriority && (priority as number) <= lowestPriority)
    return priority as number
  throw new OutOfBounds(`priority is ${shown(priority)}; expected ${highestPriority} (first) to ${lowestPriority}`)
}

/**
 * Milliseconds of waiting that lift a job by one priority. Default 30 s: the lowest priority is passed for at most 4.5
 * minutes.
 */
export const defaultAgeingStepMs = 30_000

/** Smaller starts first; ties go by id. `due` in milliseconds since 1970. */
export const rank = (due: number, priority: number, ageingStepMs: number): number => due + priority * ageingStepMs
