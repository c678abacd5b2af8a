/** What a group expects, as producers of deferrable jobs read it: forecast, slots, and what is scheduled. */
import { Effect } from "effect"
import { addRun, type LoadOutlook } from "../../Limits/policy/Deferring.ts"
import { opensAt } from "../../Limits/policy/Holding.ts"
import { gridOf, outlookOf, type OutlookGrid } from "../../Limits/policy/OutlookOfLoad.ts"
import type { OutlookDocument } from "../../Limits/OutlookDocument.ts"
import { expectedRuns, lookBackMs } from "../../Queue/policy/ExpectedRun.ts"
import type { Store } from "../../Store/Store.ts"
import type { StoreError } from "../../Store/StoreError.ts"
import type { LoadPrediction } from "../LoadPrediction.ts"
import type { GroupSituation } from "./Situation.ts"

const hourMs = 3_600_000

/** Enough to tell heights apart; a document changes only when one of them does. */
const rounded = (value: number): number => Math.round(value * 10_000) / 10_000

/** By task: the mean run of late, and the longest of a day. */
const runsOf = ({ rollUps }: Store, group: string, now: number): Effect.Effect<OutlookDocument["runs"], StoreError> =>
  Effect.map(rollUps.jobs({ width: hourMs, from: now - lookBackMs, to: now + 1, group }), (hours) => {
    const longest = new Map<string, number>()
    for (const { run, task } of hours) longest.set(task, Math.max(longest.get(task) ?? 0, run.max))
    const means = expectedRuns(hours, new Map()).get(group) ?? new Map()
    return Object.fromEntries(
      [...means].map(([task, { ms }]) => [
        task,
        { meanMs: rounded(ms), mostMs: rounded(Math.max(ms, longest.get(task) ?? 0)) }
      ])
    )
  })

/** Slots that scheduled jobs of the group take, by step. Of a task without runs as the group's mean. */
const scheduledIn = (
  { jobs }: Store,
  group: string,
  grid: OutlookGrid,
  runs: OutlookDocument["runs"],
  meanMs: number
): Effect.Effect<ReadonlyArray<number>, StoreError> =>
  Effect.map(jobs.dueIn(grid), (counts) => {
    const busy = Array.from({ length: grid.count }, () => 0)
    for (const each of counts)
      if (each.group === group) addRun(busy, each.step, (runs[each.task]?.meanMs ?? meanMs) / grid.stepMs, each.jobs)
    return busy.map(rounded)
  })

/** Undefined while the forecast is not to be trusted. */
export const readOutlook = (
  store: Store,
  prediction: LoadPrediction,
  { group, paused, pending, policy, slots }: GroupSituation
): Effect.Effect<{ readonly outlook: LoadOutlook | undefined; readonly runs: OutlookDocument["runs"] }, StoreError> =>
  Effect.gen(function* () {
    const { at, distrust, service, stepMs, steps } = prediction
    const runs = yield* runsOf(store, group, at)
    const grid = gridOf(steps[0]?.at ?? at, stepMs, steps.length)
    if (distrust !== undefined || grid.count === 0) return { outlook: undefined, runs }
    const outlook = outlookOf(grid, {
      work: steps.map(({ work }) => ({ expected: work.expected, atMost: work.p95 })),
      workStepMs: stepMs,
      meanMs: service.meanMs,
      slotsAt: (from) => (paused || opensAt(policy, from) > from ? 0 : slots),
      scheduled: yield* scheduledIn(store, group, grid, runs, service.meanMs),
      backlogMs: rounded(pending * service.meanMs)
    })
    return {
      outlook: { ...outlook, busy: outlook.busy.map(rounded), busyAtMost: outlook.busyAtMost.map(rounded) },
      runs
    }
  })
