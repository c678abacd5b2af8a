/** Readings as figures, of one process or of many together. */
import { merge } from "../../Queue/policy/Histogram.ts"
import type { ProfilerReading, TaskReading } from "../ProfilerReading.ts"
import type { StoreFigures, TaskFigures } from "../ProfilingReport.ts"
import { quantilesOf } from "./Quantiles.ts"

const both = (a: TaskReading, b: TaskReading): TaskReading => ({
  task: a.task,
  group: a.group,
  attempts: a.attempts + b.attempts,
  failed: a.failed + b.failed,
  throughput: a.throughput + b.throughput,
  wait: merge(a.wait, b.wait),
  run: merge(a.run, b.run),
  held: merge(a.held, b.held),
  store: merge(a.store, b.store),
  total: merge(a.total, b.total),
  fastestMs: Math.min(a.fastestMs, b.fastestMs),
  slow: a.slow + b.slow
})

/** One reading per task and group, in the order of their first. */
export const mergeTasks = (readings: ReadonlyArray<TaskReading>): ReadonlyArray<TaskReading> => {
  const merged = new Map<string, TaskReading>()
  for (const reading of readings) {
    const key = JSON.stringify([reading.task, reading.group])
    const known = merged.get(key)
    merged.set(key, known === undefined ? reading : both(known, reading))
  }
  return [...merged.values()]
}

export const taskFigures = ({ held, run, store, total: _, wait, ...counted }: TaskReading): TaskFigures => ({
  ...counted,
  waitMs: quantilesOf(wait),
  runMs: quantilesOf(run),
  heldMs: quantilesOf(held),
  storeMs: quantilesOf(store)
})

export const storeFigures = ({ share, turns }: ProfilerReading["store"]): StoreFigures => ({
  turns: turns.count,
  turnMs: quantilesOf(turns),
  share
})
