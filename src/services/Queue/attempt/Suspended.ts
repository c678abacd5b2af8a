/**
 * How a job that drives others ends an attempt without an end: it fails with this, goes back unspent with the jobs it
 * brings, and runs again when those it waits for have ended. All of that is one settle, so one transaction.
 */
import type { FollowUp } from "../../Store/Turn.ts"

export class Suspended {
  readonly _tag = "Suspended"
  readonly followUp: FollowUp

  constructor(followUp: FollowUp) {
    this.followUp = followUp
  }
}
