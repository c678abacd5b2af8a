/** A group as the store knows it: its budget, who is next, how many jobs in which state. */
import type { JobId, JobState } from "../Queue/Job.ts"

export interface GroupRecord {
  readonly name: string
  /** Concurrent jobs over all workers, a batch as one: the operator's if set, else the declared one. */
  readonly limit: number
  readonly declaredLimit: number
  readonly operatorLimit: number | undefined
  readonly paused: boolean
  /** Slots taken over all workers: running jobs, a batch as one. */
  readonly busy: number
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
