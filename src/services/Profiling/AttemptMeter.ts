/**
 * What a worker tells of its attempts to who measures them: nobody, unless a profiler is provided. One meter per task,
 * made once; its calls are synchronous, allocate nothing as a rule and never fail.
 */
import { Context, type Effect } from "effect"
import type { JobId } from "../Queue/Job.ts"
import type { LogLevel } from "../Store/Turn.ts"

/** An attempt as a meter sees it. */
export interface MeteredAttempt {
  readonly id: JobId
  readonly group: string
  readonly attempt: number
  /** From due to start, in whole milliseconds. */
  readonly waitMs: number
  /** What it ran before it first waited, in whole microseconds; only set for one that waited. */
  readonly heldUs: number
  readonly log: (level: LogLevel, message: string) => void
}

export interface TaskMeter {
  /**
   * A handler as it is to be run. Asked once per task. `runsHere`: on this event loop, so that what it does can be
   * seen.
   */
  readonly wrap: <P, C extends { readonly id: JobId }>(
    run: (payload: P, attempt: C) => Effect.Effect<unknown, unknown>,
    runsHere: boolean
  ) => (payload: P, attempt: C) => Effect.Effect<unknown, unknown>
  /** An attempt's handler has ended. `waited`: it suspended at least once. */
  readonly ended: (attempt: MeteredAttempt, runMs: number, waited: boolean, succeeded: boolean) => void
  /** An attempt ended in a thread, which computed for `cpuMs` of its time. */
  readonly ranInThread: (runMs: number, cpuMs: number) => void
  /** What became of an attempt is durable. `endedAt`: its handler's end by the monotonic clock, in milliseconds. */
  readonly stored: (group: string, endedAt: number) => void
}

export interface AttemptMeters {
  readonly of: (task: string) => TaskMeter
  /** Called about twice a second with how late that was, in milliseconds: time to look at the process. */
  readonly tick: (lateMs: number) => void
}

const none: TaskMeter = {
  wrap: (run) => run,
  ended: () => undefined,
  ranInThread: () => undefined,
  stored: () => undefined
}

export const AttemptMeters = Context.Reference<AttemptMeters>("sluice/services/Profiling/AttemptMeters", {
  defaultValue: () => ({ of: () => none, tick: () => undefined })
})
