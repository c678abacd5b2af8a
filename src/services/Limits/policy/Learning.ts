/**
 * Which limits hear how an attempt ended, and what they know then. A refusal is heard by the one that it was about
 * (`isOfKey`), any other end by both: the key of the job and its group. Stores keep what they are told here.
 */
import type { Settle } from "../../Store/Turn.ts"
import type { FeedbackPolicy } from "../GroupPolicy.ts"
import { eventOf, type Feedback, feedbackAfter, type FeedbackEvent, isOfKey, learns } from "./Feedback.ts"

/** A limit and what it knows of its other side. */
export interface Learner {
  readonly policy: FeedbackPolicy
  readonly feedback: Feedback | undefined
}

export interface EndedAttempt {
  readonly settle: Settle
  /** In milliseconds since 1970. */
  readonly startedAt: number
  /** Of its job, in units of the rate. */
  readonly cost: number
  /** It ran in the slot of another of its batch. */
  readonly rides?: boolean
}

/** What is known after the end of an attempt, of each that has heard of it. */
export interface Learned {
  readonly group?: Pick<Learner, "feedback">
  readonly key?: Pick<Learner, "feedback">
}

const learnedFrom = (event: FeedbackEvent, { feedback, policy }: Learner, now: number): Pick<Learner, "feedback"> => ({
  feedback: feedbackAfter(policy, feedback, event, now)
})

/** `key`: of the job, where that is limited. Undefined: neither of them learns anything. */
export const learned = (
  group: Learner,
  key: Learner | undefined,
  { cost, rides, settle, startedAt }: EndedAttempt,
  now: number
): Learned | undefined => {
  if (!learns(group.policy) && (key === undefined || !learns(key.policy))) return undefined
  const event = eventOf(settle, startedAt, cost, rides)
  const isForAll = event._tag !== "Refused"
  const isForKey = isOfKey(group.policy, key?.policy)
  return {
    ...((isForAll || !isForKey) && { group: learnedFrom(event, group, now) }),
    ...(key !== undefined && (isForAll || isForKey) && { key: learnedFrom(event, key, now) })
  }
}
