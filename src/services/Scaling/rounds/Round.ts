/**
 * One group's decision of a round: what was seen and forecast, what is needed, what is kept of it. Deciding has no
 * effects but on the group's staffing; the round that carries it is in `PredictiveScalerLive.ts`.
 */
import type { EventTimes } from "../policy/EventLoad.ts"
import { figuresOf, noService } from "../policy/ServiceMoments.ts"
import { requiredServers } from "../policy/staffing/ErlangC.ts"
import { Staffing } from "../policy/staffing/Staffing.ts"
import type { StaffingDecision } from "../policy/staffing/StaffingDecision.ts"
import { staffingDefaults, type StaffingSettings } from "../policy/staffing/StaffingSettings.ts"
import type { ScaleDecision } from "../ScaleDecision.ts"
import type { ScaleSettings } from "../ScaleSettings.ts"
import { opensAt } from "../../Limits/policy/Holding.ts"
import { sentenceOf } from "./DecisionText.ts"
import { trackRecordOf } from "./Forecasting.ts"
import { foreseenBy, type GroupForecast } from "./ForecastState.ts"
import type { GroupRecord } from "./LeaderRecord.ts"
import { arrivalsOf, standingOf } from "./Prediction.ts"
import type { RecentLoad } from "./RecentLoad.ts"
import type { GroupSituation } from "./Situation.ts"

/** Bound of a group with neither a setting nor a limit: a wrong forecast must not order a data centre. */
export const boundlessMost = 1000
/** Arrivals are weighed by the minute, or by the step where that is shorter. */
const tickMost = 60_000
/** Steps that are forecast for a decision at least: a forecast that ends sooner counts as stale. */
const stepsLeast = 4

export const boundsOf = (
  { maxSlots, minSlots }: ScaleSettings,
  limit: number | undefined
): { readonly min: number; readonly max: number } => {
  const max = Math.min(maxSlots ?? limit ?? boundlessMost, limit ?? Number.POSITIVE_INFINITY)
  return { min: Math.min(minSlots, max), max }
}

export const staffingSettingsOf = (
  settings: ScaleSettings,
  limit: number | undefined,
  startupMs: number | undefined
): StaffingSettings => {
  const { max, min } = boundsOf(settings, limit)
  const tickMs = Math.min(settings.stepMs, tickMost)
  return {
    ...staffingDefaults,
    minSlots: min,
    maxSlots: max,
    holdDownMs: settings.holdDownMs,
    mostUp: settings.mostUp ?? Number.POSITIVE_INFINITY,
    mostDown: settings.mostDown ?? Number.POSITIVE_INFINITY,
    tickMs,
    // Who counts by shorter ticks wants to be followed in them.
    changesPerHour: (staffingDefaults.changesPerHour * staffingDefaults.tickMs) / tickMs,
    waitMs: settings.waitMs ?? undefined,
    lateShare: settings.lateShare,
    forecast: settings.forecast,
    quantile: settings.quantile ?? undefined,
    drainMs: settings.drainMs,
    startUpMs: startupMs
  }
}

export interface DecideInputs {
  readonly now: number
  readonly situation: GroupSituation
  readonly settings: ScaleSettings
  readonly staffing: Staffing
  /** Nothing was decided with this staffing yet. */
  readonly isFirst: boolean
  readonly forecast: GroupForecast | undefined
  /** The end of the last step that could have been read. */
  readonly complete: number
  readonly events: ReadonlyArray<EventTimes>
  /** Since the round before; undefined: there was none lately. */
  readonly recent: RecentLoad | undefined
  /** Up to when that was counted. */
  readonly recentTo: number
  /** Stated, or known of an actuator; undefined: learned. */
  readonly startupMs: number | undefined
  /** Slots that became ready since the round before, by how long they took. */
  readonly startUps: ReadonlyArray<number>
  readonly before: GroupRecord | undefined
  /** Nothing could be decided since then: told once, with what was held. */
  readonly frozen: { readonly since: number; readonly why: string } | undefined
}

/** The target before, or what the bounds allow of the slots there are. */
export const targetBefore = ({
  before,
  settings,
  situation
}: Pick<DecideInputs, "before" | "settings" | "situation">): number => {
  const { max, min } = boundsOf(settings, situation.limit)
  return before?.target ?? Math.max(min, Math.min(max, situation.slots))
}

export interface Decided {
  readonly record: GroupRecord
  /** Undefined when nothing changed. */
  readonly decision: ScaleDecision | undefined
}

/**
 * Staffing at the first decision of a process: the slots of now were needed until now, whoever decided them, so they
 * are taken away only when fewer have sufficed for the hold.
 */
export const takenUp = (staffing: Staffing, at: number, slots: number): Staffing =>
  Staffing.restore({ ...staffing.save(), held: { needs: [{ at, slots }], last: { at, slots }, changes: 0 } })

/** Run times that roll-ups told before the first decision. */
const servedBefore = (forecast: GroupForecast | undefined) => {
  const { meanMs, samples } = figuresOf(forecast?.service ?? noService)
  return samples > 0 ? [{ ms: meanMs, jobs: Math.ceil(samples) }] : []
}

/** Slots for the largest load that operators' events state for the time until `until`. */
const eventNeed = (
  steps: ReturnType<typeof arrivalsOf>,
  stepMs: number,
  { now, until }: { readonly now: number; readonly until: number },
  { serviceMs, waitMs }: StaffingDecision,
  lateShare: number
): number => {
  const perStep = steps.reduce(
    (most, { arrivals, at, event }) =>
      event !== undefined && at < until && at + stepMs > now ? Math.max(most, arrivals.p90) : most,
    0
  )
  return requiredServers((perStep * serviceMs) / stepMs, { patience: waitMs / serviceMs, share: lateShare })
}

export const decide = (inputs: DecideInputs): Decided => {
  const {
    before,
    complete,
    events,
    forecast,
    isFirst,
    now,
    recent,
    recentTo,
    settings,
    situation,
    staffing,
    startUps,
    startupMs
  } = inputs
  const limits = staffingSettingsOf(settings, situation.limit, startupMs)
  const { maxSlots, tickMs } = limits
  const until = now + staffing.lookAheadMs(limits) + tickMs
  const steps =
    forecast === undefined
      ? []
      : arrivalsOf(forecast, Math.max(until, forecast.to + stepsLeast * settings.stepMs), events)
  const from = targetBefore(inputs)
  // In shadow mode all is as if it had been on: the slots that were decided are there, and jobs that run beyond them
  // would wait.
  const isOn = settings.mode === "on"
  const ready = isOn ? situation.slots : from
  const running = isOn ? situation.running : Math.min(situation.running, from)
  const decided = staffing.decide(
    {
      at: now,
      arrivals: recent?.arrivals,
      arrivalsTo: recentTo,
      // What waits in a paused group waits for an operator, in a closed one for its hours, not for slots.
      waiting:
        (situation.paused || opensAt(situation.policy, now) > now ? 0 : situation.pending) +
        situation.running -
        running,
      running,
      ready,
      starting: Math.max(0, from - ready),
      served: isFirst ? servedBefore(forecast) : recent?.served,
      startUps,
      ...(forecast !== undefined && {
        forecast: {
          from: forecast.to,
          stepMs: settings.stepMs,
          steps: steps.map(({ arrivals }) => arrivals),
          last: forecast.lastCount
        },
        record: trackRecordOf(foreseenBy(forecast, 1).quality)
      })
    },
    limits
  )
  const stated = eventNeed(steps, settings.stepMs, { now, until }, decided, settings.lateShare)
  const isStated = Math.min(maxSlots, stated) > decided.target
  const target = isStated ? Math.min(maxSlots, stated) : decided.target
  const { quality } = standingOf(forecast, complete)
  // Of the step under way; a forecast that still reads the past has none to tell.
  const next = steps.find(({ at }) => at >= complete)?.arrivals
  const isNew = before === undefined || target !== before.target
  const record: GroupRecord = {
    target,
    decidedAt: isNew ? now : before.decidedAt,
    held: isNew ? 0 : before.held + 1,
    serviceMs: decided.serviceMs,
    startupMs: decided.startUpMs,
    ...(next === undefined ? {} : { next: { mean: next.mean, p90: next.p90 } }),
    quality,
    distrust: decided.distrust ?? null
  }
  const isThawed = inputs.frozen !== undefined && isOn
  if (target === from && !isThawed) return { record, decision: undefined }
  const decision = {
    group: situation.group,
    at: now,
    mode: settings.mode,
    from,
    to: target,
    reason: target === from ? ("frozen" as const) : isStated ? ("event" as const) : decided.reason,
    inputs: {
      pending: situation.pending,
      running: situation.running,
      oldestMs: situation.oldestMs,
      slots: situation.slots,
      workers: situation.workers,
      limit: situation.limit ?? null,
      serviceMs: decided.serviceMs,
      startupMs: decided.startUpMs,
      arrivals: forecast?.lastCount ?? null,
      expected: decided.expected,
      atQuantile: decided.atQuantile
    },
    needs: { ...decided.needs, forecast: decided.needs.forecast ?? null },
    distrust: decided.distrust ?? null,
    held: before?.held ?? 0
  }
  return { record, decision: { ...decision, text: sentenceOf(decision, inputs.frozen) } }
}
