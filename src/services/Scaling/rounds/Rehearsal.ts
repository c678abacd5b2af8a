/**
 * What today's forecaster and today's settings would have made of a group's recorded past, beside doing without them:
 * forecasts by rolling origin, and slots in a replay. Only what lay before each moment was known at it. Operators'
 * events are left out: history does not tell when they were known.
 *
 * Holds the event loop while it computes, seconds for a week of minutes: for a process of its own, such as a command,
 * not for a worker.
 */
import { Duration, Effect } from "effect"
import { RollUps } from "../../Store/RollUps.ts"
import { backtest, type BacktestResult, type Candidate, type Counts } from "../policy/forecast/Backtest.ts"
import {
  type CapacityPolicy,
  fewestFixed,
  fixedAt,
  replay,
  type ReplayResult,
  type ReplaySettings
} from "../policy/forecast/CapacityReplay.ts"
import type { Forecaster } from "../policy/forecast/Forecaster.ts"
import * as Histogram from "../../Queue/policy/Histogram.ts"
import type { ForecastSteps } from "../policy/staffing/ForecastSteps.ts"
import { Staffing } from "../policy/staffing/Staffing.ts"
import type { StaffingSettings } from "../policy/staffing/StaffingSettings.ts"
import type { TrackRecord } from "../policy/staffing/Trust.ts"
import { Scaler, type ScaleSettings } from "../ScaleSettings.ts"
import type { StoreError } from "../../Store/StoreError.ts"
import { forecasterOn, trackRecordOf } from "./Forecasting.ts"
import { readPast } from "./Past.ts"
import { staffingSettingsOf } from "./Round.ts"

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
  /**
   * `scaler`: forecast and all; `reactive`: the scaler without a forecast; `fixed`: the slots of now; `fixed in
   * hindsight`: the fewest that would have done, left out when the most allowed would not.
   */
  readonly policy: "scaler" | "reactive" | "fixed" | "fixed in hindsight"
  readonly result: ReplayResult
}

export interface RehearsedSlots {
  /** Of the first step replayed, milliseconds since 1970. */
  readonly from: number
  readonly serviceMs: number
  readonly startupMs: number
  readonly waitMs: number
  readonly lateShare: number
  readonly policies: ReadonlyArray<RehearsedPolicy>
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
  readonly replay: RehearsedSlots | undefined
}

const dayMs = 86_400_000
/** Jobs in a replay at most: some seconds for all policies. With more, it covers the last of them. */
const jobsMost = 300_000
/** Decisions in a step of the replay, at most: steps of an hour need not be looked at every 15 s. */
const roundsMost = 60
/**
 * What decisions have learned from before the replay begins: what they know of the spread of arrivals is half forgotten
 * after a day of minutes.
 */
const learnMs = dayMs
/** Assumed where no attempt has ended. */
const serviceUnknownMs = 1000
/** The wait objective where none is set, as decisions have it: a tenth of the run time, at least a second. */
const waitPerService = 0.1
const waitLeastMs = 1000

/** The first index from which on no more than `jobsMost` jobs arrive. */
const affordable = (counts: Counts, from: number): number => {
  let jobs = 0
  for (let i = counts.length - 1; i >= from; i--) {
    jobs += counts[i] ?? 0
    if (jobs > jobsMost) return Math.min(counts.length - 1, i + 1)
  }
  return from
}

const meanOf = ({ count, sum }: Histogram.Histogram): number | undefined => (count === 0 ? undefined : sum / count)

/** A past on its grid. */
interface Past {
  readonly counts: Counts
  /** Of the first count. */
  readonly start: number
  readonly stepMs: number
}

/** What a decision is told of the forecast. */
interface Said {
  readonly forecast: ForecastSteps
  readonly record: TrackRecord
}

/**
 * A forecaster that keeps what it says: `said[i]` when it had been given the counts before the one of index i, from
 * `noteFrom` on. A replay then need not run it again.
 */
const noting = (
  forecaster: Forecaster,
  { counts, start, stepMs }: Past,
  { noteFrom, steps }: { readonly noteFrom: number; readonly steps: number }
): { readonly candidate: Candidate; readonly said: ReadonlyArray<Said | undefined> } => {
  const said: Array<Said | undefined> = []
  const note = () => {
    const seen = forecaster.steps
    if (seen < noteFrom || seen >= counts.length) return
    const from = start + seen * stepMs
    const forecast = { from, stepMs, steps: forecaster.forecast(steps), last: counts[seen - 1] }
    said[seen] = { forecast, record: trackRecordOf(forecaster.quality()) }
  }
  note()
  return {
    candidate: {
      update: (count) => {
        forecaster.update(count)
        note()
      },
      forecast: (horizon) => forecaster.forecast(horizon),
      within: (count, expected) => forecaster.within(count, expected)
    },
    said
  }
}

/**
 * The scaler's decisions from `replayFrom` on, experienced by the steps from `learnFrom` to there. With nothing said:
 * reactive.
 */
const scalerPolicy = (
  { counts, start, stepMs }: Past,
  { learnFrom, replayFrom }: { readonly learnFrom: number; readonly replayFrom: number },
  said: ReadonlyArray<Said | undefined>,
  limits: StaffingSettings
): CapacityPolicy => {
  const staffing = new Staffing()
  for (let i = learnFrom; i < replayFrom; i++) {
    const count = counts[i]
    if (count === undefined) continue
    const after = i + 1 < replayFrom ? counts[i + 1] : undefined
    const { forecast, record } = said[i] ?? { forecast: undefined, record: undefined }
    staffing.learn({ from: start + i * stepMs, stepMs, count, before: counts[i - 1], after, forecast, record }, limits)
  }
  // Roll-ups of a step are read after its end: a round later.
  let known = replayFrom
  let unread = 0
  return ({ arrived, at, busy, ended, queued, ready, starting }) => {
    known += unread
    unread = ended.length
    return staffing.decide(
      {
        at: start + replayFrom * stepMs + at,
        arrivals: arrived,
        waiting: queued,
        running: busy,
        ready,
        starting,
        ...said[known]
      },
      limits
    ).target
  }
}

/** Undefined when nothing is recorded before `to` that could be scored. */
export const rehearse = (options: RehearsalOptions): Effect.Effect<Rehearsal | undefined, StoreError, RollUps> =>
  Effect.gen(function* () {
    const rollUps = yield* RollUps
    const scaler = yield* Scaler
    const { every, group, horizon, maxSlots, minSlots, settings, startupMs, to } = options
    const { stepMs, timeZone } = settings
    const kept = yield* readPast(rollUps, group, stepMs, to)
    const [first] = kept
    if (first === undefined) return undefined
    const { start } = first
    const past: Past = { counts: kept.map(({ count }) => count), start, stepMs }
    const { counts } = past
    const from = Math.max(0, counts.length - options.steps)
    const replayFrom = affordable(counts, from)
    const learnFrom = Math.max(0, replayFrom - Math.round(learnMs / stepMs))

    const settled = staffingSettingsOf({ ...settings, forecast: true, minSlots, maxSlots }, undefined, startupMs)
    const forecaster = forecasterOn({ stepMs, start, timeZone })
    const { candidate, said } = noting(forecaster, past, {
      noteFrom: learnFrom,
      steps: Math.ceil((startupMs + 2 * settled.tickMs) / stepMs) + 3
    })
    for (const count of counts.slice(0, from)) candidate.update(count)
    const day = Math.round(dayMs / stepMs)
    const backtested = backtest(counts, candidate, { from, seen: from, horizon, every, season: day })

    const replayed = (service: { readonly before: Histogram.Histogram; readonly during: Histogram.Histogram }) => {
      // Decisions know the run times of before; jobs have those of their own time.
      const serviceMs = meanOf(service.before) ?? meanOf(service.during) ?? serviceUnknownMs
      const limits: StaffingSettings = { ...settled, serviceMs }
      const meanMs = meanOf(service.during) ?? serviceMs
      const given: ReplaySettings = {
        stepMs,
        roundMs: Math.max(Duration.toMillis(scaler.round), stepMs / roundsMost),
        startupMs,
        service: service.during,
        waitMs: settings.waitMs ?? Math.max(waitLeastMs, waitPerService * meanMs),
        slots: Math.max(minSlots, Math.min(maxSlots, options.slots)),
        minSlots,
        maxSlots
      }
      const came = counts.slice(replayFrom)
      const scaled = (said: ReadonlyArray<Said | undefined>) =>
        replay(came, scalerPolicy(past, { learnFrom, replayFrom }, said, limits), given)
      const fewest = fewestFixed(came, given, settings.lateShare)
      const policies: ReadonlyArray<RehearsedPolicy> = [
        { policy: "scaler", result: scaled(said) },
        { policy: "reactive", result: scaled([]) },
        { policy: "fixed", result: replay(came, fixedAt(given.slots), given) },
        ...(fewest === undefined
          ? []
          : [
              {
                policy: "fixed in hindsight" as const,
                result: replay(came, fixedAt(fewest), { ...given, slots: fewest, minSlots: 0 })
              }
            ])
      ]
      return {
        from: start + replayFrom * stepMs,
        serviceMs: meanMs,
        startupMs,
        waitMs: given.waitMs,
        lateShare: settings.lateShare,
        policies
      }
    }

    const runs = { before: Histogram.empty, during: Histogram.empty }
    const cells = yield* rollUps.jobs({ width: stepMs, from: start + learnFrom * stepMs, to, group })
    for (const { run, start: at } of cells) {
      const when = at < start + replayFrom * stepMs ? "before" : "during"
      runs[when] = Histogram.merge(runs[when], run)
    }
    const rehearsal: Rehearsal = {
      stepMs,
      from: start + from * stepMs,
      to,
      learnedFrom: counts.slice(0, from).filter((count) => count !== undefined).length,
      backtest: backtested,
      replay: counts.slice(replayFrom).some((count) => (count ?? 0) > 0) ? replayed(runs) : undefined
    }
    return rehearsal
  })
