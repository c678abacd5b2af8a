/** What groups and keys learn from the starts and ends of attempts, kept with their records. */
import type { Feedback } from "../../Limits/policy/Feedback.ts"
import { learned } from "../../Limits/policy/Learning.ts"
import { BreakerNotes } from "../BreakerNotes.ts"
import type { BreakerNote, Settle } from "../Turn.ts"
import type { Group } from "./Lane.ts"
import type { LimitedKey } from "./LimitedKey.ts"
import { costIn, type StoredJob } from "./StoredJob.ts"

/** What follows for those that wait. */
interface Limits {
  /** The key may promote once the job that left it has its place. */
  readonly frees: (key: LimitedKey) => void
  /** Something of the group may be claimed. */
  readonly stir: (group: Group) => void
}

export class Learning {
  /** Milliseconds since 1970 from which the jobs' times count. */
  private readonly epoch: number
  private readonly limits: Limits
  private readonly breakers = new BreakerNotes()

  constructor(epoch: number, limits: Limits) {
    this.epoch = epoch
    this.limits = limits
  }

  /** An attempt has ended: what that says of the other side. */
  heard(job: StoredJob, settle: Settle, now: number, rides: boolean): void {
    const { group } = job.lane
    const key = job.rare?.admission?.key
    const startedAt = job.started + this.epoch
    const after = learned(group, key, { settle, startedAt, cost: costIn(job), rides }, now)
    if (after?.group !== undefined) this.learn(group, undefined, after.group.feedback)
    if (key !== undefined && after?.key !== undefined) {
      this.learn(key, key.name, after.key.feedback)
      this.limits.frees(key)
    }
  }

  /** Something else is known of a group, or of the `key` of it. */
  learn(of: Group | LimitedKey, key: string | undefined, feedback: Feedback | undefined): void {
    const group = "group" in of ? of.group : of
    const change = this.breakers.note(group.name, key, of.feedback, feedback)
    of.feedback = feedback
    if (change === "closed") this.limits.stir(group)
  }

  /** Breakers that have changed since this was asked. */
  takeBreakers(): ReadonlyArray<BreakerNote> | undefined {
    return this.breakers.take()
  }
}
