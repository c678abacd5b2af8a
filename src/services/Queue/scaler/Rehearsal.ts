/**
 * What today's forecaster and today's settings would have made of a group's recorded past, beside doing without them: forecasts by rolling origin, and
 * slots in a replay. Only what lay before each moment was known at it.
 *
 * Holds the event loop while it computes, seconds for a week of minutes: for a process of its own, such as a command, not for a worker.
 */
import { Duration, Effect } from "effect"
import { JobStore } from "../JobStore.ts"
import { backtest, type BacktestResult } from "../policy/forecast/Backtest.ts"
import {
  type CapacityPolicy,
  fewestFixed,
  fixedAt,
  replay,
  type ReplayResult,
  type ReplaySettings
} from "../policy/forecast/CapacityReplay.ts"
import type { Forecaster, ForecastStep } from "../policy/forecast/Forecaster.ts"
import { distrustOf } from "../policy/ForecastTrust.ts"
import * as Histogram from "../policy/Histogram.ts"
import { Scaler, type ScaleSettings } from "../ScaleSettings.ts"
import { forecasterFrom, forecasterOn, qualityOf } from "./Forecasting.ts"
import { readPast } from "./Past.ts"
import { noMemory, staff } from "./Staffing.ts"

export interface RehearsalOptions {
  readonly group: string
  readonly settings: ScaleSettings
  /** Bounds in force. */
  readonly minSlots: number
  readonly maxSlots: number
  /** Slots that the group has now: what doing nothing is. */
  readonly slots: number
  /** From a decision to slots that run jobs, in milliseconds. */
  readonly startupMs: number
  /** Steps to be scored, the last ones before `to`. */
  readonly steps: number
  /** Steps forecast each time, and between two forecasts. */
  readonly horizon: number
  readonly every: number
  /** The end of the last step, milliseconds since 1970. */
  readonly to: number
}

export interface RehearsedPolicy {
  /** `scaler`: forecast and all; `reactive`: the scaler without a forecast; `fixed`: the slots of now; `fixed in hindsight`: the fewest that would have done. */
  readonly policy: "scaler" | "reactive" | "fixed" | "fixed in hindsight"
  readonly result: ReplayResult
}

export interface Rehearsal {
  readonly stepMs: number
  /** Of the first step scored, and the end of the last; milliseconds since 1970. */
  readonly from: number
  readonly to: number
  /** Steps with a count before `from`. */
  readonly learnedFrom: number
  readonly backtest: BacktestResult
  /** Undefined when nothing arrived. */
  readonly replay:
    | {
        readonly from: number
        readonly serviceMs: number
        readonly startupMs: number
        readonly waitMs: number
        readonly lateShare: number
        readonly policies: ReadonlyArray<RehearsedPolicy>
      }
    | undefined
}

const dayMs = 86_400_000
/** Jobs in a replay at most: some seconds for all policies. With more, it covers the last of them. */
const jobsMost = 300_000
/** Decisions in a step of the replay, at most: steps of an hour need not be looked at every 15 s. */
const roundsMost = 60
/** The wait objective where none is set: a tenth of the service time, at least a second. */
const waitOf = ({ waitMs }: ScaleSettings, serviceMs: number): number => waitMs ?? Math.max(1000, serviceMs / 10)

/** The first index from which on no more than `jobsMost` jobs arrive. */
const affordable = (counts: ReadonlyArray<number | undefined>, from: number): number => {
  let jobs = 0
  for (let i = counts.length - 1; i >= from; i--) {
    jobs += counts[i] ?? 0
    if (jobs > jobsMost) return Math.min(counts.length - 1, i + 1)
  }
  return from
}

/** The scaler's own decisions. `forecaster` has seen everything before the replay; undefined: it decides without one. */
const scalerPolicy = (
  { maxSlots, minSlots, settings, slots, startupMs }: RehearsalOptions,
  {
    forecaster,
    roundMs,
    serviceMs
  }: { readonly forecaster: Forecaster | undefined; readonly roundMs: number; readonly serviceMs: number }
): CapacityPolicy => {
  const { drainMs, holdDownMs, quantile, stepMs } = settings
  const ahead = Math.ceil((startupMs + 2 * roundMs) / stepMs) + 1
  let memory = noMemory
  let target = Math.max(minSlots, Math.min(maxSlots, slots))
  let lastArrivals: number | undefined
  let stepsFrom = 0
  let steps: ReadonlyArray<ForecastStep> | undefined
  const look = () => {
    const trusted = forecaster !== undefined && distrustOf(qualityOf(forecaster, stepMs), 0) === undefined
    steps = trusted ? forecaster.forecast(ahead) : undefined
  }
  look()
  // Roll-ups of a step are read after its end: a round later.
  let late: ReadonlyArray<number | undefined> = []
  return (seen) => {
    for (const count of late) {
      forecaster?.update(count)
      lastArrivals = count
      stepsFrom += stepMs
    }
    if (late.length > 0) look()
    late = seen.ended
    const decided = staff(
      {
        now: seen.at,
        pending: seen.queued,
        running: seen.busy,
        target,
        minSlots,
        maxSlots,
        serviceMs,
        startupMs,
        roundMs,
        holdDownMs,
        drainMs,
        lastArrivals,
        stepMs,
        steps,
        stepsFrom,
        quantile
      },
      memory
    )
    memory = decided.memory
    target = decided.target
    return target
  }
}

const replayed = (
  options: RehearsalOptions,
  counts: ReadonlyArray<number | undefined>,
  service: Histogram.Histogram,
  roundMs: number,
  forecaster: Forecaster
): {
  readonly settings: ReplaySettings
  readonly serviceMs: number
  readonly policies: ReadonlyArray<RehearsedPolicy>
} => {
  const { maxSlots, minSlots, settings, slots, startupMs } = options
  const serviceMs = service.count === 0 ? 1000 : service.sum / service.count
  const given: ReplaySettings = {
    stepMs: settings.stepMs,
    roundMs,
    startupMs,
    service,
    waitMs: waitOf(settings, serviceMs),
    slots: Math.max(minSlots, Math.min(maxSlots, slots)),
    minSlots,
    maxSlots
  }
  const scaled = (forecaster: Forecaster | undefined) =>
    replay(counts, scalerPolicy(options, { forecaster, roundMs, serviceMs }), given)
  const fewest = fewestFixed(counts, given, settings.lateShare)
  return {
    settings: given,
    serviceMs,
    policies: [
      { policy: "scaler", result: scaled(forecaster) },
      { policy: "reactive", result: scaled(undefined) },
      { policy: "fixed", result: replay(counts, fixedAt(given.slots), given) },
      ...(fewest === undefined
        ? []
        : [
            {
              policy: "fixed in hindsight" as const,
              result: replay(counts, fixedAt(fewest), { ...given, slots: fewest, minSlots: 0 })
            }
          ])
    ]
  }
}

/** Undefined when nothing is recorded before `to` that could be learned from and scored. */
export const rehearse = (options: RehearsalOptions) =>
  Effect.gen(function* () {
    const store = yield* JobStore
    const scaler = yield* Scaler
    const { every, group, horizon, settings, to } = options
    const { stepMs, timeZone } = settings
    const past = yield* readPast(store, group, stepMs, to)
    const counts = past.map(({ count }) => count)
    const start = past[0]?.start ?? to
    const from = Math.max(0, counts.length - options.steps)
    const learned = counts.slice(0, from)
    if (counts.length - from < 1) return undefined
    const grid = { stepMs, start, timeZone }
    const forecaster = forecasterOn(grid)
    for (const count of learned) forecaster.update(count)
    const state = forecaster.save()
    const day = Math.round(dayMs / stepMs)
    const result = backtest(counts, forecaster, {
      from,
      seen: from,
      horizon,
      every,
      season: day
    })
    const replayFrom = affordable(counts, from)
    const cells = yield* store.rollUps({ width: stepMs, from: start + replayFrom * stepMs, to, group })
    const service = cells.reduce((sum, { run }) => Histogram.merge(sum, run), Histogram.empty)
    const again = forecasterFrom(grid, state) ?? forecasterOn(grid)
    for (const count of counts.slice(from, replayFrom)) again.update(count)
    const roundMs = Math.max(Duration.toMillis(scaler.round), stepMs / roundsMost)
    const jobs = counts.slice(replayFrom).reduce((sum: number, count) => sum + (count ?? 0), 0)
    const capacity = jobs === 0 ? undefined : replayed(options, counts.slice(replayFrom), service, roundMs, again)
    const rehearsal: Rehearsal = {
      stepMs,
      from: start + from * stepMs,
      to,
      learnedFrom: learned.filter((count) => count !== undefined).length,
      backtest: result,
      replay:
        capacity === undefined
          ? undefined
          : {
              from: start + replayFrom * stepMs,
              serviceMs: capacity.serviceMs,
              startupMs: options.startupMs,
              waitMs: capacity.settings.waitMs,
              lateShare: settings.lateShare,
              policies: capacity.policies
            }
    }
    return rehearsal
  })
