import { Context, type Duration, type Effect, Schema } from "effect"

export type ThreadLogLevel = "debug" | "info" | "warning" | "error"

/** What a handler may be told of its job. */
export interface ThreadJob {
  readonly id: string
  readonly task: string
  readonly group: string
  /** From 1. */
  readonly attempt: number
}

/**
 * What a handler in a thread knows of its job and can tell the outside. After the handler has ended, telling has no
 * effect.
 */
export interface ThreadContext {
  /** Undefined when the caller named none. */
  readonly job: ThreadJob | undefined
  /**
   * Aborted at the soft limit. Seen only by code that lets the thread's event loop turn: an endless loop is ended by
   * the hard limit alone.
   */
  readonly signal: AbortSignal
  /** Hands a value, which structured clone must be able to copy, to the caller's `onProgress`. Order is kept. */
  readonly progress: (value: unknown) => void
  /** Hands a line to the caller's `onLog`. An Effect's own logs (`Effect.logInfo`, …) go the same way. */
  readonly log: (level: ThreadLogLevel, message: string) => void
}

/**
 * What a thread module exports: a function that returns the result, a promise of it, or an Effect that needs nothing
 * more.
 */
export type ThreadHandler<in P, out S, out E = never> = (
  payload: P,
  context: ThreadContext
) => S | Promise<S> | Effect.Effect<S, E>

/**
 * The handler ended without a result; the thread is well. `error` is plain data: for an `Error` its name, message,
 * stack, cause and own fields, `_tag` among them, so that the task's error schema can decode it; for anything else a
 * copy of it.
 */
export class HandlerFailed extends Schema.TaggedError<HandlerFailed>()("HandlerFailed", {
  /**
   * `failure`: an Effect failed. `thrown`: a function threw or its promise was rejected. `defect`: an Effect died.
   * `interrupted`: by itself.
   */
  reason: Schema.Literals(["failure", "thrown", "defect", "interrupted"]),
  error: Schema.Unknown
}) {}

/** The thread ended while it ran this job. The other jobs are untouched, and a fresh thread takes its place. */
export class ThreadDied extends Schema.TaggedError<ThreadDied>()("ThreadDied", {
  /**
   * `OutOfMemory`: the heap grew beyond its limit. `Exited`: something called `process.exit`. `Uncaught`: an exception
   * or rejection of this job's that nobody handled. `Killed`: the pool closed.
   */
  reason: Schema.Literals(["OutOfMemory", "Exited", "Uncaught", "Killed"]),
  /** One line for people. */
  detail: Schema.String,
  /** With `Exited`. */
  exitCode: Schema.NullOr(Schema.Int),
  /** With `Uncaught`: what was thrown, as in `HandlerFailed`. */
  error: Schema.Unknown
}) {
  override get message() {
    return `the thread that ran the job ended (${this.reason}): ${this.detail}`
  }
}

/** The call cannot work as it stands: the task's declaration, its module, its payload or its result is at fault. */
export class ThreadCallInvalid extends Schema.TaggedError<ThreadCallInvalid>()("ThreadCallInvalid", {
  reason: Schema.Literals(["ModuleNotLoaded", "ExportMissing", "PayloadNotSendable", "ResultNotSendable"]),
  /** One line: what was wrong and what was expected. */
  detail: Schema.String
}) {
  override get message() {
    return `${this.reason}: ${this.detail}`
  }
}

/** Whether the module is at fault, which may come, or be mended, a moment later: worth another attempt. */
export const isOfModule = (reason: ThreadCallInvalid["reason"]): boolean =>
  reason === "ModuleNotLoaded" || reason === "ExportMissing"

export interface ThreadCall {
  /** A URL (`new URL("./hash.ts", import.meta.url)`), its text, or an absolute path. Loaded once per thread. */
  readonly module: URL | string
  /** Name of the exported handler. Default `default`. */
  readonly export?: string
  /**
   * As JSON text, parsed in the thread and cheapest when the job comes from a store, or as a value, copied by
   * structured clone.
   */
  readonly payload: { readonly json: string } | { readonly value: unknown }
  readonly job?: ThreadJob
  /** A thread has been found: the handler begins. Called once. */
  readonly onStart?: () => void
  /**
   * The handler ended with its thread well: milliseconds it took, and those of them the thread's event loop was busy.
   * Called once, at most.
   */
  readonly onEnd?: (runMs: number, busyMs: number) => void
  /** The soft limit: passed on as the handler's `context.signal`. */
  readonly signal?: AbortSignal
  /** Must be quick; a throw ends the call as a defect. */
  readonly onProgress?: (value: unknown) => void
  readonly onLog?: (level: ThreadLogLevel, message: string) => void
}

export interface ThreadPoolSettings {
  /**
   * Threads kept while the pool is in use, that is from the first call on. Default 1: a start takes longer than most
   * jobs.
   */
  readonly minThreads: number
  /** Default `availableParallelism() - 1`, at least 1: the event loop keeps a core. */
  readonly maxThreads: number
  /**
   * A thread is replaced after so many jobs. Default 500: what handlers leave behind (timers, caches, leaks) goes with
   * it.
   */
  readonly recycleAfterJobs: number
  /** A thread is replaced at the end of a job once it is so old. Default 30 minutes, for the same reason. */
  readonly recycleAfter: Duration.Input
  /**
   * A thread is replaced when its heap, garbage included, is larger than this after a job. Default half of
   * `heapLimitMb`.
   */
  readonly recycleAboveHeapMb: number
  /**
   * The heap of a thread, in MiB, garbage included and buffers not; beyond it the thread dies as `OutOfMemory`. Default
   * 512: a handler that holds 200 MiB and makes garbage as fast as it can stays below.
   *
   * Read every 50 ms by this process's event loop. An allocation of twice the limit at once, or an event loop blocked
   * while a handler eats memory, can still meet V8's own limit (three times this one), and that may abort the process:
   * work of unknown size belongs in a process, not in a thread.
   */
  readonly heapLimitMb: number
  /** Idle threads beyond `minThreads` end after this. Default 1 minute. */
  readonly idleTimeout: Duration.Input
}

export interface ThreadPoolStats {
  /** All that exist: starting, idle, busy and ending ones. Never more than `maxThreads`. */
  readonly threads: number
  readonly starting: number
  readonly idle: number
  readonly busy: number
  /** Calls that wait for a thread. */
  readonly waiting: number
  /** Since the pool was made. */
  readonly started: number
  /** Replaced on purpose: by number of jobs, age or heap. */
  readonly recycled: number
  /** Ended by a job, in one of the ways of `ThreadDied`, or killed because a call was interrupted. */
  readonly died: number
  /** From `new Worker` to the first message, of the thread started last, in milliseconds. */
  readonly lastStartMillis: number
}

/**
 * Runs CPU-bound handlers in worker threads, one job at a time in each.
 *
 * - Calls get threads in the order they came. A waiting call that is interrupted costs nothing.
 * - Interrupting a running call ends its thread, and only that: an endless loop dies too. The interruption completes
 *   when the thread has ended, at most 5 s later; a thread inside a native call that cannot be stopped (`execSync`)
 *   keeps its place until it returns.
 * - A rejection that nobody has handled when the handler ends fails the job. One that comes later, while the thread
 *   runs somebody else's job, is logged and the thread replaced after that job; no other job is blamed.
 * - Nothing is started before the first call, or `keep`. Closing the scope ends all threads and fails what runs with
 *   `ThreadDied`, `Killed`.
 *
 * A call costs about 0.05 ms and two structured clones; see docs/decisions/0003-threads.md for figures.
 */
export class ThreadPool extends Context.Service<
  ThreadPool,
  {
    readonly run: (call: ThreadCall) => Effect.Effect<unknown, HandlerFailed | ThreadDied | ThreadCallInvalid>
    /**
     * Starts so many threads ahead of their calls, within `minThreads` and `maxThreads`, and keeps them while idle
     * until told another number or memory is short. A thread takes 0.1 to 0.6 s to start: long beside most jobs.
     */
    readonly keep: (threads: number) => Effect.Effect<void>
    readonly stats: Effect.Effect<ThreadPoolStats>
  }
>()("sluice/services/Queue/run/ThreadPool") {}
