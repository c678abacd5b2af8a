/** Policies in words, a few for a line: what people read in tables, explanations and notes. */
import type { GroupPolicy, KeyPolicy } from "../GroupPolicy.ts"
import { rateText } from "./RateText.ts"

const conflictText = {
  queue: undefined,
  cancelNewest: "the newest is cancelled",
  cancelRunning: "the newest cancels those before it"
} as const

const said = (words: ReadonlyArray<string | undefined>): string => words.filter((word) => word !== undefined).join(", ")

/** `2 at a time, 10/min, weight 3`; empty where it says nothing. */
export const keyPolicyText = (policy: KeyPolicy): string =>
  said([
    policy.concurrency === undefined ? undefined : `${policy.concurrency} at a time`,
    policy.rate === undefined ? undefined : rateText(policy.rate),
    policy.weight === undefined ? undefined : `weight ${policy.weight}`,
    policy.order === "fifo" ? (policy.holds === false ? "fifo, waiting jobs are passed" : "fifo") : undefined,
    policy.conflict === undefined ? undefined : conflictText[policy.conflict],
    policy.backlog === undefined ? undefined : `backlog ${policy.backlog}`
  ])

/** What holds for the group as a whole. */
export const groupPolicyText = (policy: GroupPolicy): string =>
  said([
    policy.rate === undefined ? undefined : rateText(policy.rate),
    policy.fair === true ? "fair shares" : undefined,
    policy.backlog === undefined ? undefined : `backlog ${policy.backlog}`
  ])
