/**
 * A `Schedule` as a retry policy. A job may be retried by another process than the one it failed in, so nothing of a
 * schedule is kept between attempts: what it says is found by stepping it anew through the retries before.
 */
import { Duration, Effect, Exit, Pull, Schedule } from "effect"
import * as Bounds from "./Bounds.ts"
import type { RetryPolicy } from "./RetryDelay.ts"

/** One that needs nothing to run, and no input: which errors are worth a retry says `retryable`. It must not fail. */
export type RetrySchedule = Schedule.Schedule<unknown, unknown, unknown>

/** A schedule that recurs more often is taken for one that never ends. */
const countedRecurrences = 1000

const refused = (schedule: unknown): never => Bounds.refuse("retry", schedule, "a schedule that answers at once")

/** Milliseconds until the next recurrence, asked for at the time; undefined: the schedule has ended. */
const stepsOf = (schedule: RetrySchedule): ((now: number) => number | undefined) => {
  const made = Effect.runSyncExit(Schedule.toStep(schedule))
  if (Exit.isFailure(made)) return refused(schedule)
  return (now) => {
    const delay = made.value(now, undefined).pipe(
      Effect.map(([, duration]) => Duration.toMillis(duration)),
      Pull.catchDone(() => Effect.undefined)
    )
    const exit = Effect.runSyncExit(delay)
    return Exit.isSuccess(exit) ? exit.value : refused(schedule)
  }
}

/** The first delays, each recurrence taking no time of its own; fewer when the schedule ends. */
const delaysOf = (schedule: RetrySchedule, from: number, count: number): ReadonlyArray<number> => {
  const step = stepsOf(schedule)
  const delays: Array<number> = []
  for (let now = from; delays.length < count; now += delays.at(-1)!) {
    const delay = step(now)
    if (delay === undefined) break
    delays.push(delay)
  }
  return delays
}

/**
 * The delay after failed attempt number `attempt`, told at `now`: the retries before are taken to have ended just then,
 * so that a schedule that looks at the clock (`cron`) or at the time that has passed sees the right ones.
 */
const delayAt = (schedule: RetrySchedule, attempt: number, now: number): number => {
  const before = delaysOf(schedule, now, attempt - 1)
  const step = stepsOf(schedule)
  let at = now - before.reduce((sum, delay) => sum + delay, 0)
  for (const _ of before) at = Math.min(now, at + (step(at) ?? 0))
  return step(now) ?? 0
}

/** Retries as often as the schedule recurs. Throws `OutOfBounds` for one that fails, or waits by itself. */
export const retryOn = (schedule: RetrySchedule): RetryPolicy => {
  const recurrences = delaysOf(schedule, 0, countedRecurrences + 1).length
  return {
    times: recurrences > countedRecurrences ? Bounds.mostRetries : recurrences,
    firstMs: 0,
    factor: 1,
    stepMs: 0,
    capMs: Bounds.longestMs,
    jitter: 0,
    delayMs: (attempt, now) => delayAt(schedule, attempt, now)
  }
}
