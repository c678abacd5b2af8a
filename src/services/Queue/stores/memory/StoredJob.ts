/**
 * A job as the memory store keeps it. The record is lean, since a million of them may wait: states are small integers, times
 * are milliseconds relative to the store's epoch (so that they stay small integers too), names live in the lane, and what few
 * jobs have hangs on `rare`.
 */
import type { Failure, JobExtra, JobId, WaitReason } from "../../Job.ts"
import type { KeptJob } from "../../JobStore.ts"
import type { ParentFailurePolicy, Unique } from "../../Turn.ts"
import { scheduled } from "../../policy/jobs/States.ts"
import * as Waiting from "../../policy/jobs/Waiting.ts"
import type { JobLog } from "./JobLog.ts"
import type { JobTree, Leaf } from "./JobTree.ts"
import type { Lane } from "./Lane.ts"

/** The state of a removed job; what still points at the record passes it over. */
export const gone = 6

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

/** What the job waits for beside its time. */
export const waitOf = ({ rare }: StoredJob): number =>
  rare === undefined
    ? Waiting.waitNone
    : Waiting.waitOf(rare.parents !== undefined && rare.parents.size > 0, rare.held, rare.retrying)

/** Nothing but its time keeps the job from being claimed. */
export const isFree = (job: StoredJob): boolean => Waiting.isForTimeOnly(waitOf(job))

export const waitReasonOf = (job: StoredJob): WaitReason | undefined => {
  if (job.state !== scheduled) return undefined
  const wait = waitOf(job)
  return Waiting.waitReason(wait === Waiting.waitNone ? Waiting.waitTime : wait)
}
