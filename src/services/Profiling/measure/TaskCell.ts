/** Where the attempts of one task and group are recorded: made once, written to at each end, read when asked. */
import { Recorder, quantile, type Histogram, empty, merge } from "../../Queue/policy/Histogram.ts"
import type { TaskReading } from "../ProfilerReading.ts"
import { scale } from "./Quantiles.ts"

/** Figures that only grow, copied at one moment: a period is the difference of two. */
export interface CellMark {
  readonly attempts: number
  readonly failed: number
  readonly slow: number
  readonly wait: Histogram
  readonly run: Histogram
  readonly held: Histogram
  readonly store: Histogram
  readonly total: Histogram
}

export const nothing: CellMark = {
  attempts: 0,
  failed: 0,
  slow: 0,
  wait: empty,
  run: empty,
  held: empty,
  store: empty,
  total: empty
}

/**
 * What was recorded between two marks. The highest value of the period is the upper one's, unless its bucket shows it
 * to be older.
 */
export const between = (before: Histogram, after: Histogram): Histogram => {
  if (before.count === 0) return after
  const counts = new Map(before.buckets)
  const buckets = after.buckets
    .map(([index, count]) => [index, count - (counts.get(index) ?? 0)] as const)
    .filter(([, count]) => count > 0)
  const difference = { count: after.count - before.count, sum: after.sum - before.sum, max: after.max, buckets }
  if (difference.count === 0) return empty
  return after.max > before.max ? difference : { ...difference, max: quantile(difference, 1) }
}

export const since = (before: CellMark | undefined, after: CellMark): CellMark =>
  before === undefined
    ? after
    : {
        attempts: after.attempts - before.attempts,
        failed: after.failed - before.failed,
        slow: after.slow - before.slow,
        wait: between(before.wait, after.wait),
        run: between(before.run, after.run),
        held: between(before.held, after.held),
        store: between(before.store, after.store),
        total: between(before.total, after.total)
      }

/** Of attempts that ended alike. */
export class AttemptTimes {
  readonly wait = new Recorder()
  readonly run = new Recorder()
  readonly total = new Recorder()
}

const together = (a: Recorder, b: Recorder): Histogram => merge(a.snapshot(), b.snapshot())

export class TaskCell {
  readonly task: string
  /** Null for a context. */
  readonly group: string | null
  attempts = 0
  failed = 0
  slow = 0
  fastestMs = Number.POSITIVE_INFINITY
  readonly completed = new AttemptTimes()
  readonly otherwise = new AttemptTimes()
  private readonly held = new Recorder()
  private readonly store = new Recorder()

  constructor(task: string, group: string | null) {
    this.task = task
    this.group = group
  }

  /** All in milliseconds. `heldMs` below 0: not known. */
  ended(waitMs: number, runMs: number, heldMs: number, succeeded: boolean): void {
    this.attempts++
    if (!succeeded) this.failed++
    if (runMs < this.fastestMs) this.fastestMs = runMs
    const times = succeeded ? this.completed : this.otherwise
    times.wait.record(waitMs * scale)
    times.run.record(runMs * scale)
    if (heldMs >= 0) this.held.record(heldMs * scale)
    times.total.record((waitMs + runMs) * scale)
  }

  stored(storeMs: number): void {
    this.store.record(storeMs * scale)
  }

  mark(): CellMark {
    const { completed, otherwise } = this
    return {
      attempts: this.attempts,
      failed: this.failed,
      slow: this.slow,
      wait: together(completed.wait, otherwise.wait),
      run: together(completed.run, otherwise.run),
      held: this.held.snapshot(),
      store: this.store.snapshot(),
      total: together(completed.total, otherwise.total)
    }
  }

  /** Of a period: the difference of two marks. */
  reading({ held, run, slow, store, total, wait, ...counted }: CellMark, periodMs: number): TaskReading {
    return {
      task: this.task,
      group: this.group,
      ...counted,
      throughput: periodMs <= 0 ? 0 : (counted.attempts * 1000) / periodMs,
      wait,
      run,
      held,
      store,
      total,
      fastestMs: this.attempts === 0 ? 0 : this.fastestMs,
      slow
    }
  }
}
