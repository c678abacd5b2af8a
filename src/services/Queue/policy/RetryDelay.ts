/** When a failed attempt runs again. */
import * as Bounds from "./Bounds.ts"

/** Exponential backoff with a cap and jitter. Times in milliseconds. */
export interface RetryPolicy {
  /** Attempts after the first. */
  readonly times: number
  /** Delay before the first retry. */
  readonly firstMs: number
  /** Each further delay is the one before × `factor` + `stepMs`. */
  readonly factor: number
  /** What each delay grows by, beside the factor. */
  readonly stepMs: number
  /** No delay is longer, jitter aside. */
  readonly capMs: number
  /**
   * The delay is multiplied by a random number in `1 ± jitter`, so that jobs that failed together do not return
   * together.
   */
  readonly jitter: number
  /**
   * A series of one's own in the place of first, factor and step: milliseconds after failed attempt number `attempt`
   * (from 1), told at `now` (milliseconds since 1970). Cap and jitter hold for it too.
   */
  readonly delayMs?: (attempt: number, now: number) => number
}

/** Three retries after about 1, 2 and 4 s; up to 5 min apart when more are asked for. */
export const standard: RetryPolicy = { times: 3, firstMs: 1000, factor: 2, stepMs: 0, capMs: 300_000, jitter: 0.2 }

/** For failures that pass at once: the first retry without delay, the others 0.2 s apart. */
export const quick: RetryPolicy = { times: 3, firstMs: 0, factor: 1, stepMs: 200, capMs: 200, jitter: 0 }

/** One attempt. */
export const none: RetryPolicy = { times: 0, firstMs: 0, factor: 1, stepMs: 0, capMs: 0, jitter: 0 }

export const retryFields: ReadonlySet<string> = new Set<keyof RetryPolicy>([
  "times",
  "firstMs",
  "factor",
  "stepMs",
  "capMs",
  "jitter",
  "delayMs"
])

/** The policy, within its bounds. Throws `OutOfBounds`. */
export const checkRetry = (name: string, policy: RetryPolicy): RetryPolicy => {
  Bounds.fields(name, policy, retryFields)
  Bounds.whole(`${name}.times`, policy.times, 0, Bounds.mostRetries)
  for (const field of ["firstMs", "stepMs", "capMs"] as const)
    Bounds.real(`${name}.${field}`, policy[field], 0, Bounds.longestMs)
  Bounds.real(`${name}.factor`, policy.factor, 0, 1_000_000)
  Bounds.real(`${name}.jitter`, policy.jitter, 0, 1)
  if (policy.delayMs !== undefined) Bounds.callback(`${name}.delayMs`, policy.delayMs)
  return policy
}

/**
 * Milliseconds to wait after failed attempt number `attempt` (from 1), which failed at `now`. `random` is uniform in
 * [0, 1). Whole milliseconds, never below 0 nor above the cap by more than the jitter. A function of one's own that
 * answers no number, or throws, means no delay.
 */
export const retryDelay = (policy: RetryPolicy, attempt: number, random: number, now: number): number => {
  const delay = policy.delayMs === undefined ? delayInSeries(policy, attempt) : ownDelay(policy.delayMs, attempt, now)
  if (!(delay > 0)) return 0
  return Math.round(Math.min(delay, policy.capMs) * (1 + policy.jitter * (2 * random - 1)))
}

const ownDelay = (delayMs: NonNullable<RetryPolicy["delayMs"]>, attempt: number, now: number): number => {
  try {
    return delayMs(attempt, now)
  } catch {
    return 0
  }
}

const delayInSeries = ({ capMs, factor, firstMs, stepMs }: RetryPolicy, attempt: number): number => {
  let delay = firstMs
  for (let i = 1; i < attempt && delay < capMs; i++) delay = delay * factor + stepMs
  return delay
}
