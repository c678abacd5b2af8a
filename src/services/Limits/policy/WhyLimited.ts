/** Which limit keeps a job from starting: asked of the functions that decide it. Pure; the first that applies. */
import type { JobExtra } from "../../Queue/Job.ts"
import type { GroupRecord } from "../../Store/GroupRecord.ts"
import type { KeyRecord } from "../../Store/KeyRecord.ts"
import type { FeedbackPolicy, Rate } from "../GroupPolicy.ts"
import { mayStartNow, startsAt } from "./Breaker.ts"
import { costOf, fitsWindow, slotsOf, windowOf } from "./KeyAdmission.ts"
import { mayStartOne, rateInForce, startableAt, type StartState } from "./Starts.ts"

/** `key`: undefined where the group as a whole is limited; `""`: its jobs without a partition key. */
interface Limited {
  readonly group: string
  readonly key: string | undefined
}

/** Times in milliseconds since 1970. */
export type LimitReason =
  | (Limited & { readonly _tag: "KeyPaused" })
  /** The other side said when to come again. */
  | (Limited & { readonly _tag: "HeldBack"; readonly until: number })
  /** Too many failed of late: probes start at `until`. */
  | (Limited & { readonly _tag: "BreakerOpen"; readonly until: number })
  /** Probes run; if they succeed the others start. */
  | (Limited & { readonly _tag: "BreakerHalfOpen" })
  | (Limited & { readonly _tag: "KeyFull"; readonly held: number; readonly limit: number })
  /** `rate` is the one in force, which an adaptive one may have found; the next unit is free at `at`. */
  | (Limited & { readonly _tag: "RateSpent"; readonly rate: Rate; readonly at: number })
  /** Others that wait for the same key come first, or other keys have their turn. */
  | (Limited & { readonly _tag: "InLine"; readonly waiting: number })

interface Bounded extends StartState {
  readonly policy: FeedbackPolicy
  readonly heldBackUntil: number
}

/** What keeps starts of a key or a group back, but for slots. */
const ofStarts = (of: Limited, bounded: Bounded, cost: number, now: number): LimitReason | undefined => {
  const { feedback, heldBackUntil, policy } = bounded
  if (heldBackUntil > now) return { ...of, _tag: "HeldBack", until: heldBackUntil }
  const breaker = feedback?.breaker
  if (policy.breaker !== undefined && breaker !== undefined && mayStartNow(policy.breaker, breaker, now) === 0) {
    return breaker.openUntil > now
      ? { ...of, _tag: "BreakerOpen", until: startsAt(policy.breaker, breaker) }
      : { ...of, _tag: "BreakerHalfOpen" }
  }
  const rate = rateInForce(policy, bounded)
  return rate === undefined || mayStartOne(policy, bounded, cost, now)
    ? undefined
    : { ...of, _tag: "RateSpent", rate, at: startableAt(policy, bounded, cost) }
}

/** What of its group keeps a job that is ready. */
export const whyGroupWaits = (group: GroupRecord, extra: JobExtra | undefined, now: number): LimitReason | undefined =>
  ofStarts({ group: group.name, key: undefined }, group, costOf(extra), now)

/** What of its key keeps a job in the key's line. */
export const whyKeyWaits = (
  group: GroupRecord,
  key: KeyRecord,
  extra: JobExtra | undefined,
  now: number
): LimitReason => {
  const of = { group: key.group, key: key.key }
  if (key.paused) return { ...of, _tag: "KeyPaused" }
  const window = windowOf(group.policy, key.policy, group.limit)
  const full: LimitReason | undefined = fitsWindow(window, key.held, slotsOf(extra))
    ? undefined
    : { ...of, _tag: "KeyFull", held: key.held, limit: window }
  return ofStarts(of, key, costOf(extra), now) ?? full ?? { ...of, _tag: "InLine", waiting: key.waiting }
}
