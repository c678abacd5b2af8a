/** What a group lets one claim start: slots of its limit and units of its rate. */
import { fitsWindow } from "../../Limits/policy/KeyAdmission.ts"
import { allows, charged } from "../../Limits/policy/Rates.ts"
import { type Group, policyOf } from "./LaneCounters.ts"

export class StartBudget {
  private readonly rate
  private readonly limit: number
  private readonly now: number
  private busy: number
  private tat: number
  /** A job did not fit: it is next, and nothing passes it. */
  isSpent = false

  /** `limit`: slots that the jobs of the group may take together; without end nothing of the group bounds them. */
  constructor(group: Group, limit: number, now: number) {
    this.rate = limit === Number.POSITIVE_INFINITY ? undefined : policyOf(group).rate
    this.limit = limit
    this.busy = group.busy
    this.tat = group.tat
    this.now = now
  }

  /** Takes what the next job needs, if that is left. */
  take(slots: number, cost: number): boolean {
    const { rate } = this
    this.isSpent =
      !fitsWindow(this.limit, this.busy, slots) || (rate !== undefined && !allows(rate, this.tat, this.now, cost))
    if (this.isSpent) return false
    this.busy += slots
    if (rate !== undefined) this.tat = charged(rate, this.tat, this.now, cost)
    return true
  }
}
