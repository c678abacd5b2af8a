/**
 * What commands wrote, in files: a log per attempt, in the order it was read, that can be followed while it is written.
 * Beside a store in a file it lies in a folder of this user's own (`jobs.db.outputs`, 0700); of a memory store in a
 * temporary one that goes with the process.
 *
 * A log is whole up to `outputLimitBytes`; of a longer one beginning and end are kept, and what is between is named
 * where it was. A log whose process was killed ends where it was cut. No row of the store refers to one: job and
 * attempt are its name.
 */
import { Context, type Effect } from "effect"
import type { JobId } from "./Job.ts"

export type OutputStream = "stdout" | "stderr"

export interface OutputCounts {
  readonly stdout: number
  readonly stderr: number
}

/** How an attempt ended, as its process saw it. */
export interface AttemptEnd {
  /** Milliseconds since 1970. */
  readonly endedAt: number
  /** `interrupted`: cancelled, at its hard limit, or handed back by a worker that stopped. */
  readonly outcome: "completed" | "failed" | "interrupted"
  /** `null`: a signal ended it, or it never ran. */
  readonly exitCode: number | null
  /** Why, in one line; empty for a completed one. */
  readonly message: string
}

/** What is known of an attempt that left a log: it wrote something, or did not complete. */
export interface AttemptRecord {
  /** From 1. */
  readonly attempt: number
  /** The process that ran it: its id and its machine. */
  readonly process: string
  /** Milliseconds since 1970. */
  readonly startedAt: number
  /** Undefined: it runs, or its process was killed. */
  readonly end: AttemptEnd | undefined
  /** Bytes it wrote, as far as they reached the log's process. */
  readonly written: OutputCounts
  /** Bytes that rest in the log. */
  readonly kept: OutputCounts
  /** Name of the log's first file in the folder. */
  readonly log: string
}

/** Whether the log has all that the attempt wrote. */
export const isWhole = ({ end, kept, written }: AttemptRecord): boolean =>
  end !== undefined && kept.stdout === written.stdout && kept.stderr === written.stderr

/** An attempt's log while it is written. */
export interface OutputLog {
  /** Whether the log is whole still with so many bytes more. */
  readonly hasRoom: (bytes: number) => boolean
  /**
   * Adds a chunk, which must not change until it is taken; answers how many bytes of it are in the log now: all of
   * them, or fewer where the disk is full, and then nothing more is kept. A promise where the file system may take its
   * time. Never fails.
   */
  readonly write: (chunk: Uint8Array, stream: OutputStream) => number | Promise<number>
  /** Bytes given to it so far. */
  readonly written: () => OutputCounts
  /** Ends it. What completed without a word leaves nothing. Call it once, when no write is under way. */
  readonly end: (end: AttemptEnd) => void
}

export type OutputPiece =
  /** The bytes are valid until the next piece is asked for. */
  | { readonly _tag: "Bytes"; readonly stream: OutputStream; readonly bytes: Uint8Array }
  /** Bytes of each stream that were not kept, where they were. */
  | ({ readonly _tag: "LeftOut" } & OutputCounts)
  | { readonly _tag: "End"; readonly end: AttemptEnd }

/**
 * A log while it is read, from its beginning, also while it is written. Holds one file and 256 KiB, whatever the log's
 * size.
 */
export interface OutputReader {
  /** The next piece; undefined when there is none yet, or none any more. Rejects with the system's error. */
  readonly next: () => Promise<OutputPiece | undefined>
  readonly close: () => void
}

export interface StoredOutput {
  readonly job: JobId
  readonly attempts: number
  readonly bytes: number
  /** Milliseconds since 1970: when something was last written. */
  readonly changedAt: number
}

export class Outputs extends Context.Service<
  Outputs,
  {
    /** Where the logs are; the folder is made with the first. */
    readonly folder: string
    /** Begins the log of an attempt; in place of the one that an earlier run of the same attempt left. */
    readonly begin: (job: JobId, attempt: number) => OutputLog
    /** Where there is no log it has nothing to give. */
    readonly read: (job: JobId, attempt: number) => OutputReader
    /** Undefined: it left no log. Reads the log once through. */
    readonly record: (job: JobId, attempt: number) => Effect.Effect<AttemptRecord | undefined>
    /** Where a running command's standard input is that stays open: a named pipe. There is none of other commands. */
    readonly inputOf: (job: JobId, attempt: number) => string
    /** Forgets the logs of a job's attempts, 1 to `attempts`. */
    readonly remove: (job: JobId, attempts: number) => Effect.Effect<void>
    /** Jobs that have logs, in the order of their ids. Costs a look at each file. */
    readonly stored: Effect.Effect<ReadonlyArray<StoredOutput>>
    /** Calls back when a file of the folder changes, until the answer is called; never where the system cannot tell. */
    readonly watch: (changed: () => void) => () => void
  }
>()("sluice/services/Queue/Outputs") {}
