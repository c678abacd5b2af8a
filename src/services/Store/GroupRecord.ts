/** A group as the store knows it: its budget, who is next, how many jobs in which state. */
import type { GroupPolicy } from "../Limits/GroupPolicy.ts"
import type { StartState } from "../Limits/policy/Starts.ts"
import type { JobId, JobState } from "../Queue/Job.ts"

/** With what its rate, its adaptive rate and its breaker go by. */
export interface GroupRecord extends StartState {
  readonly name: string
  /** Slots over all workers: the operator's limit if set, else the declared one. */
  readonly limit: number
  readonly declaredLimit: number
  readonly operatorLimit: number | undefined
  readonly paused: boolean
  /** Slots taken over all workers: those of running jobs (`JobExtra.slots`), a batch as its first job. */
  readonly busy: number
  /** What limits its jobs beside its slots: the operator's policy if set, else the declared one. */
  readonly policy: GroupPolicy
  readonly declaredPolicy: GroupPolicy
  readonly operatorPolicy: GroupPolicy | undefined
  /** Nothing of it starts before, in milliseconds since 1970; 0: it was never held back. */
  readonly heldBackUntil: number
}

/** A pending job by what its place depends on. */
export interface RankedJob {
  readonly id: JobId
  readonly task: string
  readonly priority: number
  readonly due: number
  readonly rank: number
}

export interface CounterRecord {
  readonly group: string
  readonly task: string
  readonly state: JobState
  readonly count: number
}
