/** Policies in words, a few for a line: what people read in tables, explanations and notes. */
import type { FeedbackPolicy, GroupPolicy, KeyPolicy } from "../GroupPolicy.ts"
import { rateText } from "./RateText.ts"

const conflictText = {
  queue: undefined,
  cancelNewest: "the newest is cancelled",
  cancelRunning: "the newest cancels those before it"
} as const

const said = (words: ReadonlyArray<string | undefined>): string => words.filter((word) => word !== undefined).join(", ")

const feedbackText = ({ adaptive, breaker, rate }: FeedbackPolicy): ReadonlyArray<string | undefined> => [
  rate === undefined ? undefined : rateText(rate),
  adaptive === true ? "adaptive rate" : undefined,
  breaker === undefined ? undefined : "breaker"
]

/** `2 at a time, 10/min, weight 3`; empty where it says nothing. */
export const keyPolicyText = (policy: KeyPolicy): string =>
  said([
    policy.concurrency === undefined ? undefined : `${policy.concurrency} at a time`,
    ...feedbackText(policy),
    policy.weight === undefined ? undefined : `weight ${policy.weight}`,
    policy.order === "fifo" ? (policy.holds === false ? "fifo, waiting jobs are passed" : "fifo") : undefined,
    policy.conflict === undefined ? undefined : conflictText[policy.conflict],
    policy.backlog === undefined ? undefined : `backlog ${policy.backlog}`
  ])

/** What holds for the group as a whole. */
export const groupPolicyText = (policy: GroupPolicy): string =>
  said([
    ...feedbackText(policy),
    policy.fair === true ? "fair shares" : undefined,
    policy.backlog === undefined ? undefined : `backlog ${policy.backlog}`
  ])
