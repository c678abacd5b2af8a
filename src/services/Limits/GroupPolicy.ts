/**
 * What limits the jobs of a group, and of each partition key in it, beside the group's number of slots. Plain data: it
 * is declared by programs, set by operators, kept by the store as JSON, and the store decides by it inside the claim.
 *
 * A job is *limited* when its group's policy has a rule for its partition key, or is `fair`. Only limited jobs cost
 * anything: a key without a rule has no record.
 */

import type { Hours } from "./policy/Hours.ts"

/**
 * How often jobs may start, or how much of something they may use: `limit` units per `perMs`, by the store's time
 * (GCRA, `policy/Rates.ts`). In any window of length W at most `limit × W / perMs + burst` units start, and the cost of
 * one job.
 */
export interface Rate {
  readonly limit: number
  /** Milliseconds. */
  readonly perMs: number
  /**
   * Units that may start at once after a time of rest. Default: a tenth of what a second allows, at least 1: with a
   * burst of the limit itself twice the limit starts in the first second.
   */
  readonly burst?: number | undefined
}

/**
 * When jobs stop starting because too many of late have failed, until a probe succeeds (`policy/Breaker.ts`). What
 * counts are failed attempts, but for those that say `NonRetryable`, and none that the other side refused or that was
 * lost with its worker.
 */
export interface BreakerPolicy {
  /** Part of the attempts that ended within `windowMs` which have to have failed, above 0 to 1. Default: 0.5. */
  readonly share?: number | undefined
  /** Attempts that have to have ended within `windowMs`. Default: 20. */
  readonly least?: number | undefined
  /** Milliseconds. Default: one minute. */
  readonly windowMs?: number | undefined
  /**
   * Milliseconds until probes start; twice as long each further time in a row, up to ten times. Default: 30 seconds.
   */
  readonly openMs?: number | undefined
  /** How many probes have to succeed, and may run at a time. Default: 1. */
  readonly probes?: number | undefined
}

/** What bounds starts by what became of those before. */
export interface FeedbackPolicy {
  readonly rate?: Rate | undefined
  /**
   * Finds the rate that the other side takes from what it accepts and what it refuses (`RateLimited`), never above
   * `rate` (`policy/AdaptiveRate.ts`). Default: `false`.
   */
  readonly adaptive?: boolean | undefined
  readonly breaker?: BreakerPolicy | undefined
}

/** `rank`: as the group's order says. `fifo`: as they were enqueued, whatever their priority. */
export type KeyOrder = "rank" | "fifo"

/**
 * What a new job does that finds its key's slots taken.
 *
 * - `queue`: it waits.
 * - `cancelNewest`: it ends at once, `cancelled`; what is there stays.
 * - `cancelRunning`: the oldest jobs of the key are cancelled, those that wait and those that run, so that it is next.
 */
export type KeyConflict = "queue" | "cancelNewest" | "cancelRunning"

/** What holds for each key that a rule names. */
export interface KeyPolicy extends FeedbackPolicy {
  /** Slots that its jobs take together at any time, over all workers. Default: as many as the group has. */
  readonly concurrency?: number | undefined
  /** Its part of a `fair` group, against the weights of the others. Default: 1. */
  readonly weight?: number | undefined
  /** Default: `rank`. `fifo` without `concurrency` runs one job at a time. */
  readonly order?: KeyOrder | undefined
  /**
   * Of `fifo`: whether a job that waits for its time or its next attempt holds its key (`true`, default) or lets those
   * behind it pass.
   */
  readonly holds?: boolean | undefined
  /** Default: `queue`. */
  readonly conflict?: KeyConflict | undefined
  /** Live jobs of the key that do not run, beyond which an enqueue is refused as overloaded. Default: no bound. */
  readonly backlog?: number | undefined
}

/** The rule of the keys that fit a pattern. */
export interface KeyRule {
  /** A key, or a pattern in which each `*` stands for any text: `customer-*`. */
  readonly keys: string
  /** Name of the tier whose policy holds; what the rule says itself holds over it. */
  readonly tier?: string | undefined
  readonly policy?: KeyPolicy | undefined
}

/** Rate, adaptive rate and breaker are of all jobs of the group together. */
export interface GroupPolicy extends FeedbackPolicy {
  /** Live jobs of the group that do not run, beyond which an enqueue is refused as overloaded. Default: no bound. */
  readonly backlog?: number | undefined
  /**
   * When jobs of the group may start, by the store's time: outside of them it is as if paused, and what runs goes on.
   * Default: at all hours.
   */
  readonly hours?: Hours | undefined
  /** Keys share the group's slots by their weights, jobs without a key as one key. Default: `false`. */
  readonly fair?: boolean | undefined
  /** Policies by name, for rules to refer to: `free`, `pro`. */
  readonly tiers?: Readonly<Record<string, KeyPolicy>> | undefined
  /** The first that fits a key holds. */
  readonly keys?: ReadonlyArray<KeyRule> | undefined
}

/** A group without limits but its slots. */
export const noPolicy: GroupPolicy = {}
