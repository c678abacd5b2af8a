/**
 * How far calls may push away a waiting job. It stands for each call since it last started, or was stored: `maxDelayMs`
 * counts from then, so that steady calls hold it back for a time and never for good. A job that is held behind a
 * running one counts from its own first call too, and starts at once when its time has passed meanwhile.
 */
import type { NewJob } from "../../../Store/Turn.ts"
import { longestMs } from "../Bounds.ts"

/**
 * Times its own delay that a debounced call waits at most where nobody says: ten, so that steady calls still share one
 * run with at least nine tenths of those that a run for each delay would take, and never go without.
 */
const defaultDelays = 10

export const defaultMaxDelay = (delayMs: number): number =>
  Math.max(delayMs, Math.min(defaultDelays * delayMs, longestMs))

/** A waiting job that takes over a call. Times from the same start as those of the call. */
export interface Pushed {
  readonly due: number
  readonly enqueued: number
  /** When its last attempt did; undefined: none has. */
  readonly started: number | undefined
}

/**
 * When it is due that takes over what a call brings. Its latest time holds also when that has passed, so that the job
 * keeps its place in the order: else calls that come faster than it is served would push it back for ever. What an
 * operator or a retry has put off further is due now then.
 */
export const dueOfPushed = ({ due, unique }: NewJob, pushed: Pushed, now: number): number => {
  if (unique?.onConflict !== "debounce" || unique.maxDelayMs === undefined) return due
  const latest = Math.max(pushed.enqueued, pushed.started ?? 0) + unique.maxDelayMs
  return Math.min(due, Math.max(latest, Math.min(pushed.due, now)))
}
