/** A store that knows nothing but the roll-ups of one group, counted as they come: what forecasts are read from. */
import { Effect } from "effect"
import type { RollUp, RollUpWidth } from "../../../src/services/Queue/index.ts"
import { empty, Recorder } from "../../../src/services/Queue/policy/Histogram.ts"
import { ForecastBook } from "../../../src/services/Scaling/rounds/ForecastBook.ts"
import type { StoredLoad } from "../scaler/SyntheticLoad.ts"

export class RecordedSteps {
  readonly counts: Array<number>
  readonly start: number
  readonly stepMs: RollUpWidth
  private readonly group: string
  private readonly runMs: number

  constructor({ group, runMs, start, stepMs }: Omit<StoredLoad, "task" | "counts">, counts: ReadonlyArray<number>) {
    this.group = group
    this.runMs = runMs
    this.start = start
    this.stepMs = stepMs
    this.counts = [...counts]
  }

  /** Steps up to then are over: without arrivals, where none came. */
  passed(at: number): void {
    while (this.counts.length < Math.floor((at - this.start) / this.stepMs)) this.counts.push(0)
  }

  arrived(at: number): void {
    const step = Math.floor((at - this.start) / this.stepMs)
    while (this.counts.length <= step) this.counts.push(0)
    this.counts[step]!++
  }

  between(from: number, to: number): ReadonlyArray<RollUp> {
    const first = Math.max(0, Math.ceil((from - this.start) / this.stepMs))
    const end = Math.min(this.counts.length, Math.ceil((to - this.start) / this.stepMs))
    return Array.from({ length: Math.max(0, end - first) }, (_, i) => this.cell(first + i))
  }

  private cell(step: number): RollUp {
    const count = this.counts[step]!
    const recorder = new Recorder()
    if (count > 0) recorder.record(this.runMs, count)
    return {
      width: this.stepMs,
      start: this.start + step * this.stepMs,
      group: this.group,
      task: this.group,
      arrivals: count,
      starts: count,
      completed: count,
      failed: 0,
      retried: 0,
      dead: 0,
      cancelled: 0,
      recovered: 0,
      deduplicated: 0,
      limited: 0,
      wait: empty,
      run: recorder.take()
    }
  }
}

/** The forecasts over it. */
export const bookOver = (recorded: RecordedSteps, settleMs: number): ForecastBook =>
  new ForecastBook(
    {
      rollUps: {
        jobs: ({ from, to, width }) => Effect.succeed(width === recorded.stepMs ? recorded.between(from, to) : []),
        resources: () => Effect.succeed([]),
        prune: () => Effect.void
      },
      documents: {
        get: () => Effect.undefined,
        all: () => Effect.succeed([]),
        put: () => Effect.succeed(1),
        journal: () => Effect.succeed([]),
        append: () => Effect.void
      }
    },
    settleMs,
    (_, line, cause) => Effect.die(new Error(line, { cause }))
  )
