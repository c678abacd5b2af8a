/** What a task says of its batches, and the handler that runs many jobs in one call. */
import type { Duration, Effect, Exit } from "effect"
import type { RateLimited } from "../Limits/RateLimited.ts"
import * as Bounds from "../Queue/policy/Bounds.ts"
import * as Durations from "../Queue/policy/Durations.ts"
import type { JobContext, NonRetryable, Snoozed } from "../Queue/Task.ts"

/** How one job of a batch ended. `Effect.exit` makes it from an effect. */
export type ItemExit<S, E> = Exit.Exit<S, E | NonRetryable | Snoozed | RateLimited>

/** A job within a batch. */
export interface BatchItem<out P, in S, in E = never, in G = unknown> {
  readonly payload: P
  /**
   * The job as its own handler would see it: progress, limits, signal, snooze. Its signal aborts when it leaves the
   * batch.
   */
  readonly job: JobContext<unknown, G>
  /**
   * Ends this job now, before the handler returns. The first end counts; later ones, and its place in the answer, are
   * ignored.
   */
  readonly settle: (exit: ItemExit<S, E>) => Effect.Effect<void>
}

/** The outcome of each item, in their order; undefined where `settle` was called. */
export type BatchOutcomes<S, E> = ReadonlyArray<ItemExit<S, E> | undefined>

/**
 * Runs many jobs in one call. It may answer nothing where success is `void`: all that are not settled yet are
 * completed.
 *
 * A call that fails or dies as a whole, or runs into the hard limit, decides nothing: the items without an outcome run
 * again in two halves, and so on down to one, whose end is then its own. Failing with `Snoozed` or
 * `RateLimited` puts off all of them, no attempt spent.
 */
export type BatchHandler<P, S, E, G, R> = (
  items: ReadonlyArray<BatchItem<P, S, E, G>>
) =>
  | Effect.Effect<BatchOutcomes<S, E>, E | NonRetryable | Snoozed | RateLimited, R>
  | ([undefined] extends [S] ? Effect.Effect<void, E | NonRetryable | Snoozed | RateLimited, R> : never)

/** How a task's jobs become batches, with the handler if it is at hand. */
export interface BatchOptions<P, S, E, G> {
  /** Most jobs in one call, 1 to 1,000. Default 50. */
  readonly maxBatchSize?: number
  /** A batch that is not full starts when one of its jobs has waited this long. Default 100 ms. */
  readonly maxWaitTime?: Duration.Input
  /**
   * Learns the size between 1 and `maxBatchSize` that costs least per job, from what calls take, and goes on following
   * it; with a `latencyTarget` the largest such that a call stays within that time. Default false: batches are filled
   * to `maxBatchSize`.
   */
  readonly tune?: boolean | { readonly latencyTarget: Duration.Input }
  /** Jobs of one batch have the same key; it becomes their partition key. Default: all jobs of the task go together. */
  readonly groupBy?: (payload: P) => string
  /** The handler, where the definition is the worker's own. Else give it to `toBatchLayer`. */
  readonly process?: BatchHandler<P, S, E, G, never>
}

/** As a task keeps it. */
export interface Batching<P> {
  readonly maxBatchSize: number
  readonly maxWaitMs: number
  readonly groupBy: ((payload: P) => string) | undefined
  readonly tuned: boolean
  readonly latencyMs: number | undefined
}

export const largestBatch = 1000
export const defaultSize = 50
const defaultWait: Duration.Input = "100 millis"

const optionNames: ReadonlySet<string> = new Set<keyof BatchOptions<unknown, unknown, unknown, unknown>>([
  "maxBatchSize",
  "maxWaitTime",
  "tune",
  "groupBy",
  "process"
])

const tuneNames: ReadonlySet<string> = new Set(["latencyTarget"])

const latencyOf = (tune: Exclude<BatchOptions<never, never, never, never>["tune"], undefined>): number | undefined => {
  if (typeof tune === "boolean") return undefined
  Bounds.fields("batch.tune", tune, tuneNames)
  return Durations.duration("batch.tune.latencyTarget", tune.latencyTarget, 1)
}

/** Throws `OutOfBounds`. */
export const batching = <P, S, E, G>(options: BatchOptions<P, S, E, G>): Batching<P> => {
  Bounds.fields("batch", options, optionNames)
  const { groupBy, maxBatchSize = defaultSize, maxWaitTime = defaultWait, process, tune = false } = options
  if (groupBy !== undefined) Bounds.callback("batch.groupBy", groupBy)
  if (process !== undefined) Bounds.callback("batch.process", process)
  return {
    maxBatchSize: Bounds.whole("batch.maxBatchSize", maxBatchSize, 1, largestBatch),
    maxWaitMs: Durations.duration("batch.maxWaitTime", maxWaitTime),
    groupBy,
    tuned: tune !== false,
    latencyMs: latencyOf(tune)
  }
}
