/**
 * The times of attempts as series of Effect's metric registry: one for each group, task and outcome, whichever workers
 * of the process ran them.
 */
import { Context, Metric } from "effect"
import { empty, type Histogram, merge } from "../../Queue/policy/Histogram.ts"
import * as QueueMetrics from "../../Queue/QueueMetrics.ts"
import { scale } from "./Quantiles.ts"
import type { AttemptTimes, TaskCell } from "./TaskCell.ts"

const outcomes = { completed: "completed", otherwise: "failed" } as const
const times = ["wait", "run", "total"] as const
type Times = Record<(typeof times)[number], Histogram>

const perSecond = 1000 * scale

const none: Times = { wait: empty, run: empty, total: empty }

const snapshot = ({ run, total, wait }: AttemptTimes): Times => ({
  wait: wait.snapshot(),
  run: run.snapshot(),
  total: total.snapshot()
})

/** All cells of one group and task. What a worker that has ended had recorded stays: a counter never falls. */
class Lane {
  readonly cells = new Set<TaskCell>()
  private readonly past: Record<keyof typeof outcomes, Times> = { completed: none, otherwise: none }

  of(outcome: keyof typeof outcomes, time: keyof Times): Histogram {
    let sum = this.past[outcome][time]
    for (const cell of this.cells) sum = merge(sum, cell[outcome][time].snapshot())
    return sum
  }

  end(cell: TaskCell): void {
    if (!this.cells.delete(cell)) return
    for (const outcome of ["completed", "otherwise"] as const) {
      const before = this.past[outcome]
      const last = snapshot(cell[outcome])
      this.past[outcome] = {
        wait: merge(before.wait, last.wait),
        run: merge(before.run, last.run),
        total: merge(before.total, last.total)
      }
    }
  }
}

const lanes = new WeakMap<object, Map<string, Lane>>()

/**
 * Shows what a cell records, added to the others of its group and task. Returns how to end it. Costs nothing while
 * attempts end.
 */
export const show = (cell: TaskCell, context: Context.Context<never>): (() => void) => {
  const registry = Context.get(context, Metric.MetricRegistry)
  const known = lanes.get(registry) ?? new Map<string, Lane>()
  lanes.set(registry, known)
  const group = cell.group ?? ""
  const key = JSON.stringify([group, cell.task])
  let lane = known.get(key)
  if (lane === undefined) {
    const made = new Lane()
    lane = made
    known.set(key, made)
    for (const outcome of ["completed", "otherwise"] as const)
      for (const time of times)
        QueueMetrics.register(
          QueueMetrics.attempt[time],
          { group, task: cell.task, outcome: outcomes[outcome] },
          context,
          () => QueueMetrics.secondsState(made.of(outcome, time), perSecond)
        )
  }
  const shown = lane
  shown.cells.add(cell)
  return () => shown.end(cell)
}
