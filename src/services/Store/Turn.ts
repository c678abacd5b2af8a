/**
 * The turn: what producers and workers ask of a store in one transaction, and what it answers. `JobStore` says in which
 * order.
 */
import type { Failure, JobExtra, JobId } from "../Queue/Job.ts"
import type { BreakerChange } from "../Limits/policy/Feedback.ts"
import type { StoreReason } from "./StoreError.ts"

/** The names of the fields, of which the compiler misses none. */
const fieldsOf = <A>(fields: Readonly<Record<keyof A & string, 0>>): ReadonlyArray<keyof A & string> =>
  Object.keys(fields) as ReadonlyArray<string> as ReadonlyArray<keyof A & string>

export const uniqueConflicts = ["reject", "existing", "replace", "debounce", "keepLast"] as const

/**
 * What happens when a job's unique key is taken by a live job (or, with `windowMs`, was taken within the window).
 *
 * - `reject`: the enqueue is refused with the id of the live job.
 * - `existing`: the live job is answered instead.
 * - `replace`: a waiting job takes over payload, priority, due time and deadline; a running one is answered as it is.
 * - `debounce`: as `replace`, so that each call pushes the start away, but no further than `maxDelayMs` says; while one
 *   runs the new job is held as by `keepLast`.
 * - `keepLast`: a waiting job takes over the payload and keeps its place; while one runs, the newest call is held,
 *   `scheduled`, and follows it.
 */
export type UniqueConflict = (typeof uniqueConflicts)[number]

export interface Unique {
  /** The key with its scope already in it: unique over the whole store. */
  readonly key: string
  readonly onConflict: UniqueConflict
  /**
   * Milliseconds from the first enqueue during which the key stays taken, even when its job has finished; 0: while it
   * is live.
   */
  readonly windowMs: number
  /**
   * `debounce`: the job starts at the latest this long after the first call that it stands for, in milliseconds
   * (`policy/jobs/Debouncing.ts`). Absent: however far calls push it away.
   */
  readonly maxDelayMs?: number
}

export const parentFailurePolicies = ["cancel", "fail", "run"] as const

/**
 * What becomes of a waiting job when a job it waits for fails, is cancelled or is removed. `cancel`: it is cancelled
 * with cause `ParentFailed`, and so on down. `fail`: it is buried as `failed` with cause `ParentFailed`. `run`: it runs
 * all the same.
 */
export type ParentFailurePolicy = (typeof parentFailurePolicies)[number]

export interface After {
  readonly jobs: ReadonlyArray<JobId>
  readonly onParentFailure: ParentFailurePolicy
  /**
   * Also for the jobs before it among those that are stored whole with it (`Turn.batches`), whose ids nobody knows yet.
   */
  readonly siblings?: boolean
}

/** A job as it is handed to the store. All fields always present: one hidden class on the hot path. */
export interface NewJob {
  readonly task: string
  readonly group: string
  readonly priority: number
  /** Earliest start. At or before the turn's `now` the job is pending at once. */
  readonly due: number
  /** Order in its group, from `policy/Order.ts`. */
  readonly rank: number
  readonly maxAttempts: number
  /** Of the definition that made the payload (`Task.version`): who takes over the payload takes it along. */
  readonly version: number
  /** JSON text, or the encoded value itself where `traits.payloads` is `"value"`. Results likewise. */
  readonly payload: unknown
  readonly partitionKey: string | undefined
  /** Cancelled with cause `Expired` when it has not started by then. Once it has, its retries know no expiry. */
  readonly expiresAt: number | undefined
  readonly unique: Unique | undefined
  readonly after: After | undefined
  readonly extra: JobExtra | undefined
}

/** Each field of a `NewJob`: who writes them one after the other keeps this order. */
export const newJobFields = fieldsOf<NewJob>({
  task: 0,
  group: 0,
  priority: 0,
  due: 0,
  rank: 0,
  maxAttempts: 0,
  version: 0,
  payload: 0,
  partitionKey: 0,
  expiresAt: 0,
  unique: 0,
  after: 0,
  extra: 0
})

/** How a running job ends its attempt. */
export type SettleOutcome =
  | "completed"
  /** Attempts used up, or not retryable: buried. */
  | "failed"
  | "cancelled"
  /** `scheduled` again until `due`, reason `retry`. */
  | "retry"
  /** Handed back unspent: its attempt does not count. Waits until `due`. Snooze and graceful stop. */
  | "release"

/**
 * Jobs that come with the end of an attempt: stored whole, in its transaction, and only if the settle is accepted and
 * did not become a cancellation. Since they follow work that was accepted, the limit of live jobs does not refuse them.
 */
export interface FollowUp {
  /** Without `unique` and `after`. */
  readonly jobs: ReadonlyArray<NewJob>
  /**
   * `release` only: the job waits, reason `parents`, until all of these have ended, however they end: places in `jobs`,
   * and ids of other jobs, of which finished and unknown ones are not waited for. Nothing to wait for: it runs again
   * when it is due.
   */
  readonly afterJobs: ReadonlyArray<number>
  readonly afterIds: ReadonlyArray<JobId>
}

export interface Settle {
  readonly id: JobId
  /** The attempt this is about: half of the token, `Turn.session` is the other. */
  readonly attempt: number
  readonly outcome: SettleOutcome
  /** `completed`: the result. */
  readonly result: unknown
  /** `failed`, `cancelled`, `retry`: why. */
  readonly failure: Failure | undefined
  /** `retry`, `release`: when to run again, and the rank then. */
  readonly due: number
  readonly rank: number
  /** How long the attempt ran, in milliseconds with fraction, by the worker's monotonic clock. */
  readonly runMs: number
  /** With `completed` or `release`. */
  readonly followUp?: FollowUp | undefined
  /**
   * With `release`: the other side said when to come again, in milliseconds since 1970. The job's key starts nothing
   * before then if that is limited, else its group does not; of several such times the last one holds.
   */
  readonly heldBackUntil?: number | undefined
}

/** Each field of a `Settle`: who writes them one after the other keeps this order. */
export const settleFields = fieldsOf<Settle>({
  id: 0,
  attempt: 0,
  outcome: 0,
  result: 0,
  failure: 0,
  due: 0,
  rank: 0,
  runMs: 0,
  followUp: 0,
  heldBackUntil: 0
})

/**
 * What a session may take beyond its group's limit. A number: as if the limit were that, where no operator set one and
 * while no jobs wait in the group that another session would run; for a command that was told how many at a time.
 * `nested`: its jobs run in the slot of a running job that waits for them, so neither limit nor pause holds them.
 * Absent for nearly all sessions.
 */
export type BeyondLimit = number | "nested"

export interface ClaimRequest {
  readonly group: string
  /**
   * Jobs, or batches, that the calling worker has room for. The store hands out fewer when the group's limit, over all
   * workers, is nearer, or its rate.
   */
  readonly limit: number
  readonly beyond?: BeyondLimit | undefined
  /**
   * The tasks whose jobs start together. A batch takes the slots of its first job, here and in the group's limit, until
   * that one is settled: settle it last. Absent for nearly all requests.
   */
  readonly batches?: ReadonlyArray<BatchClaim> | undefined
}

/**
 * How the jobs of one task become batches. They stay pending, for any worker to take, until a batch is full or has
 * waited.
 */
export interface BatchClaim {
  readonly task: string
  /** Most jobs in a batch. At least 1. */
  readonly size: number
  /** A smaller batch starts when one of its jobs has been due for this long, in milliseconds. */
  readonly waitMs: number
  /** The jobs of a batch share a partition key. They are looked for among the first 1,000 pending jobs of the task. */
  readonly keyed: boolean
}

export interface ProgressNote {
  readonly id: JobId
  readonly attempt: number
  /** As payloads: text or value. The last one wins. */
  readonly value: unknown
  /**
   * Set: not progress, but JSON text that the durable step of this name made. Kept until the job completes or is
   * removed.
   */
  readonly step?: string
}

export type LogLevel = "debug" | "info" | "warning" | "error"

export interface LogLine {
  readonly id: JobId
  readonly attempt: number
  readonly at: number
  readonly level: LogLevel
  readonly message: string
}

export interface Turn {
  /** The asker's time. A store behind a network goes by its server's clock, and says so in `TurnResult.now`. */
  readonly now: number
  /** A random id of who takes turns, as wakes name it; absent where nobody listens for them. */
  readonly origin?: string
  /** The worker session that settles and claims; 0 for a turn that does neither. */
  readonly session: number
  readonly settle: ReadonlyArray<Settle>
  readonly enqueue: ReadonlyArray<NewJob>
  /**
   * Lengths of the consecutive runs of `enqueue` that are stored whole or not at all; they add up to its length.
   * Undefined: each job alone.
   */
  readonly batches: ReadonlyArray<number> | undefined
  /** Tried in order; put the group that needs it most first. */
  readonly claim: ReadonlyArray<ClaimRequest>
  /**
   * With session 0 (a command that runs as a job, reporting from outside) the attempt alone is the token of progress
   * and logs.
   */
  readonly progress: ReadonlyArray<ProgressNote>
  readonly logs: ReadonlyArray<LogLine>
}

/** A claimed job, on its way to a handler. */
export interface ClaimedJob {
  readonly id: JobId
  readonly task: string
  readonly group: string
  readonly priority: number
  readonly due: number
  /** This attempt's number, counted from 1; counted when claimed. */
  readonly attempt: number
  readonly maxAttempts: number
  readonly version: number
  readonly payload: unknown
  readonly partitionKey: string | undefined
  readonly expiresAt: number | undefined
  readonly extra: JobExtra | undefined
  /**
   * How many of its attempts were lost with their worker; 0 for nearly all. A retry or a hand-back leaves it, an
   * operator's Retry starts anew.
   */
  readonly lost: number
}

/** Each field of a `ClaimedJob`: who writes them one after the other keeps this order. */
export const claimedJobFields = fieldsOf<ClaimedJob>({
  id: 0,
  task: 0,
  group: 0,
  priority: 0,
  due: 0,
  attempt: 0,
  maxAttempts: 0,
  version: 0,
  payload: 0,
  partitionKey: 0,
  expiresAt: 0,
  extra: 0,
  lost: 0
})

/** What the store says of an enqueue that did not plainly create a job. */
export type EnqueueNote =
  /** The live job of the key is the answer; nothing was stored. */
  | { readonly _tag: "Existing"; readonly id: JobId }
  /** A waiting job of the key took this one's payload. */
  | { readonly _tag: "Replaced"; readonly id: JobId }
  /** Refused: the key is taken. */
  | { readonly _tag: "Duplicate"; readonly existing: JobId }
  /**
   * Refused: the store holds as many live jobs as its setting allows, or the job's group or key as many that do not run
   * as its policy does (`backlog`).
   */
  | {
      readonly _tag: "Overloaded"
      readonly of: "store" | "group" | "key"
      readonly limit: number
      readonly retryAfterMs: number
    }
  /** Refused: it takes more slots than its group or key has. */
  | { readonly _tag: "TooLarge"; readonly slots: number; readonly limit: number; readonly of: "group" | "key" }
  /**
   * Refused: a parent is unknown (or was removed). Asked only of a job that is to be stored: a taken key comes first.
   */
  | { readonly _tag: "ParentNotFound"; readonly parent: JobId }
  /** Refused because another job of its batch was. */
  | { readonly _tag: "BatchRefused" }
  /** Refused: the disk is full or failing. What else the turn carried was done, so that running jobs still complete. */
  | { readonly _tag: "NotStored"; readonly reason: StoreReason }

/** Something a worker must do about a job it runs. */
export interface Signal {
  readonly id: JobId
  readonly kind: "cancel"
  readonly reason: string
}

/** A circuit breaker has opened, let its first probe start, or closed. */
export interface BreakerNote {
  readonly group: string
  /** Undefined: of the group as a whole. */
  readonly key: string | undefined
  readonly change: BreakerChange
  /** Until when nothing starts, in milliseconds since 1970; 0 once it has closed. */
  readonly until: number
}

export interface TurnResult {
  /** The time by which the store took the turn: that of its records. */
  readonly now: number
  /** For each job of `enqueue` its id; 0 where refused. */
  readonly ids: ReadonlyArray<JobId>
  /** By index in `enqueue`; undefined when every job was plainly created. */
  readonly notes: ReadonlyMap<number, EnqueueNote> | undefined
  /** Indexes in `settle` that were refused: the claim had passed on. Undefined when none was. */
  readonly lost: ReadonlySet<number> | undefined
  /** Claimed jobs, per claim request in order of rank. */
  readonly jobs: ReadonlyArray<ClaimedJob>
  /** Claimed batches, each in order of rank; the first job holds the slot. Absent where none could come. */
  readonly batches?: ReadonlyArray<ReadonlyArray<ClaimedJob>> | undefined
  /**
   * The earliest time at which a scheduled job becomes due or a batch has waited long enough, if any: look again then.
   */
  readonly nextDue: number | undefined
  /** For the session's running jobs; with each turn until they have ended, since an answer may be lost. */
  readonly signals: ReadonlyArray<Signal>
  /**
   * The session is unknown or its lease has ended: nothing was claimed, settles were refused. Stop all handlers and
   * join again.
   */
  readonly fenced: boolean
  /** The session was asked to drain: claim no more, finish, leave. */
  readonly draining: boolean
  /**
   * Groups that nothing was claimed from and in which this turn made jobs ready that the session may start now: claim
   * from them.
   */
  readonly ready?: ReadonlyArray<string> | undefined
  /**
   * Jobs that have ended with this turn though no settle of it says so: expired, cancelled or by the end of another.
   */
  readonly ended?: ReadonlyArray<JobId> | undefined
  /** Absent for nearly all turns. */
  readonly breakers?: ReadonlyArray<BreakerNote> | undefined
}
