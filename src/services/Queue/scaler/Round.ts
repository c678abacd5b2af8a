/**
 * One group's decision of a round: what was seen and forecast, what is needed, what is kept of it. Deciding has no effects; the round that
 * carries it is in `PredictiveScalerLive.ts`.
 */
import type { EventTimes } from "../policy/EventLoad.ts"
import { figuresOf, noService } from "../policy/ServiceTime.ts"
import type { ScaleDecision } from "../ScaleDecision.ts"
import type { ScaleSettings } from "../ScaleSettings.ts"
import { sentenceOf } from "./DecisionText.ts"
import type { GroupForecast } from "./ForecastState.ts"
import type { GroupRecord } from "./LeaderRecord.ts"
import { arrivalsOf, standingOf } from "./Prediction.ts"
import type { GroupSituation } from "./Situation.ts"
import { noMemory, staff } from "./Staffing.ts"

/** Bound of a group with neither a setting nor a limit: a wrong forecast must not order a data centre. */
export const boundlessMost = 1000

export const boundsOf = (
  { maxSlots, minSlots }: ScaleSettings,
  limit: number | undefined
): { readonly min: number; readonly max: number } => {
  const max = Math.min(maxSlots ?? limit ?? boundlessMost, limit ?? Number.POSITIVE_INFINITY)
  return { min: Math.min(minSlots, max), max }
}

export interface DecideInputs {
  readonly now: number
  readonly situation: GroupSituation
  readonly settings: ScaleSettings
  readonly forecast: GroupForecast | undefined
  /** The end of the last step that could have been read. */
  readonly complete: number
  readonly events: ReadonlyArray<EventTimes>
  readonly startupMs: number
  readonly roundMs: number
  readonly before: GroupRecord | undefined
}

export interface Decided {
  readonly record: GroupRecord
  /** Undefined when nothing changed. */
  readonly decision: ScaleDecision | undefined
}

const sumWithin = (
  steps: ReadonlyArray<{ readonly at: number; readonly arrivals: { readonly mean: number; readonly p90: number } }>,
  stepMs: number,
  from: number,
  to: number
) =>
  steps.reduce(
    (sum, { arrivals, at }) => {
      const share = Math.max(0, Math.min(to, at + stepMs) - Math.max(from, at)) / stepMs
      return { expected: sum.expected + share * arrivals.mean, atQuantile: sum.atQuantile + share * arrivals.p90 }
    },
    { expected: 0, atQuantile: 0 }
  )

export const decide = (inputs: DecideInputs): Decided => {
  const { before, complete, events, forecast, now, roundMs, settings, situation, startupMs } = inputs
  const { max, min } = boundsOf(settings, situation.limit)
  const service = figuresOf(forecast?.service ?? noService)
  const { distrust, quality } = standingOf(forecast, complete)
  const until = now + startupMs + roundMs
  const steps = forecast === undefined ? [] : arrivalsOf(forecast, until, events)
  const window = sumWithin(steps, settings.stepMs, now, until)
  const from = before?.target ?? Math.max(min, Math.min(max, situation.slots))
  const { memory, needs, reason, target } = staff(
    {
      now,
      pending: situation.pending,
      running: situation.running,
      target: from,
      minSlots: min,
      maxSlots: max,
      serviceMs: service.meanMs,
      startupMs,
      roundMs,
      holdDownMs: settings.holdDownMs,
      drainMs: settings.drainMs,
      lastArrivals: forecast?.lastCount,
      stepMs: settings.stepMs,
      steps: distrust === undefined ? steps.map(({ arrivals }) => arrivals) : undefined,
      stepsFrom: forecast?.to ?? complete,
      quantile: settings.quantile
    },
    before?.memory ?? noMemory
  )
  const next = steps[0]?.arrivals
  const isNew = before === undefined || target !== before.target
  const record: GroupRecord = {
    target,
    decidedAt: isNew ? now : before.decidedAt,
    held: isNew ? 0 : before.held + 1,
    memory,
    serviceMs: service.meanMs,
    ...(next === undefined ? {} : { next: { mean: next.mean, p90: next.p90 } }),
    quality,
    distrust: distrust ?? null
  }
  if (target === from) return { record, decision: undefined }
  const decision = {
    group: situation.group,
    at: now,
    mode: settings.mode,
    from,
    to: target,
    reason: reason === "forecast" && steps.some(({ event }) => event !== undefined) ? ("event" as const) : reason,
    inputs: {
      pending: situation.pending,
      running: situation.running,
      oldestMs: situation.oldestMs,
      slots: situation.slots,
      workers: situation.workers,
      limit: situation.limit ?? null,
      serviceMs: service.meanMs,
      startupMs,
      arrivals: forecast?.lastCount ?? null,
      ...window
    },
    needs,
    distrust: distrust ?? null,
    held: before?.held ?? 0
  }
  return { record, decision: { ...decision, text: sentenceOf(decision) } }
}
