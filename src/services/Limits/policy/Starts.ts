/**
 * Whether starts, and how soon: the rate of a policy, as the other side lets it be, and its breaker. What stores ask of
 * keys and of groups alike.
 */
import type { FeedbackPolicy, Rate } from "../GroupPolicy.ts"
import { bounds, type Feedback, feedbackAfter, learns } from "./Feedback.ts"
import { allows, charged, earliest } from "./Rates.ts"

/** What a store keeps of the starts of a key or a group. */
export interface StartState {
  /** Theoretical arrival time of the rate, in milliseconds since 1970. */
  readonly tat: number
  /** What is known of the other side. */
  readonly feedback: Feedback | undefined
}

/** Whether starts are bounded by more than slots: then they are decided when they happen, in the claim. */
export const boundsStarts = (policy: FeedbackPolicy): boolean => policy.rate !== undefined || learns(policy)

/** The rate in force. */
export const rateInForce = (policy: FeedbackPolicy, { feedback }: StartState): Rate | undefined =>
  bounds(policy, feedback, 0).rate

/** Whether something of this cost may start now. Asked of every job that starts: nearly always nothing is looked at. */
export const mayStartOne = (policy: FeedbackPolicy, state: StartState, cost: number, now: number): boolean => {
  if (!boundsStarts(policy)) return true
  const { rate, starts } = bounds(policy, state.feedback, now)
  return starts > 0 && (rate === undefined || allows(rate, state.tat, now, cost))
}

/**
 * What is kept once something of this cost has started. `rides`: in the slot of another of its batch, which is one
 * probe of a breaker.
 */
export const afterStart = (
  policy: FeedbackPolicy,
  state: StartState,
  cost: number,
  now: number,
  rides = false
): StartState => {
  if (!boundsStarts(policy)) return state
  const { rate } = bounds(policy, state.feedback, now)
  return {
    tat: rate === undefined ? state.tat : charged(rate, state.tat, now, cost),
    feedback: rides ? state.feedback : feedbackAfter(policy, state.feedback, { _tag: "Started", count: 1 }, now)
  }
}

/** A paused limit is looked at again after this time, in milliseconds. */
const pausedLookMs = 1_000

/**
 * Units for what is not a job, against the rate alone: nobody hears how that ends, so it is no probe. `state`: after
 * they were taken. `opensAt`: when the group opens by its hours, in milliseconds since 1970; past where it is open.
 */
export const takeUnits = (
  policy: FeedbackPolicy,
  state: StartState & { readonly heldBackUntil: number },
  { isPaused, opensAt }: { readonly isPaused: boolean; readonly opensAt: number },
  cost: number,
  now: number
):
  | { readonly taken: true; readonly tat: number }
  | { readonly taken: false; readonly at: number; readonly opensAt?: number } => {
  if (isPaused) return { taken: false, at: now + pausedLookMs }
  if (opensAt > now) return { taken: false, at: opensAt, opensAt }
  const { at, rate, starts } = bounds(policy, state.feedback, now)
  const closed = starts > 0 ? 0 : Math.max(at, now + pausedLookMs)
  const spent = rate === undefined || allows(rate, state.tat, now, cost) ? 0 : earliest(rate, state.tat, cost)
  const next = Math.max(state.heldBackUntil, closed, spent)
  if (next > now) return { taken: false, at: next }
  return { taken: true, tat: rate === undefined ? state.tat : charged(rate, state.tat, now, cost) }
}

/** From when on, in milliseconds since 1970, time alone lets something of this cost start; it may be past. */
export const startableAt = (policy: FeedbackPolicy, state: StartState, cost: number): number => {
  const { at, rate } = bounds(policy, state.feedback, 0)
  return Math.max(at, rate === undefined ? 0 : earliest(rate, state.tat, cost))
}
