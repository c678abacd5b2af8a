/**
 * The slowest attempts of a task in the last five to ten minutes, with their figures. Two windows of five minutes, each
 * of the 8 slowest of a task: an attempt that is no candidate costs one comparison.
 */
import type { MeteredAttempt } from "../AttemptMeter.ts"
import { formatJobId } from "../../Queue/policy/JobIds.ts"
import type { SlowAttempt } from "../ProfilingReport.ts"

const kept = 8
const windowMs = 5 * 60_000

export interface SlowEnd {
  readonly job: string
  readonly task: string
  readonly group: string
  readonly attempt: number
  readonly endedAt: number
  readonly waitMs: number
  readonly runMs: number
  readonly heldMs: number
}

export class Slowest {
  private current: Array<SlowEnd> = []
  private last: Array<SlowEnd> = []
  private since = Number.NEGATIVE_INFINITY
  /** Attempts that ran no longer are no candidates, in milliseconds. */
  above = 0

  /** Only for attempts that ran longer than `above`. `now`: milliseconds since 1970. */
  add(task: string, attempt: MeteredAttempt, runMs: number, heldMs: number, now: number): void {
    this.turn(now)
    this.current.push({
      job: formatJobId(attempt.id),
      task,
      group: attempt.group,
      attempt: attempt.attempt,
      endedAt: now,
      waitMs: attempt.waitMs,
      runMs,
      heldMs
    })
    this.current.sort((a, b) => b.runMs - a.runMs)
    if (this.current.length > kept) this.current.length = kept
    if (this.current.length === kept) this.above = this.current[kept - 1]!.runMs
  }

  /** Begins a new window when this one is over. */
  turn(now: number): void {
    if (now < this.since + windowMs) return
    this.last = now < this.since + 2 * windowMs ? this.current : []
    this.current = []
    this.above = 0
    this.since = now
  }

  /**
   * Slowest first. `meanwhile` tells what the process did in a stretch of time; `p99Of` the percentile of a task's
   * runs.
   */
  read(
    now: number,
    meanwhile: (from: number, to: number) => { readonly gcMs: number; readonly loopDelayMs: number },
    p99Of: (task: string, group: string) => number
  ): ReadonlyArray<SlowAttempt> {
    this.turn(now)
    return [...this.current, ...this.last]
      .sort((a, b) => b.runMs - a.runMs)
      .slice(0, kept)
      .map((end) => ({
        ...end,
        beyondP99: end.runMs > p99Of(end.task, end.group),
        ...meanwhile(end.endedAt - end.runMs, end.endedAt)
      }))
  }
}
