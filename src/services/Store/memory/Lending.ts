/**
 * Jobs of rated keys while a claim goes on: those that it may start are lent to it, as ready as any other; what it has
 * started is charged, and what it left waits again as if nothing had been.
 */
import { tagNext } from "../../Limits/policy/FairShare.ts"
import type { Feedback } from "../../Limits/policy/Feedback.ts"
import { admittedRank } from "../../Limits/policy/KeyAdmission.ts"
import { afterStart } from "../../Limits/policy/Starts.ts"
import { running } from "../../Queue/policy/jobs/States.ts"
import { Heap } from "./Heap.ts"
import type { KeySlots } from "./KeySlots.ts"
import type { Group } from "./Lane.ts"
import type { LimitedKey } from "./LimitedKey.ts"
import type { MemorySession } from "./Sessions.ts"
import { costIn, slotsIn, type StoredJob } from "./StoredJob.ts"

/** Jobs of lines that are ready while a claim goes on. */
export interface Lent {
  readonly group: Group
  readonly jobs: ReadonlyArray<StoredJob>
  readonly before: ReadonlyMap<LimitedKey, Before>
  /** Of the group, when they were promoted. */
  readonly time: number
}

interface Before {
  readonly tat: number
  readonly feedback: Feedback | undefined
  readonly time: number
}

interface Candidate {
  readonly key: LimitedKey
  readonly job: StoredJob
  readonly rank: number
}

const comesBefore = (a: Candidate, b: Candidate): boolean =>
  a.rank < b.rank || (a.rank === b.rank && a.job.id < b.job.id)

export class Lending {
  /** Milliseconds since 1970 from which the jobs' times count. */
  private readonly epoch: number
  private readonly slots: KeySlots

  constructor(epoch: number, slots: KeySlots) {
    this.epoch = epoch
    this.slots = slots
  }

  /** Whether a claim of the session would find a rated key with something to start. */
  hasRatedDue(group: Group, session: MemorySession): boolean {
    for (const key of group.limits?.due ?? []) if (session.handles.has(key.line.first()!.lane.task)) return true
    return false
  }

  /**
   * Makes ready what a claim with room for so many jobs may start of rated keys; `nested`: of any key that has a line,
   * whatever its limits say.
   */
  lend(group: Group, room: number, session: MemorySession, now: number, nested: boolean): Lent | undefined {
    const { limits } = group
    if (limits === undefined) return undefined
    const lines: ReadonlySet<LimitedKey> = nested ? new Set(limits.keys.values()) : limits.due
    if (lines.size === 0) return undefined
    const candidates = new Heap<Candidate>(comesBefore)
    const consider = (key: LimitedKey) => {
      const job = key.line.first()
      if (job === undefined || !session.handles.has(job.lane.task)) return
      if (nested || this.slots.mayStart(job, key, now)) candidates.add({ key, job, rank: this.rankInClaim(job, key) })
    }
    for (const key of lines) consider(key)
    const { time } = group
    const jobs: Array<StoredJob> = []
    const before = new Map<LimitedKey, Before>()
    while (jobs.length < room && candidates.size > 0) {
      const { job, key } = candidates.take()!
      if (!before.has(key)) before.set(key, { tat: key.tat, feedback: key.feedback, time: key.time })
      key.line.shift()
      this.slots.hold(job, key)
      this.slots.admit(job, key)
      this.slots.lists.list(job)
      this.charge(job, key, now)
      jobs.push(job)
      consider(key)
    }
    return jobs.length === 0 ? undefined : { group, jobs, before, time }
  }

  private rankInClaim(job: StoredJob, { group, policy, time }: LimitedKey): number {
    const { epoch } = this
    return group.limits!.isFair
      ? Math.max(group.time, time)
      : admittedRank(job.id, job.rank + epoch, undefined, policy) - epoch
  }

  private charge(job: StoredJob, key: LimitedKey, now: number): void {
    const { feedback, tat } = afterStart(key.policy, key, costIn(job), now)
    key.tat = tat
    key.feedback = feedback
  }

  /** The claim is over: what it started is charged, what it left goes back. */
  takeBack({ before, group, jobs, time }: Lent, now: number): void {
    for (const [key, { feedback, tat, time: keyTime }] of before) {
      key.tat = tat
      key.feedback = feedback
      key.time = keyTime
    }
    for (const job of jobs) {
      const admission = job.rare?.admission
      if (admission === undefined) continue
      const { key } = admission
      if (job.state === running) {
        this.charge(job, key, now)
        if (group.limits!.isFair) key.time = tagNext(time, key.time, key.policy.weight ?? 1, slotsIn(job)).keyTime
      } else {
        this.slots.lists.unready(job)
        job.rank = admission.ownRank
        admission.holds = false
        admission.tag = undefined
        key.held -= slotsIn(job)
        key.holders.delete(job)
        this.slots.lists.keep(job)
        key.line.add(job)
      }
    }
    for (const [key, { feedback }] of before) {
      const learned = key.feedback
      key.feedback = feedback
      this.slots.learning.learn(key, key.name, learned)
      this.slots.promote(key, now)
    }
  }
}
