/** A limited key of a group: what limits it, who holds its slots, who waits in its line. */
import type { KeyPolicy } from "../../Limits/GroupPolicy.ts"
import type { Feedback } from "../../Limits/policy/Feedback.ts"
import { holdsWhileWaiting, isFifo, isRated, type KeyState } from "../../Limits/policy/KeyAdmission.ts"
import type { Group } from "./Lane.ts"
import { RankedJobs } from "./RankedJobs.ts"
import type { StoredJob } from "./StoredJob.ts"

const byRank = (job: StoredJob): number => job.rank
/** Ties go by id. */
const byId = (): number => 0

export class LimitedKey implements KeyState {
  readonly group: Group
  readonly name: string
  policy: KeyPolicy
  /** Slots that its jobs may hold. */
  window: number
  paused: boolean
  held = 0
  /** Of those, slots of running jobs. */
  running = 0
  time = 0
  tat = 0
  feedback: Feedback | undefined = undefined
  heldBackUntil = 0
  waitingSince: number | undefined = undefined
  /** When it is to be looked at again, since time lets its next job start then. */
  lookAt = Number.POSITIVE_INFINITY
  readonly holders = new Set<StoredJob>()
  line: RankedJobs

  constructor(group: Group, name: string, policy: KeyPolicy, window: number, paused: boolean) {
    this.group = group
    this.name = name
    this.policy = policy
    this.window = window
    this.paused = paused
    this.line = new RankedJobs(isFifo(policy) ? byId : byRank)
  }

  /** Another policy; nobody waits in the line. */
  change(policy: KeyPolicy, window: number, paused: boolean): void {
    this.policy = policy
    this.window = window
    this.paused = paused
    this.line = new RankedJobs(isFifo(policy) ? byId : byRank)
  }

  get waiting(): number {
    return this.line.size
  }

  get isRated(): boolean {
    return isRated(this.policy)
  }

  /** Whether a job that waits for its time holds its slots. */
  get holds(): boolean {
    return holdsWhileWaiting(this.policy)
  }

  /** Whether a job would stand in the line before all that wait there. */
  isFirst(job: StoredJob): boolean {
    const first = this.line.first()
    return (
      first === undefined ||
      (!isFifo(this.policy) && (job.rank < first.rank || (job.rank === first.rank && job.id < first.id)))
    )
  }
}
