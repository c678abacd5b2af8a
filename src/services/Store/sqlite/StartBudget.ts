/** What a group lets one claim start: slots of its limit and units of its rate. */
import type { GroupPolicy } from "../../Limits/GroupPolicy.ts"
import { fitsWindow } from "../../Limits/policy/KeyAdmission.ts"
import { afterStart, boundsStarts, mayStartOne, type StartState } from "../../Limits/policy/Starts.ts"
import { type Group, policyOf } from "./LaneCounters.ts"

export class StartBudget {
  /** Undefined: no more than slots bounds the starts. */
  private readonly policy: GroupPolicy | undefined
  private readonly limit: number
  private readonly now: number
  private busy: number
  private state: StartState
  /** A job did not fit: it is next, and nothing passes it. */
  isSpent = false

  /** `limit`: slots that the jobs of the group may take together; without end nothing of the group bounds them. */
  constructor(group: Group, limit: number, now: number) {
    const policy = policyOf(group)
    this.policy = limit !== Number.POSITIVE_INFINITY && boundsStarts(policy) ? policy : undefined
    this.limit = limit
    this.busy = group.busy
    this.state = group
    this.now = now
  }

  /** Takes what the next job needs, if that is left. */
  take(slots: number, cost: number): boolean {
    const { policy } = this
    this.isSpent =
      !fitsWindow(this.limit, this.busy, slots) ||
      (policy !== undefined && !mayStartOne(policy, this.state, cost, this.now))
    if (this.isSpent) return false
    this.busy += slots
    if (policy !== undefined) this.state = afterStart(policy, this.state, cost, this.now)
    return true
  }
}
