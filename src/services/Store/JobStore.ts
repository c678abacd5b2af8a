/**
 * Where jobs rest between enqueue and retention's end. Beside it every store's layer brings `WorkerRegistry` (who works
 * on them), `RollUps` (what it remembers of them in numbers) and `Documents` (what the services around the queue keep);
 * see `Store`.
 *
 * The store takes turns. A turn carries everything that has gathered (settles, new jobs, claims, progress, logs), is
 * one transaction, and answers all of it; `enqueue`, `claim` and `settle` alone are turns with empty parts. Inside a
 * turn the order is: progress and logs, settle, enqueue, promote what is due, claim, counters, commit. Everything it
 * answers is durable when it answers.
 *
 * Delivery is at least once. Every state change of a running job carries its token (session and attempt) and is refused
 * once the claim has passed on; at most one completion is accepted.
 *
 * Time is in milliseconds since 1970. `now` is the caller's, read from Effect's `Clock`; a store in this process or on
 * this machine takes it, and the processes that share it must share a clock to within a second. A store behind a
 * network goes by its server's clock and answers what time it took. Order inside a group never compares two clocks but
 * `rank`, then id. How long a session has been silent is measured by the monotonic clock, where who renewed and who
 * looks share one: setting a clock ends no lease.
 *
 * Only `StoreTurns` calls `turn`, but for a report on a job from outside its worker; it keeps one in flight per store
 * and lets what arrives meanwhile be the next.
 */
import { Context, type Effect, type Scope } from "effect"
import type { GroupPolicy, KeyPolicy } from "../Limits/GroupPolicy.ts"
import type { CounterRecord, GroupRecord, RankedJob } from "./GroupRecord.ts"
import type { JobId, JobRecord } from "../Queue/Job.ts"
import type { ChangeResult, JobChange } from "./JobChange.ts"
import type { Count, DueCount, JobFilter, Page, PageRequest, Steps } from "./JobQuery.ts"
import type { KeyFilter, KeyRecord, UnitsRequest, UnitsTaken } from "./KeyRecord.ts"
import type { StoreError } from "./StoreError.ts"
import type { LogLine, Turn, TurnResult } from "./Turn.ts"
import type { UsageRecord } from "./UsageRecord.ts"

/**
 * How long finished jobs stay, but those whose holder (`JobExtra`) is live. A job goes when it is older than the age or
 * beyond the count of its state, whichever comes first.
 */
export interface Retention {
  readonly ageMs: number
  readonly count: number
}
export type RetentionPolicy = Readonly<Record<"completed" | "failed" | "cancelled", Retention>>

/** What a program keeps of a job beyond its record in the store. */
export interface KeptJob {
  /** As it was when retention removed it; undefined before. */
  record: JobRecord | undefined
}

/**
 * What woke a listener: jobs became claimable, jobs finished, a worker has a signal, limit, pause or document to see,
 * or, for those who watch, a job has started or reported.
 */
export type Wake = "ready" | "finished" | "control" | "noted"

/**
 * May be called late, twice, without cause, or not at all: look, and poll now and then.
 *
 * `origin`: of the turn that brought it about (`Turn.origin`). Who took it has all of it in the answer; an operator's
 * change, upkeep, and what the store cannot tell have none. `groups`: those it concerns; undefined: any.
 */
export type WakeListener = (wake: Wake, origin?: string, groups?: ReadonlyArray<string>) => void

export interface StoreStatus {
  /** What it takes where it rests; in the heap an estimate. */
  readonly bytes: number
  /** What it may still take there; undefined where nobody can tell. */
  readonly freeBytes: number | undefined
  readonly live: number
  /** Live jobs beyond which this process refuses enqueues as `Overloaded`. */
  readonly maxLive: number
  readonly finished: number
}

/** A group as programs declare it. */
export interface GroupDeclaration {
  readonly name: string
  readonly limit: number
  readonly policy?: GroupPolicy | undefined
}

/** What operators set of a group. `null`: as it is declared. */
export interface GroupSettings {
  readonly limit?: number | null
  readonly paused?: boolean
  readonly policy?: GroupPolicy | null
}

export class JobStore extends Context.Service<
  JobStore,
  {
    readonly traits: {
      /** What its metrics are called by: `memory`, `sqlite`. */
      readonly kind: string
      /**
       * What people call it: shown on screens, sent to webhooks, handed to the commands that jobs run. Neither user nor
       * password is in it (`policy/StoreAddress.ts`); the address itself stays with the store.
       */
      readonly label: string
      /** The file of this machine that it rests in: what belongs to it lies beside it. Undefined: there is none. */
      readonly file: string | undefined
      /** Whether it ends with this process, and nothing in it can be claimed by another. */
      readonly restsInHeap: boolean
      /** Whether payloads, results and progress rest as JSON text or as the encoded value. */
      readonly payloads: "text" | "value"
      /** Whether other processes may use it at the same time. */
      readonly shared: boolean
      /**
       * Whether a call that is asked again under the same number (`Asked`) is answered as it was the first time. Who
       * meets a `StoreOutcomeUnknown` may then ask again.
       */
      readonly remembersCalls: boolean
    }

    /**
     * One transaction; see the module comment. It is done whole or not at all; a failure but `StoreOutcomeUnknown` says
     * that it was not.
     */
    readonly turn: (turn: Turn) => Effect.Effect<TurnResult, StoreError>
    /**
     * The same, answered in the caller's stack, where the store can do that without blocking on I/O (memory).
     * Throws `StoreError`. Spares a suspension per turn.
     */
    readonly turnSync: ((turn: Turn) => TurnResult) | undefined

    // Looking. No cost grows with the number of jobs, but for what a page holds.
    /** In the order asked; absent ones are left out. */
    readonly get: (ids: ReadonlyArray<JobId>) => Effect.Effect<ReadonlyArray<JobRecord>, StoreError>
    /**
     * Keeps the record of a job beyond its retention for as long as the answer is referenced. Only of stores in the
     * heap of this process, which keep few finished jobs; undefined when there is no such job.
     */
    readonly keep?: ((id: JobId) => KeptJob | undefined) | undefined
    readonly list: (filter: JobFilter, page: PageRequest) => Effect.Effect<Page, StoreError>
    /** From maintained counters when the filter names only task, group and state; otherwise counted up to 10,000. */
    readonly count: (filter: JobFilter) => Effect.Effect<Count, StoreError>
    /** All cells with a count above 0. */
    readonly counters: Effect.Effect<ReadonlyArray<CounterRecord>, StoreError>
    /**
     * What jobs take, of each cell with a count above 0. At most 2,000 jobs are measured, however many there are: in
     * the cells with most jobs, 64 at most in each.
     */
    readonly usage: Effect.Effect<ReadonlyArray<UsageRecord>, StoreError>
    /** When the next pending job of each group was due; groups without one are left out. */
    readonly oldestPending: Effect.Effect<ReadonlyMap<string, number>, StoreError>
    /**
     * How many scheduled jobs, of those that wait for nothing but their time, become due in each step; steps without
     * any are left out. Looks at each of these jobs.
     */
    readonly dueIn: (steps: Steps) => Effect.Effect<ReadonlyArray<DueCount>, StoreError>
    /** Up to `limit` (1,000) pending jobs of a group, in the order in which they start. */
    readonly upNext: (group: string, limit: number) => Effect.Effect<ReadonlyArray<RankedJob>, StoreError>
    /**
     * Up to `limit` lines after the line numbered `after` (from 0), in order; `next` continues. At most 1,000 lines are
     * kept per job, the newest.
     */
    readonly logs: (
      id: JobId,
      options: { readonly after: number; readonly limit: number }
    ) => Effect.Effect<{ readonly lines: ReadonlyArray<LogLine>; readonly next: number }, StoreError>
    /** What a durable step of a job made, as JSON text. */
    readonly step: (id: JobId, name: string) => Effect.Effect<string | undefined, StoreError>
    readonly status: Effect.Effect<StoreStatus, StoreError>

    // Changing, for operators.
    /**
     * At most `limit` (1,000) jobs in one transaction, oldest first; with a filter that names no ids only those after
     * `after`.
     */
    readonly change: (
      filter: JobFilter,
      change: JobChange,
      options: { readonly now: number; readonly limit: number; readonly after?: JobId }
    ) => Effect.Effect<ChangeResult, StoreError>

    // Groups. A paused group claims nothing; what runs goes on.
    /**
     * Makes groups known with their declared limits and policies; what an operator set stays in force. Without `policy`
     * the one declared before stays.
     */
    readonly declareGroups: (groups: ReadonlyArray<GroupDeclaration>) => Effect.Effect<void, StoreError>
    readonly groups: Effect.Effect<ReadonlyArray<GroupRecord>, StoreError>
    /**
     * `null` returns to what is declared. An unknown group is made. A changed limit or policy holds for the jobs that
     * are there, in the same transaction: what is ready beyond it waits again, what it lets go is ready, what runs goes
     * on and counts.
     */
    readonly setGroup: (name: string, settings: GroupSettings) => Effect.Effect<GroupRecord, StoreError>
    /**
     * Forgets a group and what operators set for it. False while any job of it is stored, finished ones too: nothing is
     * changed then.
     */
    readonly removeGroup: (name: string) => Effect.Effect<boolean, StoreError>
    /**
     * Limited keys that hold or wait for something, are paused or held back, or have a policy of their own: those with
     * the most waiting jobs first, then by group and key. At most `limit` (1,000).
     */
    readonly limitKeys: (filter: KeyFilter, limit: number) => Effect.Effect<ReadonlyArray<KeyRecord>, StoreError>
    /**
     * An operator's policy for one key, over the rules of its group; `null` returns to them. Of a paused key nothing
     * starts. Applied to the jobs that are there, as `setGroup` is.
     */
    readonly setKey: (
      group: string,
      key: string,
      settings: { readonly policy?: KeyPolicy | null; readonly paused?: boolean }
    ) => Effect.Effect<KeyRecord, StoreError>
    /**
     * Takes units of a rate for what is not a job, such as a call inside one; jobs and these share one budget. Where
     * there is no rate, they are taken.
     */
    readonly takeUnits: (request: UnitsRequest) => Effect.Effect<UnitsTaken, StoreError>
    readonly paused: Effect.Effect<boolean, StoreError>
    /** Pauses or resumes the whole queue, apart from the pauses of its groups. */
    readonly setPaused: (paused: boolean) => Effect.Effect<void, StoreError>

    // Upkeep.
    /**
     * Removes up to `limit` finished jobs beyond retention, with all that hangs on them, and keys whose window has
     * passed. Returns how many jobs.
     */
    readonly prune: (
      policy: RetentionPolicy,
      options: { readonly now: number; readonly limit: number }
    ) => Effect.Effect<number, StoreError>

    /**
     * Compares limited keys with their jobs, some at a time, and mends what differs, or waits though nothing keeps it.
     * Answers how many keys it mended: 0 unless the store is at fault, or was changed from outside.
     */
    readonly repairKeys: (now: number) => Effect.Effect<number, StoreError>

    /**
     * Until the scope closes wakes also tell, as `noted`, that jobs have started or reported.
     */
    readonly watch: Effect.Effect<void, never, Scope.Scope>
    /**
     * Until the scope closes no transaction of this process is under way, and its calls wait: a process that is stopped
     * inside one would hold up all others. Waits for what is under way.
     */
    readonly hold: Effect.Effect<void, StoreError, Scope.Scope>

    /**
     * Calls `listener` after commits of this and other processes that may concern it, until the scope closes. May call
     * without cause. The first call makes a store in a file listen to other processes, at the price of a socket and two
     * commits; `aside`: not this one, it hears of them only while another does.
     */
    readonly onWake: (
      listener: WakeListener,
      options?: { readonly aside?: boolean }
    ) => Effect.Effect<void, never, Scope.Scope>
  }
>()("sluice/services/Store/JobStore") {}
