/**
 * What the ends of attempts say about the other side, and what that lets start: the adaptive rate and the circuit
 * breaker of a policy as one. A store keeps `Feedback` with the record of the key, or the group, whose policy it is,
 * tells it each start and end, and asks what is in force; it looks at nothing of it.
 */
import type { FailureCause } from "../../Queue/Job.ts"
import type { Settle } from "../../Store/Turn.ts"
import type { FeedbackPolicy, Rate } from "../GroupPolicy.ts"
import { accepted, type AdaptiveState, adaptedRate, newAdaptive, refused } from "./AdaptiveRate.ts"
import * as Breaker from "./Breaker.ts"

/** Plain data, kept as JSON. Undefined where nothing has been learned. */
export interface Feedback {
  readonly rate?: AdaptiveState
  readonly breaker?: Breaker.BreakerState
}

export type FeedbackEvent =
  /** A claim took so many jobs. */
  | { readonly _tag: "Started"; readonly count: number }
  /** An attempt of this cost, which began at `startedAt`, has ended. */
  | {
      readonly _tag: "Ended"
      readonly verdict: Breaker.AttemptVerdict
      readonly startedAt: number
      readonly cost: number
      readonly rides?: true
    }
  /** The other side refused it, and takes more from `until` on. */
  | { readonly _tag: "Refused"; readonly startedAt: number; readonly until: number; readonly rides?: true }

/** Whether anything is to be learned: then no job of the key is pending between turns, as with a rate. */
export const learns = (policy: FeedbackPolicy): boolean => policy.adaptive === true || policy.breaker !== undefined

/** Ends that the other side is not to blame for: it answered, or it was never asked. */
const innocent: Partial<Record<FailureCause, Breaker.AttemptVerdict>> = {
  NonRetryable: "succeeded",
  BadResult: "succeeded",
  Undecodable: "silent",
  WorkerLost: "silent"
}

/**
 * What the end of an attempt is to the policy. `cost` of the job, in units of the rate; `rides`: it ran in the slot of
 * another of its batch.
 */
export const eventOf = (
  settle: Pick<Settle, "outcome" | "failure"> & { readonly heldBackUntil?: number | undefined },
  startedAt: number,
  cost: number,
  rides = false
): FeedbackEvent => {
  const as = rides ? ({ rides } as const) : undefined
  if (settle.outcome === "release" && settle.heldBackUntil !== undefined)
    return { _tag: "Refused", startedAt, until: settle.heldBackUntil, ...as }
  return { _tag: "Ended", verdict: verdictOf(settle), startedAt, cost, ...as }
}

const verdictOf = ({ failure, outcome }: Pick<Settle, "outcome" | "failure">): Breaker.AttemptVerdict => {
  switch (outcome) {
    case "completed":
      return "succeeded"
    case "retry":
    case "failed":
      return (failure === undefined ? undefined : innocent[failure.cause]) ?? "failed"
    case "cancelled":
    case "release":
      return "silent"
  }
}

const rateAfter = (
  state: AdaptiveState,
  declared: Rate | undefined,
  event: FeedbackEvent,
  now: number
): AdaptiveState => {
  switch (event._tag) {
    case "Started":
      return state
    case "Ended":
      return event.verdict === "silent" ? state : accepted(state, declared, event.cost, now)
    case "Refused":
      return refused(state, declared, event.startedAt, event.until, now)
  }
}

const breakerAfter = (
  state: Breaker.BreakerState,
  policy: NonNullable<FeedbackPolicy["breaker"]>,
  event: FeedbackEvent,
  now: number
): Breaker.BreakerState => {
  switch (event._tag) {
    case "Started":
      return Breaker.started(policy, state, event.count, now)
    case "Ended":
      return Breaker.ended(policy, state, event.verdict, event.startedAt, now, event.rides)
    case "Refused":
      return Breaker.ended(policy, state, "silent", event.startedAt, now, event.rides)
  }
}

/**
 * What is known after this. The same object where nothing changed, so that a store need not write. Of a policy that
 * learns no more it stays as it was, and bounds nothing.
 */
export const feedbackAfter = (
  policy: FeedbackPolicy,
  feedback: Feedback | undefined,
  event: FeedbackEvent,
  now: number
): Feedback | undefined => {
  if (!learns(policy)) return feedback
  const before = { rate: feedback?.rate ?? newAdaptive, breaker: feedback?.breaker ?? Breaker.newBreaker }
  const rate = policy.adaptive === true ? rateAfter(before.rate, policy.rate, event, now) : undefined
  const breaker = policy.breaker === undefined ? undefined : breakerAfter(before.breaker, policy.breaker, event, now)
  const isSame = (rate ?? before.rate) === before.rate && (breaker ?? before.breaker) === before.breaker
  if (isSame) return feedback
  return { ...(rate !== undefined && { rate }), ...(breaker !== undefined && { breaker }) }
}

/**
 * Whose refusal it is that a job met: its key's, unless only the group learns from them; of an unlimited key its
 * group's.
 */
export const isOfKey = (group: FeedbackPolicy, key: FeedbackPolicy | undefined): boolean =>
  key !== undefined && (group.adaptive !== true || key.adaptive === true)

export type BreakerChange = "opened" | "halfOpen" | "closed"

/** What an event made of the breaker, if that is news. */
export const breakerChange = (before: Feedback | undefined, after: Feedback | undefined): BreakerChange | undefined => {
  const was = before?.breaker ?? Breaker.newBreaker
  const is = after?.breaker ?? Breaker.newBreaker
  if (is.openUntil !== was.openUntil) return is.openUntil === 0 ? "closed" : "opened"
  return is.openUntil > 0 && is.probing > 0 && was.probedAt < was.openUntil ? "halfOpen" : undefined
}

/** How long what was learned is worth keeping with nothing to run, in milliseconds. */
const keptMs = 3_600_000

/** Whether nothing of it has to be remembered any more. */
export const isStale = (feedback: Feedback | undefined, now: number): boolean =>
  feedback === undefined ||
  (isOld(feedback.rate?.openAt, now) &&
    isOld(feedback.rate?.accepted.since, now) &&
    isOld(feedback.breaker?.openUntil, now) &&
    isOld(feedback.breaker?.ended.since, now))

const isOld = (time: number | undefined, now: number): boolean => time === undefined || time + keptMs <= now

export interface Bounds {
  /** In place of the policy's. */
  readonly rate: Rate | undefined
  /** How many may start now; infinite where nothing is known against it. */
  readonly starts: number
  /** From when on time alone lets something start, in milliseconds since 1970; it may be past. */
  readonly at: number
}

/** What is in force at `now`. */
export const bounds = (policy: FeedbackPolicy, feedback: Feedback | undefined, now: number): Bounds => {
  const rate =
    policy.adaptive === true && feedback?.rate !== undefined ? adaptedRate(feedback.rate, policy.rate) : policy.rate
  if (policy.breaker === undefined || feedback?.breaker === undefined)
    return { rate, starts: Number.POSITIVE_INFINITY, at: 0 }
  const starts = Breaker.mayStartNow(policy.breaker, feedback.breaker, now)
  return { rate, starts, at: Breaker.startsAt(policy.breaker, feedback.breaker) }
}
