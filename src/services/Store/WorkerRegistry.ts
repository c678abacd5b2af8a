/**
 * Who works on a store's jobs. A worker is there by a session: the fencing epoch of all its claims, greater than every
 * one before it, never used twice. It ends when it leaves or is swept, not when its lease runs out: until then its
 * tokens hold, and a beat takes it up again.
 */
import { Context, type Effect } from "effect"
import type { JobId } from "../Queue/Job.ts"
import type { StoreError } from "./StoreError.ts"
import type { WorkerInfo, WorkerLoad, WorkerRecord } from "./WorkerRecord.ts"

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

export class WorkerRegistry extends Context.Service<
  WorkerRegistry,
  {
    /** Returns the new session. */
    readonly join: (
      worker: WorkerInfo,
      options: { readonly now: number; readonly leaseMs: number }
    ) => Effect.Effect<number, StoreError>
    /**
     * Renews the lease to `now + leaseMs`, also one that has run out. False: fenced, the session has ended. For up to
     * `mayBlockMs` the event loop of the caller may be blocked: a store that can tell renews for it meanwhile. What
     * holds the loop longer than its time limit can only be stopped by giving its job away.
     */
    readonly beat: (
      session: number,
      beat: {
        readonly now: number
        readonly leaseMs: number
        readonly mayBlockMs: number
        readonly tasks: ReadonlyArray<string>
        /** As `WorkerInfo.suspendedForMs`. */
        readonly suspendedForMs?: Readonly<Record<string, number>>
        readonly slots: Readonly<Record<string, number>>
        readonly load: WorkerLoad
      }
    ) => Effect.Effect<boolean, StoreError>
    /** Ends a session; jobs it still holds are recovered as the sweeper does. */
    readonly leave: (session: number, now: number) => Effect.Effect<void, StoreError>
    readonly all: Effect.Effect<ReadonlyArray<WorkerRecord>, StoreError>
    readonly drain: (session: number) => Effect.Effect<boolean, StoreError>
    /**
     * Takes up to `limit` jobs from sessions whose lease has run out or whose process on this host is dead, and expires
     * waiting jobs. Who stands still on this host is spared as long as its tasks allow (`WorkerInfo.suspendedForMs`,
     * `policy/Standing.ts`).
     */
    readonly sweep: (options: {
      readonly now: number
      readonly limit: number
    }) => Effect.Effect<SweepResult, StoreError>
    /**
     * Takes the lead of `role` until `now + ttlMs`, or keeps it: renewed once half of that has passed. False: another
     * session has it. A store that knows the leader's process to be dead or stopped gives its lead away at once.
     */
    readonly lead: (
      role: string,
      session: number,
      options: { readonly now: number; readonly ttlMs: number }
    ) => Effect.Effect<boolean, StoreError>
  }
>()("sluice/services/Store/WorkerRegistry") {}
