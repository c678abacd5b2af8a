/**
 * A job as the memory store keeps it. The record is lean, since a million of them may wait: states are small integers, times
 * are milliseconds relative to the store's epoch (so that they stay small integers too), names live in the lane, and what few
 * jobs have hangs on `rare`.
 */
import type { Failure, JobExtra, JobId, JobState, WaitReason } from "../../Job.ts"
import type { KeptJob } from "../../JobStore.ts"
import type { ParentFailurePolicy, Unique } from "../../Turn.ts"
import type { JobLog } from "./JobLog.ts"
import type { JobTree, Leaf } from "./JobTree.ts"
import type { Lane } from "./Lane.ts"

export const scheduled = 0
export const pending = 1
export const running = 2
export const completed = 3
export const failed = 4
export const cancelled = 5
/** Removed; what still points at the record passes it over. */
export const gone = 6

/** By state number. */
export const stateNames: ReadonlyArray<JobState> = [
  "scheduled",
  "pending",
  "running",
  "completed",
  "failed",
  "cancelled"
]

export const stateNumber = (state: JobState): number => stateNames.indexOf(state)

/** What few jobs have. */
export class Rare {
  partitionKey: string | undefined = undefined
  extra: JobExtra | undefined = undefined
  expiresAt: number | undefined = undefined
  unique: Unique | undefined = undefined
  /** It waits for the running job of its key. */
  held = false
  /** Unfinished parents. */
  parents: Set<JobId> | undefined = undefined
  onParentFailure: ParentFailurePolicy = "cancel"
  /** Jobs that wait for this one. */
  children: Array<StoredJob> | undefined = undefined
  failure: Failure | undefined = undefined
  /** Attempts lost with their worker. */
  lost = 0
  /** It is scheduled because an attempt failed. */
  retrying = false
  progress: unknown = undefined
  /** What its durable steps made. */
  steps: Map<string, string> | undefined = undefined
  log: JobLog | undefined = undefined
  /** Set while an operator's cancel of the running job is on its way. */
  cancelReason: string | undefined = undefined
  /** The label indexes it is in. */
  labels: ReadonlyArray<JobTree> | undefined = undefined
}

export class StoredJob {
  readonly id: JobId
  readonly lane: Lane
  /** Its place in the lane's index. */
  leaf: Leaf
  state: number
  priority: number
  due: number
  rank: number
  attempt = 0
  maxAttempts: number
  started = -1
  finished = -1
  session = 0
  payload: unknown
  result: unknown = undefined
  rare: Rare | undefined
  /** Set once a program keeps it beyond its retention. */
  kept: KeptJob | undefined = undefined

  constructor(
    id: JobId,
    lane: Lane,
    leaf: Leaf,
    state: number,
    priority: number,
    due: number,
    rank: number,
    maxAttempts: number,
    payload: unknown,
    rare: Rare | undefined
  ) {
    this.id = id
    this.lane = lane
    this.leaf = leaf
    this.state = state
    this.priority = priority
    this.due = due
    this.rank = rank
    this.maxAttempts = maxAttempts
    this.payload = payload
    this.rare = rare
  }
}

export const isLive = (job: StoredJob): boolean => job.state <= running
export const isWaiting = (job: StoredJob): boolean => job.state <= pending
export const isFinished = (job: StoredJob): boolean => job.state >= completed && job.state <= cancelled

export const rareOf = (job: StoredJob): Rare => {
  job.rare ??= new Rare()
  return job.rare
}

/** The jobs that wait for this one. */
export const childrenOf = (job: StoredJob): Array<StoredJob> => {
  const rare = rareOf(job)
  rare.children ??= []
  return rare.children
}

/** Nothing but its time keeps the job from being claimed. */
export const isFree = (job: StoredJob): boolean =>
  job.rare === undefined || (!job.rare.held && (job.rare.parents === undefined || job.rare.parents.size === 0))

export const waitReasonOf = (job: StoredJob): WaitReason | undefined => {
  if (job.state !== scheduled) return undefined
  if (job.rare === undefined) return "time"
  if (job.rare.parents !== undefined && job.rare.parents.size > 0) return "parents"
  if (job.rare.held) return "key"
  return job.rare.retrying ? "retry" : "time"
}
