/**
 * Gathers what producers and the worker of this process have for the store and takes it there in turns. One turn is in
 * flight at a time; what arrives meanwhile is the next one, so batches form by themselves, with no window and no
 * setting.
 *
 * A turn that fails is answered to its producers at once. The worker's part of it (settles, progress, logs) is kept and
 * goes with the next try, until it lands or the worker gives it up.
 *
 * A turn whose answer was lost is asked again as the same call where the store remembers calls, until it is answered:
 * each enqueue, settle and claim in it has happened once, and is heard of as it happened. Producers wait for that 10 s
 * at most. Where the store does not remember, they are told at once that nobody knows.
 *
 * Who hears of a turn hears it in the stack of its answer. What one of them throws is logged and its own: the others
 * hear all the same.
 */
import { Context, type Effect } from "effect"
import type { JobId } from "../Queue/Job.ts"
import type { ClaimRequest, EnqueueNote, LogLine, NewJob, ProgressNote, Settle, Turn, TurnResult } from "./Turn.ts"
import type { StoreError } from "./StoreError.ts"

/** Hears what became of its jobs: called once, in the stack of the turn's answer, before any of them is started. */
export interface EnqueueListener {
  /** `ids[from]` to `ids[from + count - 1]` are this call's; `notes` by the same indexes; `at` is the store's time. */
  stored(ids: ReadonlyArray<JobId>, notes: ReadonlyMap<number, EnqueueNote> | undefined, from: number, at: number): void
  /** They were not stored; with `StoreOutcomeUnknown` they may have been, and this is the last that is heard of it. */
  refused(error: StoreError): void
}

/** What became of a settle. `unheard`: refused, but the answer to an earlier try was lost; it may have landed then. */
export type SettleFate = "accepted" | "refused" | "unheard"

/** Hears what became of its settle, after the commit. */
export interface SettleListener {
  /** `at` is the store's time: that of its record. */
  settled(fate: SettleFate, at: number): void
}

/** The worker's side of a turn. */
export interface TurnWorker {
  /** The session the turn speaks for; 0 when it has none. */
  session(): number
  /** What it could start now. Asked once a turn. */
  claims(): ReadonlyArray<ClaimRequest>
  /** Jobs of this group were handed to the store: worth a claim. */
  expect(group: string): void
  /** After acknowledgements and settles were delivered. The session may have been given up since the turn began. */
  taken(turn: Turn, result: TurnResult): void
  /** A turn failed. `claimed`: it asked for jobs, and some may have been claimed unheard. */
  failed(error: StoreError, claimed: boolean): void
}

export class StoreTurns extends Context.Service<
  StoreTurns,
  {
    /** Jobs to be stored whole or not at all, with the next turn. */
    readonly enqueue: (jobs: ReadonlyArray<NewJob>, listener: EnqueueListener) => void
    readonly settle: (settle: Settle, listener: SettleListener) => void
    readonly progress: (note: ProgressNote) => void
    readonly log: (line: LogLine) => void
    /** Takes a turn soon, if there is anything to say or to claim. `look`: even when there is not, to hear signals. */
    readonly kick: (look?: boolean) => void
    /** Binds the process's worker. Answers how to unbind it; settles that are still kept are then dropped. */
    readonly bind: (worker: TurnWorker) => () => void
    /** Whether one is bound: then this process hears of the commits of others. */
    readonly hasWorker: () => boolean
    /** Names these turns in wakes: what one of them brought is in its answer, and a wake by it tells nothing new. */
    readonly origin: string
    /**
     * Tells of each turn that was taken here, when those who asked have heard of it, until the answered function is
     * called.
     */
    readonly onTaken: (listener: (turn: Turn, result: TurnResult) => void) => () => void
    /** Completes when what is gathered now has been taken to the store, or was given up. */
    readonly landed: Effect.Effect<void>
  }
>()("sluice/services/Store/StoreTurns") {}
