/**
 * A job as the memory store keeps it. The record is lean, since a million of them may wait: states are small integers,
 * times are milliseconds relative to the store's epoch (so that they stay small integers too), names live in the lane,
 * and what few jobs have hangs on `rare`.
 */
import type { Failure, JobAttempt, JobExtra, JobId, JobRecord, WaitReason } from "../../Queue/Job.ts"
import type { KeptJob } from "../JobStore.ts"
import type { ClaimedJob, NewJob, ParentFailurePolicy, Unique } from "../Turn.ts"
import { attemptsOf, endedAttempt, withAttempt } from "../../Queue/policy/jobs/Attempts.ts"
import { costOf, slotsOf } from "../../Limits/policy/KeyAdmission.ts"
import { isFinished, pending, scheduled, stateNames } from "../../Queue/policy/jobs/States.ts"
import * as Waiting from "../../Queue/policy/jobs/Waiting.ts"
import type { JobLog } from "./JobLog.ts"
import type { JobTree, Leaf } from "./JobTree.ts"
import type { Lane } from "./Lane.ts"
import type { LimitedKey } from "./LimitedKey.ts"

/** The state of a removed job; what still points at the record passes it over. */
export const gone = 6

/** Of a job of a limited key that has arrived there. */
export interface Admission {
  readonly key: LimitedKey
  /** Whether it holds its slots; if not, it waits in the line. */
  holds: boolean
  /** Its rank but for while it is ready. */
  ownRank: number
  /** Its start tag while it is ready in a fair group. */
  tag: number | undefined
}

/** What few jobs have. */
export class Rare {
  version = 0
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
  /** Those after which it waited again. */
  attempts: ReadonlyArray<JobAttempt> | undefined = undefined
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
  /** Finished, and says itself until when it stays, in milliseconds since 1970. */
  keepUntil: number | undefined = undefined
  /** The label indexes it is in. */
  labels: ReadonlyArray<JobTree> | undefined = undefined
  admission: Admission | undefined = undefined
}

export class StoredJob {
  readonly id: JobId
  lane: Lane
  /** Its place in the lane's index. */
  leaf: Leaf
  state: number
  priority: number
  due: number
  rank: number
  readonly enqueued: number
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
    enqueued: number,
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
    this.enqueued = enqueued
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
export const waitOf = (job: StoredJob): number =>
  job.rare?.admission?.holds === false ? Waiting.waitLimit : otherWaitOf(job)

/** The same, but for limits. */
export const otherWaitOf = ({ rare }: StoredJob): number =>
  rare === undefined
    ? Waiting.waitNone
    : Waiting.waitOf(rare.parents !== undefined && rare.parents.size > 0, rare.held, rare.retrying)

/** Slots of its group and key that a run of it takes. */
export const slotsIn = ({ rare }: StoredJob): number => (rare === undefined ? 1 : slotsOf(rare.extra))

/** Units of its rates that a start of it takes. */
export const costIn = ({ rare }: StoredJob): number => (rare === undefined ? 1 : costOf(rare.extra))

/** Its place in the order of its group, as others see it. */
export const rankOf = (job: StoredJob, epoch: number): number =>
  job.state === pending && job.rare?.admission?.tag !== undefined ? job.rank : job.rank + epoch

/** Its rank but for while it is ready. */
export const ownRankOf = ({ rank, rare }: StoredJob): number => rare?.admission?.ownRank ?? rank

/** Nothing but its time keeps the job from being claimed. */
export const isFree = (job: StoredJob): boolean => Waiting.isForTimeOnly(waitOf(job))

export const waitReasonOf = (job: StoredJob): WaitReason | undefined => {
  if (job.state !== scheduled) return undefined
  const wait = waitOf(job)
  return Waiting.waitReason(wait === Waiting.waitNone ? Waiting.waitTime : wait)
}

/** A new job as it is stored; times of the table count from `epoch`. */
export const newStored = (
  job: NewJob,
  id: JobId,
  lane: Lane,
  leaf: Leaf,
  state: number,
  now: number,
  epoch: number
): StoredJob =>
  new StoredJob(
    id,
    lane,
    leaf,
    state,
    job.priority,
    job.due - epoch,
    job.rank - epoch,
    now - epoch,
    job.maxAttempts,
    job.payload,
    job.version === 0 &&
      job.partitionKey === undefined &&
      job.expiresAt === undefined &&
      job.unique === undefined &&
      job.after === undefined &&
      job.extra === undefined
      ? undefined
      : newRare(job)
  )

const newRare = (job: NewJob): Rare => {
  const rare = new Rare()
  rare.version = job.version
  rare.partitionKey = job.partitionKey
  rare.expiresAt = job.expiresAt
  rare.unique = job.unique
  rare.extra = job.extra
  return rare
}

/** A finished job as a new one under its old id: what it was made of, its log and what its steps made. */
export const renewed = (old: StoredJob): StoredJob => {
  let rare: Rare | undefined
  if (old.rare !== undefined) {
    rare = new Rare()
    rare.version = old.rare.version
    rare.partitionKey = old.rare.partitionKey
    rare.extra = old.rare.extra
    rare.unique = old.rare.unique
    rare.log = old.rare.log
    rare.steps = old.rare.steps
    rare.labels = old.rare.labels
  }
  const { due, enqueued, id, lane, leaf, maxAttempts, payload, priority, rank, state } = old
  return new StoredJob(id, lane, leaf, state, priority, due, rank, enqueued, maxAttempts, payload, rare)
}

/** A job as the worker that has claimed it sees it. */
export const claimedOf = (job: StoredJob, epoch: number): ClaimedJob => {
  const { lane, rare } = job
  return {
    id: job.id,
    task: lane.task,
    group: lane.group.name,
    priority: job.priority,
    due: job.due + epoch,
    attempt: job.attempt,
    maxAttempts: job.maxAttempts,
    version: rare === undefined ? 0 : rare.version,
    payload: job.payload,
    partitionKey: rare === undefined ? undefined : rare.partitionKey,
    expiresAt: rare === undefined ? undefined : rare.expiresAt,
    extra: rare === undefined ? undefined : rare.extra,
    lost: rare === undefined ? 0 : rare.lost
  }
}

/** Adds the attempt that ends now, and after which the job waits again. */
export const keepAttempt = (
  job: StoredJob,
  outcome: JobAttempt["outcome"],
  failure: Failure | undefined,
  now: number,
  epoch: number
): void => {
  const rare = rareOf(job)
  const ended = endedAttempt(job.attempt, job.session, job.started + epoch, now, outcome, failure)
  rare.attempts = withAttempt(rare.attempts, ended)
}

export const recordOf = (job: StoredJob, epoch: number): JobRecord => {
  const { rare } = job
  const own = {
    state: stateNames[job.state]!,
    attempt: job.attempt,
    startedAt: job.session === 0 ? undefined : job.started + epoch,
    finishedAt: isFinished(job.state) ? job.finished + epoch : undefined,
    session: job.session === 0 ? undefined : job.session,
    failure: rare?.failure
  }
  return {
    id: job.id,
    task: job.lane.task,
    group: job.lane.group.name,
    ...own,
    waitReason: waitReasonOf(job),
    priority: job.priority,
    due: job.due + epoch,
    rank: rankOf(job, epoch),
    maxAttempts: job.maxAttempts,
    attempts: attemptsOf(rare?.attempts ?? [], own),
    version: rare?.version ?? 0,
    payload: job.payload,
    result: job.result,
    progress: rare?.progress,
    partitionKey: rare?.partitionKey,
    uniqueKey: rare?.unique?.key,
    waitingFor: rare?.parents === undefined ? [] : [...rare.parents],
    expiresAt: rare?.expiresAt,
    enqueuedAt: job.enqueued + epoch,
    extra: rare?.extra
  }
}
