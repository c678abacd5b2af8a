/**
 * How far calls may push away a waiting job. It stands for each call since it last started, or was stored: `maxDelayMs`
 * counts from then, so that steady calls hold it back for a time and never for good. A job that is held behind a
 * running one counts from its own first call too, and starts at once when its time has passed meanwhile.
 */
import type { NewJob } from "../../../Store/Turn.ts"

/** A waiting job that takes over a call. Times from the same start as those of the call. */
export interface Pushed {
  readonly due: number
  readonly enqueued: number
  /** When its last attempt did; undefined: none has. */
  readonly started: number | undefined
}

/**
 * When it is due that takes over what a call brings. A job whose time has passed keeps its place: else calls that come
 * faster than it is served would push it back for ever.
 */
export const dueOfPushed = ({ due, unique }: NewJob, pushed: Pushed, now: number): number => {
  if (unique?.onConflict !== "debounce" || unique.maxDelayMs === undefined) return due
  const latest = Math.max(pushed.enqueued, pushed.started ?? 0) + unique.maxDelayMs
  return Math.min(due, Math.max(latest, Math.min(pushed.due, now)))
}
