/** Fleets under one day of load, beside each other: which there are, how they are set, and what is told of each. */
import { Effect } from "effect"
import { ScaleSettings, Sluice } from "../../../src/services/Queue/index.ts"
import { faultFolder } from "../faults/FaultFolder.ts"
import { withQueue } from "../faults/FaultQueue.ts"
import type { Course } from "./CompressedDay.ts"
import { slotsMost } from "./ScaledTask.ts"
import { type JobWait, scalingRun } from "./ScalingRun.ts"
import { virtualDay } from "./VirtualFleet.ts"

/**
 * `forecast` and `reaction`: the scaler with and without one, one job in twenty may be late. `forecast 1 %`: one in a
 * hundred may, which is what is had for the worker-seconds that the forecast saves. `fixed`: six processes, enough for
 * the day's peak.
 */
export const policies = ["forecast", "forecast 1 %", "reaction", "fixed"] as const
export type Policy = (typeof policies)[number]

const fixedProcesses = 6
/** A process is ready so long after its start. */
export const startUpMs = 60_000
/** A job that waits longer is late: as long as it runs in the mean. */
export const lateAfterMs = 2000

const stepMs = 10_000
/** Of a day that goes by in minutes. */
const roundMs = 3000
/** The fleet is brought to where it would be before the day begins. */
const beforeMs = 60_000
/**
 * The store keeps so much of steps of 10 s: as many days as that holds are loaded as roll-ups before the fleet begins.
 */
const keptMs = 6 * 3_600_000
export const pastDaysOf = (dayMs: number): number => Math.floor((keptMs - stepMs) / dayMs)

export interface Cell {
  readonly course: Course
  readonly seed: number
  readonly dayMs: number
}

export interface FleetDay {
  readonly policy: Policy
  readonly jobs: number
  readonly waits: ReadonlyArray<JobWait>
  readonly workerSeconds: number
  readonly decisions: number
  /** Processes that live, from their start to their end. */
  readonly processes: ReadonlyArray<readonly [at: number, processes: number]>
}

const settingsFor = (policy: Policy) =>
  ({
    forecast: policy.startsWith("forecast"),
    lateShare: policy === "forecast 1 %" ? 0.01 : 0.05,
    minSlots: 2,
    maxSlots: slotsMost,
    stepMs,
    startupMs: startUpMs + 3000,
    waitMs: lateAfterMs,
    holdDownMs: 60_000,
    drainMs: 20_000
  }) as const

const variantOf = (policy: Policy) =>
  policy === "fixed" ? fixedProcesses : policy === "reaction" ? ("reactive" as const) : ("predictive" as const)

const optionsFor = (policy: Policy, { course, dayMs, seed }: Cell) => ({
  variant: variantOf(policy),
  course,
  dayMs,
  stepMs,
  startUpMs,
  roundMs,
  beforeMs,
  pastDays: pastDaysOf(dayMs),
  seed
})

/** By a clock that costs nothing; seconds. */
export const onPaper = (policy: Policy, cell: Cell): FleetDay => {
  const { decisions, processes, waits, workerSeconds } = virtualDay({
    ...optionsFor(policy, cell),
    settings: { ...ScaleSettings.defaults, ...settingsFor(policy), mode: "on" }
  })
  return { policy, jobs: waits.length, waits, workerSeconds, decisions: decisions.length, processes }
}

/** With processes, on a store of its own; as long as the day and some minutes. */
export const live = (policy: Policy, cell: Cell): Effect.Effect<FleetDay, unknown> =>
  Effect.gen(function* () {
    const folder = yield* faultFolder
    const { decisions, jobs, samples, waits, workerSeconds } = yield* scalingRun(folder, {
      ...optionsFor(policy, cell),
      settings: settingsFor(policy),
      faults: []
    }).pipe(Effect.provide(Sluice.layerPredictiveScaler), withQueue(folder))
    const processes = samples
      .filter(({ at }, i) => at >= 0 && at <= cell.dayMs && i % 20 === 0)
      .map(({ at, processes }) => [at, processes] as const)
    return { policy, jobs, waits, workerSeconds, decisions: decisions.length, processes }
  }).pipe(Effect.scoped)
