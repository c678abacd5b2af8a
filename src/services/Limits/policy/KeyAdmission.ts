/**
 * When a job of a limited key may be ready. Admission is at promotion: a limited job is `pending` only while it holds its
 * key's slots, so that the claim is the same walk in order of rank as without limits, cannot exceed a key's limit and is
 * never held up by a key that is full. Whatever frees slots of a key (a settle, a removal, a changed limit, a time that
 * has come) promotes what waits for it, in one place of each store.
 *
 * A *rated* key is promoted only by the claim, for what it is about to start: tokens are charged by starts, and what the
 * claim leaves goes back. Outside a turn no job of a rated key is pending.
 */
import type { GroupPolicy, KeyPolicy } from "../GroupPolicy.ts"
import { allowedAt, allows } from "./Rates.ts"

/** What a store keeps of a limited key. */
export interface KeyState {
  /** Slots held by its jobs: ready ones, running ones, and with `holds` those that wait for their time. */
  readonly held: number
  /** Jobs `scheduled` for the reason `limit`. */
  readonly waiting: number
  /** Virtual time in a fair group. */
  readonly time: number
  /** Theoretical arrival time of its rate, in milliseconds since 1970. */
  readonly tat: number
  /** Nothing of it starts before, in milliseconds since 1970; 0: not held back. */
  readonly heldBackUntil: number
  readonly paused: boolean
}

export const newKey: KeyState = { held: 0, waiting: 0, time: 0, tat: 0, heldBackUntil: 0, paused: false }

/** Whether nothing has to be remembered of a key any more: its record may go. */
export const isForgettable = (state: KeyState, now: number): boolean =>
  state.held === 0 && state.waiting === 0 && state.tat <= now && state.heldBackUntil <= now && !state.paused

export const isRated = ({ rate }: KeyPolicy): boolean => rate !== undefined

export const isFifo = ({ order }: KeyPolicy): boolean => order === "fifo"

/** Whether a job of the key that waits for its time holds its slots. */
export const holdsWhileWaiting = (policy: KeyPolicy): boolean => isFifo(policy) && policy.holds !== false

/** Slots a fair key without a limit of its own may hold where its group has no limit. */
const widestWindow = 1_000

/**
 * Slots of a key at most. In a fair group a key has no more ready than the group has slots: enough to fill it alone, and
 * few enough that what is admitted later still finds its place.
 */
export const windowOf = (group: GroupPolicy, policy: KeyPolicy, groupSlots: number): number => {
  const own = policy.concurrency ?? (isFifo(policy) ? 1 : undefined)
  if (own !== undefined) return own
  return group.fair === true ? Math.max(1, Math.min(groupSlots, widestWindow)) : Number.POSITIVE_INFINITY
}

/**
 * Whether the next job of a key fits its window. One that asks for more than the window runs alone: a limit that was
 * lowered strands nothing.
 */
export const fitsWindow = (window: number, held: number, slots: number): boolean => held === 0 || held + slots <= window

/** Whether a job of a key that is not rated may be ready. Beside it nothing of the key may wait that comes first. */
export const mayBeReady = (state: KeyState, window: number, slots: number, now: number): boolean =>
  !state.paused && state.heldBackUntil <= now && fitsWindow(window, state.held, slots)

/** Whether a claim may start the next job of a key, rated or not. */
export const mayStart = (
  state: KeyState,
  policy: KeyPolicy,
  window: number,
  slots: number,
  cost: number,
  now: number
): boolean =>
  mayBeReady(state, window, slots, now) && (policy.rate === undefined || allows(policy.rate, state.tat, now, cost))

/**
 * From when on, in milliseconds since 1970, time alone lets the next job of a key start; undefined: something else has to
 * happen first, or nothing waits. `cost` of the job that comes next.
 */
export const nextAt = (
  state: KeyState,
  policy: KeyPolicy,
  window: number,
  slots: number,
  cost: number,
  now: number
): number | undefined => {
  if (state.waiting === 0 || state.paused || !fitsWindow(window, state.held, slots)) return undefined
  const rated = policy.rate === undefined ? now : allowedAt(policy.rate, state.tat, now, cost)
  return Math.max(now, state.heldBackUntil, rated)
}
