/**
 * What roll-ups say of each step: arrivals per group, and whether anybody was there to record them. A step without a
 * cell of a group is zero for it while some worker sent beats or some other group recorded anything, and missing
 * otherwise: a store that was down, or had neither worker nor producer, says nothing of the load. At the edges of such
 * a time a step may be measured in part.
 */
import type { ResourceRollUp, RollUp } from "../../Store/RollUp.ts"
import { type RunSums, runsOf } from "./ServiceMoments.ts"

export interface GroupStep {
  readonly arrivals: number
  readonly starts: number
  readonly runs: RunSums
  readonly tasks: ReadonlySet<string>
}

export interface Step {
  readonly start: number
  readonly measured: boolean
  /** Groups that recorded something. */
  readonly groups: ReadonlyMap<string, GroupStep>
}

/** The end of the last step that is complete at `now` when cells arrive up to `settleMs` late. */
export const completeTo = (now: number, stepMs: number, settleMs: number): number =>
  Math.floor((now - settleMs) / stepMs) * stepMs

/** Steps from `from` up to `to`, both on the grid of `stepMs`, from roll-ups of that width. */
export const stepsOf = (
  rollUps: ReadonlyArray<RollUp>,
  resources: ReadonlyArray<ResourceRollUp>,
  { from, stepMs, to }: { readonly from: number; readonly to: number; readonly stepMs: number }
): ReadonlyArray<Step> => {
  const beats = new Set(resources.filter((each) => each.beats > 0).map(({ start }) => start))
  const cells = new Map<
    number,
    Map<string, { -readonly [K in keyof GroupStep]: GroupStep[K] } & { tasks: Set<string> }>
  >()
  for (const rollUp of rollUps) {
    let groups = cells.get(rollUp.start)
    if (groups === undefined) {
      groups = new Map()
      cells.set(rollUp.start, groups)
    }
    const runs = runsOf(rollUp.run)
    const known = groups.get(rollUp.group)
    if (known === undefined) {
      groups.set(rollUp.group, {
        arrivals: rollUp.arrivals,
        starts: rollUp.starts,
        runs,
        tasks: new Set([rollUp.task])
      })
      continue
    }
    known.arrivals += rollUp.arrivals
    known.starts += rollUp.starts
    known.runs = {
      count: known.runs.count + runs.count,
      sum: known.runs.sum + runs.sum,
      squares: known.runs.squares + runs.squares
    }
    known.tasks.add(rollUp.task)
  }
  const steps: Array<Step> = []
  for (let start = from; start < to; start += stepMs) {
    const groups = cells.get(start) ?? new Map<string, GroupStep>()
    steps.push({ start, measured: groups.size > 0 || beats.has(start), groups })
  }
  return steps
}
