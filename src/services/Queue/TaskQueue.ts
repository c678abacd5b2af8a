/**
 * The queue as programs use it: enqueue, await, look, change. Needs only a store; a process that should also run jobs
 * adds `Worker.layer` and handlers.
 *
 * An enqueue is acknowledged after it is durable. Awaiting works from any process; in the one that runs the job the
 * result arrives with the commit, elsewhere with the store's notification or, without one, within the poll interval.
 */
import { Context, type Duration, type Effect, Schema, type Scope, type Stream } from "effect"
import { Failure, formatJobId, type JobExtra, type JobId, type JobRecord, type JobState } from "./Job.ts"
import type { Count, JobSelection, Page, PageRequest } from "../Store/JobQuery.ts"
import type { CounterRecord, GroupRecord } from "../Store/GroupRecord.ts"
import type { LogLine, ParentFailurePolicy, UniqueConflict } from "../Store/Turn.ts"
import type { ResourceRollUp, RollUp, RollUpQuery } from "../Store/RollUp.ts"
import type { StoreStatus } from "../Store/JobStore.ts"
import type { UsageRecord } from "../Store/UsageRecord.ts"
import type { WorkerRecord } from "../Store/WorkerRecord.ts"
import type { GroupOrder } from "./GroupOrders.ts"
import { isJobId, shown } from "./policy/Bounds.ts"
import type { Reason } from "./policy/Explain.ts"
import type { OrderChoice } from "./policy/Order.ts"
import type { RetentionOption } from "./policy/RetentionOption.ts"
import type { Place } from "./policy/Place.ts"
import type { TimeInput } from "./policy/Times.ts"
import type { StoreError } from "../Store/StoreError.ts"
import type { AnyTask, Task } from "./Task.ts"

/** The payload does not fit the task's schema. Correct it; the message names the field. */
export class InvalidPayload extends Schema.TaggedError<InvalidPayload>()("InvalidPayload", {
  message: Schema.String
}) {}
/** Larger than `maxPayloadBytes`. Put the data elsewhere and its name in the payload. */
export class PayloadTooLarge extends Schema.TaggedError<PayloadTooLarge>()("PayloadTooLarge", {
  message: Schema.String,
  bytes: Schema.Int,
  maxBytes: Schema.Int
}) {}
/** The unique key is taken and the task says to refuse. `existing` is the job that has it. */
export class DuplicateJob extends Schema.TaggedError<DuplicateJob>()("DuplicateJob", {
  message: Schema.String,
  existing: Schema.Finite
}) {}
/**
 * The store holds as many live jobs as its setting allows, or the job's group or key as many that do not run as its
 * policy does. Try again after `retryAfterMs`, or let what is there be worked off.
 */
export class QueueOverloaded extends Schema.TaggedError<QueueOverloaded>()("QueueOverloaded", {
  message: Schema.String,
  /** Whose bound it is: `StoreLimits.maxLive`, or `backlog` of a policy. */
  of: Schema.Literals(["store", "group", "key"]),
  limit: Schema.Int,
  retryAfterMs: Schema.Finite
}) {}
/**
 * This process has too little memory left to take in more (`critical`, see `MemoryGate`). Try again after
 * `retryAfterMs`, or in another process; jobs that run meanwhile free memory.
 */
export class MemoryShort extends Schema.TaggedError<MemoryShort>()("MemoryShort", {
  message: Schema.String,
  /** Which limit is near. */
  nearest: Schema.Literals(["heap", "container", "machine"]),
  usedBytes: Schema.Finite,
  limitBytes: Schema.Finite,
  retryAfterMs: Schema.Finite
}) {}
/** A job named in `after` does not exist. */
export class ParentNotFound extends Schema.TaggedError<ParentNotFound>()("ParentNotFound", {
  message: Schema.String,
  parent: Schema.Finite
}) {}
/** An option is outside its range. Correct it; the message says what was expected. */
export class InvalidOption extends Schema.TaggedError<InvalidOption>()("InvalidOption", { message: Schema.String }) {}

/** An enqueue was refused; nothing of it was stored. */
export class EnqueueError extends Schema.TaggedError<EnqueueError>()("EnqueueError", {
  reason: Schema.Union([
    InvalidPayload,
    PayloadTooLarge,
    DuplicateJob,
    QueueOverloaded,
    MemoryShort,
    ParentNotFound,
    InvalidOption
  ])
}) {
  override get message() {
    return this.reason.message
  }
}

/**
 * The awaited job ended without its typed result or error: a defect, a limit, a cancellation, a lost worker.
 * `completed`: it has a result, which does not fit the schema it is awaited with (`BadResult`).
 */
export class JobFailed extends Schema.TaggedError<JobFailed>()("JobFailed", {
  id: Schema.Finite,
  state: Schema.Literals(["completed", "failed", "cancelled"]),
  failure: Failure
}) {
  override get message() {
    return `${this.failure.cause}: ${this.failure.message}`
  }
}

/** No job has this id: it never existed, or retention removed it. */
export class JobNotFound extends Schema.TaggedError<JobNotFound>()("JobNotFound", {
  /** NaN for what is no id at all. */
  id: Schema.Number,
  /** What that was. */
  given: Schema.optionalKey(Schema.String)
}) {
  override get message() {
    return this.given === undefined
      ? `No job ${formatJobId(this.id as JobId)}: it never existed, or retention removed it`
      : `No job has the id ${this.given}: an id is a whole number, and Job.parseJobId makes one of its text`
  }
}

/** For whatever was given as an id. */
export const jobNotFound = (id: unknown): JobNotFound =>
  isJobId(id) ? new JobNotFound({ id }) : new JobNotFound({ id: Number.NaN, given: shown(id) })

/** The job's state does not allow the change; nothing was changed. */
export class WrongState extends Schema.TaggedError<WrongState>()("WrongState", {
  id: Schema.Finite,
  state: Schema.String,
  message: Schema.String
}) {}

export interface EnqueueOptions {
  /** Not before this long from now. */
  readonly in?: Duration.Input
  /** Not before this time. */
  readonly at?: TimeInput
  /**
   * The budget it draws on; over the task's. A name that nobody declared makes a group with the limit of undeclared
   * ones.
   */
  readonly group?: string
  /** 1 (first) to 10; over the task's. */
  readonly priority?: number
  /** Retries after the first attempt; over the task's policy. */
  readonly retries?: number
  /** The customer or object it concerns. Jobs of one batch have the same. Default: none. */
  readonly partitionKey?: string
  /** Over the task's `idempotencyKey`. */
  readonly key?: string
  /** What a taken key does to this enqueue; over the task's. */
  readonly onConflict?: UniqueConflict
  /**
   * With `debounce`: the job of the key starts at the latest this long after the first call that it stands for; at
   * least the delay of this call. Over the task's; default ten times the delay of this call.
   */
  readonly maxDelay?: Duration.Input
  /** Cancelled when it has waited this long; over the task's. */
  readonly expiresIn?: Duration.Input
  /** When the result is wanted. It orders (see `policy/Order.ts`) and cancels nothing. */
  readonly deadline?: TimeInput
  /** The same as a time from when the job is due; over the task's. */
  readonly deadlineIn?: Duration.Input
  /**
   * It need not start at once, only be done by its deadline: it is put where the load of its group is forecast to be
   * lowest, and never later than it can still be done in time; at once where nothing is known. With neither `in` nor
   * `at`, and in place of the other deadlines. Over the task's; `false`: at once.
   */
  readonly deferrable?: { readonly deadline: TimeInput } | { readonly deadlineIn: Duration.Input } | false
  /** Jobs that must be `completed` first. */
  readonly after?: ReadonlyArray<JobId>
  /** What becomes of this job when one of them does not complete. Default `"cancel"`. */
  readonly onParentFailure?: ParentFailurePolicy
  /** Over the task's; infinite: none. */
  readonly softLimit?: Duration.Input
  /** Over the task's; infinite: none. */
  readonly hardLimit?: Duration.Input
  /** Who put it there, to be shown and searched for. Default: nobody. */
  readonly owner?: string
  /** Whose it is, to be shown and searched for. Default: none. */
  readonly team?: string
  /** Words to find it by (`JobFilter.tags`). Default: none. */
  readonly tags?: ReadonlyArray<string>
  /** Travels with it to the handler (`job.headers`), beside the payload: a trace, a tenant. Default: none. */
  readonly headers?: Readonly<Record<string, string>>
  /**
   * Slots of its group, and of its key where that is limited, that one run takes over all workers. Whole, from 1; an
   * enqueue that asks for more than there are is refused. Default 1.
   */
  readonly slots?: JobExtra["slots"]
  /** Units of the rates of its group and key that one start takes: above 0, with fractions. Default 1. */
  readonly cost?: JobExtra["cost"]
  /** What jobs that belong together are found by (`JobFilter.batchKey`). Default: none. */
  readonly batchKey?: string
  /** How long it stays when it has finished; over the task's, state by state. */
  readonly retention?: RetentionOption
  /** Kept with the job; the result cache is to come and not there in this version. */
  readonly cacheKey?: string
}

/** How jobs that are enqueued together may start. */
export interface SpreadOption {
  /**
   * They are due evenly over this interval, in their order: of n the i-th (from 0) i · interval / n after its own time.
   * Their expiry is put off with them. Default: each at its own time.
   */
  readonly spread?: Duration.Input
}

/** What the jobs of one call share. */
export interface BulkOptions extends EnqueueOptions, SpreadOption {}

/** How an enqueue met the jobs that were there. */
export type EnqueueOutcome = "created" | "existing" | "replaced"

/** A job of a known task, in the hands of a program. */
export interface JobHandle<S, E, G> {
  readonly id: JobId
  /** For a handle made by `job(task, id)`: `"existing"`. */
  readonly outcome: EnqueueOutcome
  /** Waits for the end: the typed result, the typed error, or `JobFailed`. */
  readonly await: Effect.Effect<S, E | JobFailed | JobNotFound | StoreError>
  /**
   * Its record, with payload, result and progress decoded by its task; what does not fit the schema, as JSON. The typed
   * result comes from `await`.
   */
  readonly status: Effect.Effect<JobRecord, JobNotFound | StoreError>
  /**
   * Decoded progress as it changes, ending with the job. Looks at the store each poll interval when the job runs
   * elsewhere.
   */
  readonly progress: Stream.Stream<G, JobNotFound | StoreError>
  readonly logs: Effect.Effect<ReadonlyArray<LogLine>, InvalidOption | StoreError>
  readonly cancel: (reason?: string) => Effect.Effect<void, JobNotFound | WrongState | StoreError>
}

/** One job among several that are enqueued together; made by `TaskQueue.request`. */
export interface EnqueueRequest<out S = unknown, out E = unknown, out G = unknown> {
  readonly task: AnyTask
  readonly payload: unknown
  readonly options: EnqueueOptions | undefined
  /** For types only. */
  readonly _ends?: { readonly success: S; readonly error: E; readonly progress: G }
}

/** A typed element of `enqueueAll`. */
export const request = <P, S, E, G>(
  task: Task<P, S, E, G>,
  payload: NoInfer<P>,
  options?: EnqueueOptions
): EnqueueRequest<S, E, G> => ({ task: task as unknown as AnyTask, payload, options })

/** For each request the handle of its job, with the types of its task. */
export type RequestHandles<Requests extends ReadonlyArray<EnqueueRequest>> = {
  readonly [K in keyof Requests]: Requests[K] extends EnqueueRequest<infer S, infer E, infer G>
    ? JobHandle<S, E, G>
    : never
}

/** Jobs that belong together, and what follows when all of them have ended. */
export interface JobSet<Requests extends ReadonlyArray<EnqueueRequest>, S, E, G> {
  readonly jobs: Requests
  /**
   * Enqueued with them; it waits until each of them has ended, well or not (unless its `onParentFailure` says
   * otherwise).
   */
  readonly onDone: EnqueueRequest<S, E, G>
  /** What to find them by (`JobFilter.batchKey`), for those that have none of their own. */
  readonly batchKey?: string
}

/** What an operator may change of a waiting job. */
export interface JobEdit {
  /** The new payload, as the task's type; checked with its schema when the task is known here, else taken as JSON. */
  readonly payload?: unknown
  readonly priority?: number
  /** Not before this time. */
  readonly due?: TimeInput
  /** When its result is wanted. */
  readonly deadline?: TimeInput
  /** Where it waits from now on. Refused for the commands of `run` and `map`, which only their own process runs. */
  readonly group?: string
  /** In place of those it has. */
  readonly tags?: ReadonlyArray<string>
}

export interface QueueStats {
  readonly counters: ReadonlyArray<CounterRecord>
  readonly groups: ReadonlyArray<GroupRecord>
  /** Per group: when its next pending job was due, in milliseconds since 1970. */
  readonly oldestPending: ReadonlyMap<string, number>
  readonly paused: boolean
  readonly workers: ReadonlyArray<WorkerRecord>
}

export class TaskQueue extends Context.Service<
  TaskQueue,
  {
    // Producing.
    readonly enqueue: <P, S, E, G>(
      task: Task<P, S, E, G>,
      payload: NoInfer<P>,
      options?: EnqueueOptions
    ) => Effect.Effect<JobHandle<S, E, G>, EnqueueError | StoreError>
    /** Jobs of one task, stored whole or not at all; handles in the order of the payloads. */
    readonly enqueueMany: <P, S, E, G>(
      task: Task<P, S, E, G>,
      payloads: ReadonlyArray<NoInfer<P>>,
      options?: BulkOptions
    ) => Effect.Effect<ReadonlyArray<JobHandle<S, E, G>>, EnqueueError | StoreError>
    /** Jobs of any tasks, stored whole or not at all. */
    readonly enqueueAll: <const Requests extends ReadonlyArray<EnqueueRequest>>(
      requests: Requests,
      options?: SpreadOption
    ) => Effect.Effect<RequestHandles<Requests>, EnqueueError | StoreError>
    /**
     * Jobs with one that follows when all of them have ended: stored whole or not at all, so the follower is neither
     * lost nor doubled by a crash. It is a job like any other, and its handler runs at least once.
     */
    readonly enqueueSet: <const Requests extends ReadonlyArray<EnqueueRequest>, S, E, G>(
      set: JobSet<Requests, S, E, G>
    ) => Effect.Effect<
      { readonly jobs: RequestHandles<Requests>; readonly done: JobHandle<S, E, G> },
      EnqueueError | StoreError
    >
    /**
     * Enqueues and awaits. Interrupting the caller does not cancel the job. One that leaves no history stays for a
     * minute (or two poll intervals), so that its result is read whichever process ran it.
     */
    readonly run: <P, S, E, G>(
      task: Task<P, S, E, G>,
      payload: NoInfer<P>,
      options?: EnqueueOptions
    ) => Effect.Effect<S, E | JobFailed | JobNotFound | EnqueueError | StoreError>
    /** Enqueues many, whole or not at all, and awaits all results in their order; fails with the first failure. */
    readonly runMany: <P, S, E, G>(
      task: Task<P, S, E, G>,
      payloads: ReadonlyArray<NoInfer<P>>,
      options?: BulkOptions
    ) => Effect.Effect<ReadonlyArray<S>, E | JobFailed | JobNotFound | EnqueueError | StoreError>
    /** A handle to a job that exists already. */
    readonly job: <P, S, E, G>(task: Task<P, S, E, G>, id: JobId) => JobHandle<S, E, G>
    /**
     * Runs an effect of this process within the slots of a group, by priority, without a store: no durability, no
     * retries, no other process. The slots are this process's own, apart from those of durable jobs. Interrupting the
     * caller interrupts it.
     */
    readonly submit: <A, E, R>(
      effect: Effect.Effect<A, E, R>,
      options?: { readonly resourceGroup?: string; readonly priority?: number }
    ) => Effect.Effect<A, E, R>

    // Looking.
    /** The store behind it. */
    readonly store: {
      /** What people call it; neither user nor password is in it. */
      readonly label: string
      /** The file of this machine that it rests in. Undefined: there is none. */
      readonly file: string | undefined
      /** Whether it ends with this process. */
      readonly restsInHeap: boolean
    }
    /**
     * The job, its payload, result and progress decoded with its task where this process has a handler for it, else as
     * JSON: the same on every store (`JobValues`). So of all look-ups that answer jobs.
     */
    readonly get: (id: JobId) => Effect.Effect<JobRecord, JobNotFound | StoreError>
    readonly list: (
      filter: JobSelection,
      page?: Partial<PageRequest>
    ) => Effect.Effect<Page, InvalidOption | StoreError>
    /**
     * All matching jobs, newest first unless told otherwise, read a page at a time as they are taken. Each page is as
     * the store was then: a job that changes meanwhile may be left out, none comes twice.
     */
    readonly stream: (
      filter: JobSelection,
      order?: PageRequest["order"]
    ) => Stream.Stream<JobRecord, InvalidOption | StoreError>
    readonly count: (filter: JobSelection) => Effect.Effect<Count, InvalidOption | StoreError>
    readonly stats: Effect.Effect<QueueStats, StoreError>
    readonly logs: (
      id: JobId,
      options?: { readonly after?: number; readonly limit?: number }
    ) => Effect.Effect<{ readonly lines: ReadonlyArray<LogLine>; readonly next: number }, InvalidOption | StoreError>
    readonly rollUps: (query: RollUpQuery) => Effect.Effect<ReadonlyArray<RollUp>, InvalidOption | StoreError>
    readonly resourceRollUps: (
      query: RollUpQuery
    ) => Effect.Effect<ReadonlyArray<ResourceRollUp>, InvalidOption | StoreError>
    readonly status: Effect.Effect<StoreStatus, StoreError>
    /** What jobs take, by task, group and state: counts exact, sizes of at most 2,000 jobs, in bounded time. */
    readonly usage: Effect.Effect<ReadonlyArray<UsageRecord>, StoreError>
    /** The one reason why a job has not started (or that it has), with what would change it. */
    readonly explain: (id: JobId) => Effect.Effect<Reason, JobNotFound | StoreError>
    /**
     * Where a pending job stands in the order of its group; undefined for a job that is not pending. Reads up to 1,000
     * index entries.
     */
    readonly place: (id: JobId) => Effect.Effect<Place | undefined, JobNotFound | StoreError>
    /**
     * A job as it changes, until it has ended: as it is now, and after each change. What this process does to it shows
     * at once, what others do within 100 ms, at the latest with the poll interval.
     */
    readonly watch: (id: JobId) => Stream.Stream<JobRecord, JobNotFound | StoreError>
    /** Waits until the job is in one of the states (default: finished). */
    readonly waitFor: (
      id: JobId,
      states?: ReadonlyArray<JobState>
    ) => Effect.Effect<JobRecord, JobNotFound | InvalidOption | StoreError>

    // Changing.
    readonly cancel: (id: JobId, reason?: string) => Effect.Effect<void, JobNotFound | WrongState | StoreError>
    readonly retry: (id: JobId) => Effect.Effect<void, JobNotFound | WrongState | StoreError>
    readonly remove: (id: JobId) => Effect.Effect<void, JobNotFound | WrongState | StoreError>
    readonly edit: (
      id: JobId,
      edit: JobEdit
    ) => Effect.Effect<void, JobNotFound | WrongState | EnqueueError | StoreError>
    /** A waiting job starts no earlier than this long from now; one that is due later stays as it is. */
    readonly snooze: (
      id: JobId,
      delay: Duration.Input
    ) => Effect.Effect<void, JobNotFound | WrongState | InvalidOption | StoreError>
    /** Reports progress from outside the handler, for commands that run as jobs. Refused unless it is running. */
    readonly reportProgress: (
      id: JobId,
      attempt: number,
      value: unknown
    ) => Effect.Effect<void, JobNotFound | WrongState | InvalidOption | StoreError>
    /**
     * All matching jobs, a page at a time: each page is one transaction, the whole is not. Answers how many changed. A
     * filter with a field that is none is refused: nothing is changed.
     */
    readonly cancelWhere: (filter: JobSelection, reason?: string) => Effect.Effect<number, InvalidOption | StoreError>
    /** Waiting ones, into another group; commands of `run` and `map` stay. */
    readonly moveWhere: (filter: JobSelection, group: string) => Effect.Effect<number, InvalidOption | StoreError>
    readonly retryWhere: (filter: JobSelection) => Effect.Effect<number, InvalidOption | StoreError>
    readonly removeWhere: (filter: JobSelection) => Effect.Effect<number, InvalidOption | StoreError>

    // Groups and workers.
    /** Without a group: the whole queue. Running jobs go on. */
    readonly pause: (group?: string) => Effect.Effect<void, InvalidOption | StoreError>
    readonly resume: (group?: string) => Effect.Effect<void, InvalidOption | StoreError>
    /**
     * Makes a group, with the limit of groups that nobody declared, before its first job or worker would. False: it is
     * there already, and stays as it is.
     */
    readonly addGroup: (group: string) => Effect.Effect<boolean, InvalidOption | StoreError>
    /** `null` returns to the declared limit. At least 1; `pause` stops a group. */
    readonly setLimit: (group: string, limit: number | null) => Effect.Effect<GroupRecord, InvalidOption | StoreError>
    /**
     * Forgets a group with its limit, pause and order. False while any job of it is stored, finished ones too: nothing
     * is changed then. One that a worker has slots for, or a task names, comes back with the next job of it or start of
     * a worker.
     */
    readonly removeGroup: (group: string) => Effect.Effect<boolean, InvalidOption | StoreError>
    /**
     * In which order the jobs of a group start (`policy/Order.ts`); `null` returns to the declared one. Ranks what
     * waits anew, a thousand jobs a transaction: interrupted, a worker goes on with it. All processes follow within 5 s
     * (`GroupOrders`).
     */
    readonly setOrder: (
      group: string,
      choice: OrderChoice | null
    ) => Effect.Effect<GroupOrder, InvalidOption | StoreError>
    /**
     * Until the scope closes no transaction of this process is under way in the store, and its calls wait: a process
     * that is stopped inside one would hold up all others. Waits for what is under way.
     */
    readonly hold: Effect.Effect<void, StoreError, Scope.Scope>
    readonly workers: Effect.Effect<ReadonlyArray<WorkerRecord>, StoreError>
    /** The worker claims no more, finishes what it runs and leaves. False: no such session. */
    readonly drainWorker: (session: number) => Effect.Effect<boolean, StoreError>
  }
>()("sluice/services/Queue/TaskQueue") {}
