/**
 * A job: one enqueued unit of work of a task, as everything outside the store sees it.
 *
 * ```
 *            enqueue                due, parents done              claim
 * scheduled ─────────▶ (scheduled) ──────────────────▶ pending ────────────▶ running
 *     ▲                                                   ▲                     │
 *     └────────────── retry with a delay, snooze ─────────┴── handed back ──────┤
 *                                                                               ▼
 *                                                     completed │ failed │ cancelled
 * ```
 *
 * `failed` means given up: the dead letters. A failing attempt with retries left is `scheduled` again.
 */
import { Schema, type Brand } from "effect"

/** The states of a job. The first three are live, the others finished. */
export const JobState = Schema.Literals(["scheduled", "pending", "running", "completed", "failed", "cancelled"])
export type JobState = typeof JobState.Type

export const liveStates: ReadonlyArray<JobState> = ["scheduled", "pending", "running"]
export const finishedStates: ReadonlyArray<JobState> = ["completed", "failed", "cancelled"]

/**
 * Why a `scheduled` job is not pending: its time, its parents, an earlier job of its unique key, or a limit of its
 * partition key.
 */
export const WaitReason = Schema.Literals(["time", "retry", "parents", "key", "limit"])
export type WaitReason = typeof WaitReason.Type

/**
 * Identifies a job within its store: an integer of 53 bits, unique and roughly in order of time, assigned by the store
 * inside the transaction that stores the job. When it was enqueued is said by its record, not by its id. People and
 * outside programs see the text of `formatJobId`.
 */
export type JobId = number & Brand.Brand<"JobId">

export { enqueuedAt, formatJobId, idsPerMillisecond, jobIdFloor, parseJobId } from "./policy/JobIds.ts"

/** What made an attempt, or the job, end without success. */
export const FailureCause = Schema.Literals([
  /** The handler failed with its typed error, a command ended with a code other than 0. */
  "Failed",
  /** The handler threw or died. */
  "Defect",
  /** The handler asked for no further attempt. */
  "NonRetryable",
  /** The hard limit was reached. */
  "TimedOut",
  /** The process or thread that ran it died, or lost its lease. */
  "WorkerLost",
  /** The payload does not decode with the task's schema; its bytes are kept. */
  "Undecodable",
  /** The result does not encode, or is larger than the setting allows. */
  "BadResult",
  /** Somebody cancelled it. */
  "Cancelled",
  /** It waited beyond its expiry. */
  "Expired",
  /** A job it waited for failed, was cancelled or was removed. */
  "ParentFailed"
])
export type FailureCause = typeof FailureCause.Type

/** Why an attempt did not succeed. Bounded: a message of at most 4 KiB, a stack and an error of at most 16 KiB each. */
export const Failure = Schema.Struct({
  cause: FailureCause,
  message: Schema.String,
  /** The typed error, encoded with the task's schema. */
  error: Schema.optionalKey(Schema.Unknown),
  stack: Schema.optionalKey(Schema.String),
  /** The attempt that failed; 0 when none had started. */
  attempt: Schema.Int,
  /** When, in milliseconds since 1970. */
  at: Schema.Finite
})
export type Failure = typeof Failure.Type

/** One attempt of a job; times in milliseconds since 1970 by the store's clock. */
export const JobAttempt = Schema.Struct({
  /** From 1. What a command wrote in it: `sluice job logs --attempt`. */
  number: Schema.Int,
  /** The session of the worker that ran it. */
  session: Schema.Int,
  startedAt: Schema.Finite,
  /** Absent while it runs. Of one that was lost with its worker: when that was found out. */
  endedAt: Schema.optionalKey(Schema.Finite),
  outcome: Schema.Literals(["running", "completed", "failed", "cancelled", "lost"]),
  /** Why it did not complete; without the stack, but for the last attempt. */
  failure: Schema.optionalKey(Failure)
})
export type JobAttempt = typeof JobAttempt.Type

/** How long a finished job stays, in place of what the store's retention says of its age, and beside its count. */
export const OwnRetention = Schema.Struct({
  /** Milliseconds after its end; 0: it leaves no history. Absent: as the store's retention says. */
  ageMs: Schema.optionalKey(Schema.Finite),
  /** When it ends, so many of its task in its group stay in this state, the newest by id. At least 1. */
  count: Schema.optionalKey(Schema.Int)
})
export type OwnRetention = typeof OwnRetention.Type

/** The same state by state; one that is not named stays as the store's retention says. */
export const JobRetention = Schema.Struct({
  completed: Schema.optionalKey(OwnRetention),
  failed: Schema.optionalKey(OwnRetention),
  cancelled: Schema.optionalKey(OwnRetention)
})
export type JobRetention = typeof JobRetention.Type

/** What a job carries beside its work: rarely set, never read on the way to a start. */
export interface JobExtra {
  /** Slots of its group and of its key that one run takes, over all workers; default 1. */
  readonly slots?: number
  /** Units of its rates that one start takes; default 1. */
  readonly cost?: number
  readonly owner?: string
  readonly team?: string
  readonly tags?: ReadonlyArray<string>
  /** W3C trace context and other headers that travel with the job, never in its payload. */
  readonly headers?: Readonly<Record<string, string>>
  readonly batchKey?: string
  /** While this job is live, retention does not remove the finished one: its result is still needed. */
  readonly holder?: JobId
  readonly cacheKey?: string
  /** Milliseconds after which the handler is told to finish; overrides the task's. */
  readonly softLimit?: number
  /** Milliseconds after which the handler is stopped; overrides the task's. */
  readonly hardLimit?: number
  /**
   * When its result is wanted, in milliseconds since 1970. It orders, it cancels nothing: a job beyond its deadline
   * runs like any other.
   */
  readonly deadline?: number
  /**
   * From when it could have started, in milliseconds since 1970: it is deferrable, and its due time was chosen after
   * that.
   */
  readonly deferredFrom?: number
  /** How long it stays when it has finished. */
  readonly retention?: JobRetention
}

export const JobExtra = Schema.Struct({
  slots: Schema.optionalKey(Schema.Finite),
  cost: Schema.optionalKey(Schema.Finite),
  owner: Schema.optionalKey(Schema.String),
  team: Schema.optionalKey(Schema.String),
  tags: Schema.optionalKey(Schema.Array(Schema.String)),
  headers: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  batchKey: Schema.optionalKey(Schema.String),
  holder: Schema.optionalKey(Schema.Finite),
  cacheKey: Schema.optionalKey(Schema.String),
  softLimit: Schema.optionalKey(Schema.Finite),
  hardLimit: Schema.optionalKey(Schema.Finite),
  deadline: Schema.optionalKey(Schema.Finite),
  deferredFrom: Schema.optionalKey(Schema.Finite),
  retention: Schema.optionalKey(JobRetention)
})

/**
 * A job as look-ups and lists show it. Times in milliseconds since 1970.
 *
 * Payload, result and progress: `TaskQueue` answers them decoded with the task's schemas where this process has a
 * handler for it, else as JSON (`JobValues`); a `JobStore` as they rest in it (`traits.payloads`).
 */
export interface JobRecord {
  readonly id: JobId
  readonly task: string
  readonly group: string
  readonly state: JobState
  /** Set while `scheduled`. */
  readonly waitReason: WaitReason | undefined
  /** 1 (first) to 10. */
  readonly priority: number
  readonly due: number
  /**
   * Its place in the order of its group: the lowest starts first. While `pending` in a fair group, or of a key in order
   * of enqueue, the place that its key gave it.
   */
  readonly rank: number
  /** Attempts claimed so far. */
  readonly attempt: number
  readonly maxAttempts: number
  /** The oldest first: the last one, and of those before it the newest ten. None of before an operator's Retry. */
  readonly attempts: ReadonlyArray<JobAttempt>
  /** Of the definition that made the payload; an operator's edit leaves it. */
  readonly version: number
  readonly payload: unknown
  /** Set once `completed`. */
  readonly result: unknown
  /** The last attempt's failure. */
  readonly failure: Failure | undefined
  /** The last progress reported. */
  readonly progress: unknown
  readonly partitionKey: string | undefined
  readonly uniqueKey: string | undefined
  /** Parents it still waits for. */
  readonly waitingFor: ReadonlyArray<JobId>
  readonly expiresAt: number | undefined
  /** By the clock of the process that enqueued it. */
  readonly enqueuedAt: number
  /** When the last attempt was claimed. */
  readonly startedAt: number | undefined
  readonly finishedAt: number | undefined
  /** The worker session that runs it, or ran it last. */
  readonly session: number | undefined
  readonly extra: JobExtra | undefined
}
