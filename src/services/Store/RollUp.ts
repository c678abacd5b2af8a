/** What a store remembers of each interval: of the jobs by group and task, and of the workers' resources. */
import type { Counters } from "../Queue/policy/Counters.ts"
import * as Bounds from "../Queue/policy/Bounds.ts"
import type { Histogram } from "../Queue/policy/Histogram.ts"

/** Widths of the roll-ups, in milliseconds. */
export type RollUpWidth = 10_000 | 60_000 | 3_600_000

/**
 * What happened to the jobs of one group and task in one interval. Times in milliseconds; histograms merge by addition.
 */
export interface RollUp extends Counters {
  readonly width: RollUpWidth
  readonly start: number
  readonly group: string
  readonly task: string
  /** From due (or enqueue, if later) to start. */
  readonly wait: Histogram
  readonly run: Histogram
}

/** Resources of all workers in one interval: means weighted by beats, and peaks. */
export interface ResourceRollUp {
  readonly width: RollUpWidth
  readonly start: number
  readonly beats: number
  readonly cpuMean: number
  readonly rssBytesPeak: number
  readonly heapBytesPeak: number
  readonly loopDelayMsPeak: number
  readonly busyMean: number
}

export interface RollUpQuery {
  readonly width: RollUpWidth
  readonly from: number
  readonly to: number
  readonly group?: string
  readonly task?: string
}

const widths: ReadonlyArray<unknown> = [10_000, 60_000, 3_600_000] satisfies ReadonlyArray<RollUpWidth>
const queryNames: ReadonlySet<string> = new Set<keyof RollUpQuery>(["width", "from", "to", "group", "task"])

/** Throws `OutOfBounds`. */
export const checkRollUps = (query: RollUpQuery): RollUpQuery => {
  Bounds.fields("query", query, queryNames)
  const { from, group, task, to, width } = query
  if (!widths.includes(width))
    throw new Bounds.OutOfBounds(`query.width is ${Bounds.shown(width)}; expected ${widths.join(", ")} milliseconds`)
  Bounds.real("query.from", from, -Bounds.lastTime, Bounds.lastTime)
  Bounds.real("query.to", to, -Bounds.lastTime, Bounds.lastTime)
  if (group !== undefined) Bounds.name("query.group", group)
  if (task !== undefined) Bounds.name("query.task", task)
  return query
}
