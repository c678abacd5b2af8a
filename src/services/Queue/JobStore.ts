/**
 * Where jobs rest between enqueue and retention's end: the one contract every store keeps.
 *
 * The store takes turns. A turn carries everything that has gathered (settles, new jobs, claims, progress, logs), is one
 * transaction, and answers all of it; `enqueue`, `claim` and `settle` alone are turns with empty parts. Inside a turn the order is:
 * progress and logs, settle, enqueue, promote what is due, claim, counters, commit. Everything it answers is durable when it answers.
 *
 * Delivery is at least once. Every state change of a running job carries its token (session and attempt) and is refused once the
 * claim has passed on; at most one completion is accepted.
 *
 * Time is the caller's: `now` is passed in, in milliseconds since 1970, read from Effect's `Clock`. The processes that share a
 * store must share a clock to within a second; order inside a group never compares two clocks but `rank`, then id.
 *
 * Only `StoreTurns` calls `turn`, but for a report on a job from outside its worker; it keeps one in flight per store and lets what
 * arrives meanwhile be the next.
 */
import { Context, type Effect, type Scope } from "effect"
import type { Failure, JobExtra, JobId, JobRecord, JobState } from "./Job.ts"
import type { Histogram } from "./policy/Histogram.ts"
import type { Rankings } from "./policy/Order.ts"
import type { PressureLevel } from "./policy/MemoryPressure.ts"
import type { StoreError, StoreReason } from "./StoreError.ts"

/** What happens when a job's unique key is taken by a live job (or, with `windowMs`, was taken within the window). */
export type UniqueConflict =
  /** The enqueue is refused with the id of the live job. */
  | "reject"
  /** The live job is answered instead. */
  | "existing"
  /** A waiting job takes over payload, priority, due time and deadline; a running one is answered as it is. */
  | "replace"
  /** As `replace`, so that each call pushes the start away; while one runs the new job is held as by `keepLast`. */
  | "debounce"
  /** A waiting job takes over the payload and keeps its place; while one runs, the newest call is held, `scheduled`, and follows it. */
  | "keepLast"

export interface Unique {
  /** The key with its scope already in it: unique over the whole store. */
  readonly key: string
  readonly onConflict: UniqueConflict
  /** Milliseconds from the first enqueue during which the key stays taken, even when its job has finished; 0: while it is live. */
  readonly windowMs: number
}

/** What becomes of a waiting job when a job it waits for fails, is cancelled or is removed. */
export type ParentFailurePolicy =
  /** It is cancelled with cause `ParentFailed`, and so on down. */
  | "cancel"
  /** It is buried as `failed` with cause `ParentFailed`. */
  | "fail"
  /** It runs all the same. */
  | "run"

export interface After {
  readonly jobs: ReadonlyArray<JobId>
  readonly onParentFailure: ParentFailurePolicy
  /** Also for the jobs before it among those that are stored whole with it (`Turn.batches`), whose ids nobody knows yet. */
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
  /** JSON text, or the encoded value itself where `traits.payloads` is `"value"`. Results likewise. */
  readonly payload: unknown
  readonly partitionKey: string | undefined
  /** Cancelled with cause `Expired` when it has not started by then. Once it has, its retries know no expiry. */
  readonly expiresAt: number | undefined
  readonly unique: Unique | undefined
  readonly after: After | undefined
  readonly extra: JobExtra | undefined
}

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
 * Jobs that come with the end of an attempt: stored whole, in its transaction, and only if the settle is accepted and did not become
 * a cancellation. Since they follow work that was accepted, the limit of live jobs does not refuse them.
 */
export interface FollowUp {
  /** Without `unique` and `after`. */
  readonly jobs: ReadonlyArray<NewJob>
  /**
   * `release` only: the job waits, reason `parents`, until all of these have ended, however they end: places in `jobs`, and ids of
   * other jobs, of which finished and unknown ones are not waited for. Nothing to wait for: it runs again when it is due.
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
}

export interface ClaimRequest {
  readonly group: string
  /** Free slots of the calling worker. The store hands out fewer when the group's limit, over all workers, is nearer. */
  readonly limit: number
  /**
   * The tasks whose jobs start together. A batch takes one slot, here and in the group's limit, until its first job is
   * settled: settle that one last. Absent for nearly all requests.
   */
  readonly batches?: ReadonlyArray<BatchClaim> | undefined
}

/** How the jobs of one task become batches. They stay pending, for any worker to take, until a batch is full or has waited. */
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
  /** Set: not progress, but JSON text that the durable step of this name made. Kept until the job completes or is removed. */
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
  readonly now: number
  /** The worker session that settles and claims; 0 for a turn that does neither. */
  readonly session: number
  readonly settle: ReadonlyArray<Settle>
  readonly enqueue: ReadonlyArray<NewJob>
  /** Lengths of the consecutive runs of `enqueue` that are stored whole or not at all; they add up to its length. Undefined: each job alone. */
  readonly batches: ReadonlyArray<number> | undefined
  /** Tried in order; put the group that needs it most first. */
  readonly claim: ReadonlyArray<ClaimRequest>
  /** With session 0 (a command that runs as a job, reporting from outside) the attempt alone is the token of progress and logs. */
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
  readonly payload: unknown
  readonly partitionKey: string | undefined
  readonly expiresAt: number | undefined
  readonly extra: JobExtra | undefined
  /** How many of its attempts were lost with their worker; 0 for nearly all. A retry or a hand-back leaves it, an operator's Retry starts anew. */
  readonly lost: number
}

/** What the store says of an enqueue that did not plainly create a job. */
export type EnqueueNote =
  /** The live job of the key is the answer; nothing was stored. */
  | { readonly _tag: "Existing"; readonly id: JobId }
  /** A waiting job of the key took this one's payload. */
  | { readonly _tag: "Replaced"; readonly id: JobId }
  /** Refused: the key is taken. */
  | { readonly _tag: "Duplicate"; readonly existing: JobId }
  /** Refused: the store holds as many live jobs as its setting allows. */
  | { readonly _tag: "Overloaded"; readonly limit: number; readonly retryAfterMs: number }
  /** Refused: a parent is unknown (or was removed). Asked only of a job that is to be stored: a taken key comes first. */
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

export interface TurnResult {
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
  /** The earliest time at which a scheduled job becomes due or a batch has waited long enough, if any: look again then. */
  readonly nextDue: number | undefined
  /** For the session's running jobs; with each turn until they have ended, since an answer may be lost. */
  readonly signals: ReadonlyArray<Signal>
  /** The session is unknown or its lease has ended: nothing was claimed, settles were refused. Stop all handlers and join again. */
  readonly fenced: boolean
  /** The session was asked to drain: claim no more, finish, leave. */
  readonly draining: boolean
  /** Settles let jobs go that waited for them, perhaps in groups that nothing was claimed from. Said by stores whose turns answer in the caller's stack; others wake. */
  readonly released?: boolean
}

/** Which jobs. Fields are joined by "and"; an empty filter is every job. */
export interface JobFilter {
  readonly ids?: ReadonlyArray<JobId>
  readonly tasks?: ReadonlyArray<string>
  readonly groups?: ReadonlyArray<string>
  readonly states?: ReadonlyArray<JobState>
  readonly owner?: string
  readonly team?: string
  readonly tag?: string
  readonly partitionKey?: string
  readonly batchKey?: string
  /** Enqueued at or after, in milliseconds since 1970. */
  readonly from?: number
  /** Enqueued before. */
  readonly to?: number
}

export interface PageRequest {
  /** 1 to 1,000. */
  readonly limit: number
  /** Newest first, or oldest first; by id. */
  readonly order: "newest" | "oldest"
  /** Continue after this id; from `Page.next`. */
  readonly cursor?: JobId
}

export interface Page {
  readonly jobs: ReadonlyArray<JobRecord>
  /** Set when there may be more. */
  readonly next: JobId | undefined
}

export interface Count {
  readonly count: number
  /** False when counting stopped at the bound (10,000): there are at least `count`. */
  readonly exact: boolean
}

/** What operators change. Each answers for waiting and finished jobs in one transaction; running jobs are signalled. */
export type JobChange =
  /**
   * Waiting: cancelled. Running: its worker is signalled within 2 s, and the job does not run again: an attempt that asks for a
   * retry, is handed back or is lost ends it as cancelled. Finished: refused.
   */
  | { readonly _tag: "Cancel"; readonly reason: string }
  /**
   * Finished: pending again as a new job under its old id, with no attempts spent and none lost. Live: refused. Without `rankings` it
   * keeps the head start it had.
   */
  | { readonly _tag: "Retry"; readonly rankings?: Rankings }
  /** Waiting or finished: gone, with logs and progress. Running: refused. */
  | { readonly _tag: "Remove" }
  /** Waiting only. A new priority, due time or deadline moves it: it is ranked anew by the order of its group. */
  | {
      readonly _tag: "Edit"
      readonly payload?: unknown
      readonly priority?: number
      readonly due?: number
      readonly deadline?: number
      readonly rankings: Rankings
    }
  /** Live: ranked anew by the order of its group, wherever it stands; nothing else changes. Finished: refused. */
  | { readonly _tag: "Rank"; readonly rankings: Rankings }

export interface ChangeResult {
  /** Ids that changed or were signalled. */
  readonly changed: ReadonlyArray<JobId>
  /** Named ids that do not allow it, with their state; undefined: no such job. Empty for a filter, which passes them over. */
  readonly refused: ReadonlyArray<{ readonly id: JobId; readonly state: JobState | undefined }>
  /** A filter matches more than `limit`: call again. */
  readonly more: boolean
}

export { unlimited } from "./ResourceGroup.ts"

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

/** A worker process as it announces itself. */
export interface WorkerInfo {
  readonly name: string
  readonly host: string
  readonly pid: number
  readonly version: string
  /** Slots per group. */
  readonly slots: Readonly<Record<string, number>>
  /** Tasks it has handlers for; only their jobs are claimed for it. Kept current by `beat`. */
  readonly tasks: ReadonlyArray<string>
}

/** What a worker has seen of the batches of one task. */
export interface BatchCurve {
  /** `closures:` and the group for batches of closures. */
  readonly task: string
  readonly group: string
  readonly maxBatchSize: number
  /** What a call may take; undefined: only its cost counts. */
  readonly latencyMs?: number | undefined
  /** Calls that answered, the items in them, and calls that failed as a whole and were run again in parts. */
  readonly calls: number
  readonly items: number
  readonly splits: number
  /** The size that costs least per item, as far as is known. */
  readonly best: number
  /** The fitted cost of a call for n items, in milliseconds: `fixedMs + itemMs n + growthMs n²`. */
  readonly fixedMs: number
  readonly itemMs: number
  readonly growthMs: number
  /** Calls by size, half a doubling wide: how many, and recent means of size and milliseconds. Smallest first. */
  readonly seen: ReadonlyArray<{ readonly size: number; readonly calls: number; readonly ms: number }>
}

export interface WorkerLoad {
  /** Slots in use per group: running jobs, a batch as one. */
  readonly busy: Readonly<Record<string, number>>
  /** Of one core, 0 to the number of cores, since the last beat. */
  readonly cpu: number
  readonly rssBytes: number
  readonly heapBytes: number
  /** p99 since the last beat, in milliseconds. */
  readonly loopDelayMs: number
  /** Since the worker began; absent for a worker without batches. */
  readonly batches?: ReadonlyArray<BatchCurve>
  /** What may live in its heap. Not told by older workers. */
  readonly heapLimitBytes?: number
  readonly pressure?: PressureLevel
  /**
   * Slots that were declared for this worker, by group or `*`: the most the scaler gives it. 0 where it gives none: closed, or between
   * bounds of the worker's own. Absent when nothing was declared.
   */
  readonly declared?: Readonly<Record<string, number>>
}

export interface WorkerRecord extends WorkerInfo {
  readonly session: number
  readonly startedAt: number
  readonly lastBeat: number
  readonly leaseUntil: number
  readonly draining: boolean
  readonly load: WorkerLoad | undefined
  /** Set while its event loop does not answer: since when, and the jobs running then. */
  readonly blocked: { readonly since: number; readonly jobs: ReadonlyArray<JobId> } | undefined
}

/** Jobs taken from workers that are gone. */
export interface SweepResult {
  /** Pending again, their attempt spent and counted as lost. */
  readonly recovered: ReadonlyArray<JobId>
  /** Attempts used up: buried with cause `WorkerLost`. */
  readonly buried: ReadonlyArray<JobId>
  /** Expired while waiting: cancelled. */
  readonly expired: number
  /** Sessions removed. */
  readonly sessions: ReadonlyArray<number>
  readonly more: boolean
}

/** How long finished jobs stay, but those whose holder (`JobExtra`) is live. A job goes when it is older than the age or beyond the count of its state, whichever comes first. */
export interface Retention {
  readonly ageMs: number
  readonly count: number
}
export type RetentionPolicy = Readonly<Record<"completed" | "failed" | "cancelled", Retention>>

/** Widths of the roll-ups, in milliseconds. */
export type RollUpWidth = 10_000 | 60_000 | 3_600_000

/** What happened to the jobs of one group and task in one interval. Times in milliseconds; histograms merge by addition. */
export interface RollUp {
  readonly width: RollUpWidth
  readonly start: number
  readonly group: string
  readonly task: string
  readonly arrivals: number
  readonly starts: number
  readonly completed: number
  /** Failed attempts, also those retried. */
  readonly failed: number
  readonly retried: number
  /** Given up. */
  readonly dead: number
  readonly cancelled: number
  readonly recovered: number
  readonly deduplicated: number
  /** From due (or enqueue, if later) to start. */
  readonly wait: Histogram
  readonly run: Histogram
}

/** Resources of all workers in one interval: means weighted by beats, and peaks. */
export interface ResourceRollUp {
  readonly width: RollUpWidth
  readonly start: number
  readonly beats: number
  readonly cpuMean: number
  readonly rssBytesPeak: number
  readonly heapBytesPeak: number
  readonly loopDelayMsPeak: number
  readonly busyMean: number
}

export interface RollUpQuery {
  readonly width: RollUpWidth
  readonly from: number
  readonly to: number
  readonly group?: string
  readonly task?: string
}

/** A piece of a service's own knowledge, kept with the queue: settings, states, rules. */
export interface StoredDocument {
  readonly key: string
  readonly text: string
  /** Greater with every write of any document, never used twice. */
  readonly version: number
  /** When it was written, by the writer's clock. */
  readonly at: number
}

/** One line of a journal. */
export interface JournalEntry {
  /** Greater than that of every entry before it. */
  readonly seq: number
  readonly key: string
  readonly at: number
  readonly text: string
}

/** What woke a listener: jobs became claimable, jobs finished, or a worker has a signal, limit, pause or document to see. */
export type Wake = "ready" | "finished" | "control"

export interface StoreStatus {
  /** `memory:` or the path. */
  readonly location: string
  readonly schemaVersion: number
  /** Of the store's files, or an estimate of the heap. */
  readonly bytes: number
  readonly walBytes: number
  readonly freeBytes: number | undefined
  readonly live: number
  /** Live jobs beyond which this process refuses enqueues as `Overloaded`. */
  readonly maxLive: number
  readonly finished: number
}

export class JobStore extends Context.Service<
  JobStore,
  {
    readonly traits: {
      readonly kind: "memory" | "sqlite" | "postgres" | "redis"
      readonly location: string
      /** Whether payloads, results and progress rest as JSON text or as the encoded value. */
      readonly payloads: "text" | "value"
      /** Whether other processes may use it at the same time. */
      readonly shared: boolean
    }

    /** One transaction; see the module comment. Fails whole: then nothing of it happened. */
    readonly turn: (turn: Turn) => Effect.Effect<TurnResult, StoreError>
    /**
     * The same, answered in the caller's stack, where the store can do that without blocking on I/O (memory).
     * Throws `StoreError`. Spares a suspension per turn.
     */
    readonly turnSync: ((turn: Turn) => TurnResult) | undefined

    // Looking. No cost grows with the number of jobs, but for what a page holds.
    /** In the order asked; absent ones are left out. */
    readonly get: (ids: ReadonlyArray<JobId>) => Effect.Effect<ReadonlyArray<JobRecord>, StoreError>
    readonly list: (filter: JobFilter, page: PageRequest) => Effect.Effect<Page, StoreError>
    /** From maintained counters when the filter names only task, group and state; otherwise counted up to 10,000. */
    readonly count: (filter: JobFilter) => Effect.Effect<Count, StoreError>
    /** All cells with a count above 0. */
    readonly counters: Effect.Effect<ReadonlyArray<CounterRecord>, StoreError>
    /** When the next pending job of each group was due; groups without one are left out. */
    readonly oldestPending: Effect.Effect<ReadonlyMap<string, number>, StoreError>
    /** Up to `limit` (1,000) pending jobs of a group, in the order in which they start. */
    readonly upNext: (group: string, limit: number) => Effect.Effect<ReadonlyArray<RankedJob>, StoreError>
    /** Up to `limit` lines after the line numbered `after` (from 0), in order; `next` continues. At most 1,000 lines are kept per job, the newest. */
    readonly logs: (
      id: JobId,
      options: { readonly after: number; readonly limit: number }
    ) => Effect.Effect<{ readonly lines: ReadonlyArray<LogLine>; readonly next: number }, StoreError>
    /** What a durable step of a job made, as JSON text. */
    readonly step: (id: JobId, name: string) => Effect.Effect<string | undefined, StoreError>
    readonly rollUps: (query: RollUpQuery) => Effect.Effect<ReadonlyArray<RollUp>, StoreError>
    readonly resourceRollUps: (query: RollUpQuery) => Effect.Effect<ReadonlyArray<ResourceRollUp>, StoreError>
    readonly status: Effect.Effect<StoreStatus, StoreError>

    // Changing, for operators.
    /** At most `limit` (1,000) jobs in one transaction, oldest first; with a filter that names no ids only those after `after`. */
    readonly change: (
      filter: JobFilter,
      change: JobChange,
      options: { readonly now: number; readonly limit: number; readonly after?: JobId }
    ) => Effect.Effect<ChangeResult, StoreError>

    // Groups. A paused group claims nothing; what runs goes on.
    /** Makes groups known with their declared limits; an operator's limit stays. */
    readonly declareGroups: (
      groups: ReadonlyArray<{ readonly name: string; readonly limit: number }>
    ) => Effect.Effect<void, StoreError>
    readonly groups: Effect.Effect<ReadonlyArray<GroupRecord>, StoreError>
    /** `limit: null` returns to the declared limit. An unknown group is made. */
    readonly setGroup: (
      name: string,
      settings: { readonly limit?: number | null; readonly paused?: boolean }
    ) => Effect.Effect<GroupRecord, StoreError>
    readonly paused: Effect.Effect<boolean, StoreError>
    /** Pauses or resumes the whole queue, apart from the pauses of its groups. */
    readonly setPaused: (paused: boolean) => Effect.Effect<void, StoreError>

    // Documents and journals: what the services around the queue keep in it. Small and rarely written; texts are the services' own.
    /** All documents of a kind, by key. */
    readonly documents: (kind: string) => Effect.Effect<ReadonlyArray<StoredDocument>, StoreError>
    /**
     * Replaces one whole; `text` undefined removes it. With `version` only while that is still its version (0: only while there is
     * none). Answers the new version (0: removed), or undefined when it had moved on: read it again and decide anew.
     */
    readonly putDocument: (
      kind: string,
      key: string,
      text: string | undefined,
      options: { readonly now: number; readonly version?: number }
    ) => Effect.Effect<number | undefined, StoreError>
    /** Newest first, of one key or of all; `before` (a `seq`) continues. */
    readonly journal: (
      kind: string,
      options: { readonly key?: string; readonly before?: number; readonly limit: number }
    ) => Effect.Effect<ReadonlyArray<JournalEntry>, StoreError>
    /** Appends in order, in one transaction; of each kind and key the newest `keep` (at least 1) stay. */
    readonly appendJournal: (
      kind: string,
      entries: ReadonlyArray<{ readonly key: string; readonly text: string }>,
      options: { readonly now: number; readonly keep: number }
    ) => Effect.Effect<void, StoreError>

    // Workers. A session is the fencing epoch of all its claims: greater than every one before it, never used twice.
    readonly join: (
      worker: WorkerInfo,
      options: { readonly now: number; readonly leaseMs: number }
    ) => Effect.Effect<number, StoreError>
    /**
     * Renews the lease to `now + leaseMs`. False: fenced. A store on a thread of its own also renews while the caller's event loop is
     * blocked, for at most `blockedMostMs`: what holds the loop beyond its time limit can only be stopped by giving its job away.
     */
    readonly beat: (
      session: number,
      beat: {
        readonly now: number
        readonly leaseMs: number
        readonly blockedMostMs: number
        readonly tasks: ReadonlyArray<string>
        readonly slots: Readonly<Record<string, number>>
        readonly load: WorkerLoad
      }
    ) => Effect.Effect<boolean, StoreError>
    /** Ends a session; jobs it still holds are recovered as the sweeper does. */
    readonly leave: (session: number, now: number) => Effect.Effect<void, StoreError>
    readonly workers: Effect.Effect<ReadonlyArray<WorkerRecord>, StoreError>
    readonly drain: (session: number) => Effect.Effect<boolean, StoreError>
    /** Takes up to `limit` jobs from sessions whose lease has ended or whose process on this host is dead, and expires waiting jobs. */
    readonly sweep: (options: {
      readonly now: number
      readonly limit: number
    }) => Effect.Effect<SweepResult, StoreError>

    // Upkeep.
    /**
     * Takes the lead of `role` until `now + ttlMs`, or keeps it: renewed when half of that has passed at the latest. False: another session has it.
     */
    readonly lead: (
      role: string,
      session: number,
      options: { readonly now: number; readonly ttlMs: number }
    ) => Effect.Effect<boolean, StoreError>
    /** Removes up to `limit` finished jobs beyond retention, with all that hangs on them, and old roll-ups; answers how many jobs. */
    readonly prune: (
      policy: RetentionPolicy,
      options: { readonly now: number; readonly limit: number }
    ) => Effect.Effect<number, StoreError>

    /** Calls `listener` after commits of this and other processes that may concern it, until the scope closes. May call without cause. */
    readonly onWake: (listener: (wake: Wake) => void) => Effect.Effect<void, never, Scope.Scope>
  }
>()("sluice/services/Queue/JobStore") {}
