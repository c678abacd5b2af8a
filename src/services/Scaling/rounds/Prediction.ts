/** From a forecast to what is said of a group's load. */
import type { ForecastQuality, Interval, LoadPrediction, LoadStep } from "../LoadPrediction.ts"
import { around, type EventTimes, withEvents } from "../policy/EventLoad.ts"
import type { ForecastStep } from "../policy/forecast/Forecaster.ts"
import { distrustOf } from "../policy/staffing/Trust.ts"
import { figuresOf, noService } from "../policy/ServiceMoments.ts"
import { workOf } from "../policy/WorkForecast.ts"
import type { Distrust } from "../ScaleDecision.ts"
import { noQuality, qualityOf, trackRecordOf } from "./Forecasting.ts"
import { foreseenBy, type GroupForecast } from "./ForecastState.ts"

/** Steps that a forecast may lack: one is being read, one was missed. */
const staleSteps = 3
const nothing: ForecastStep = { mean: 0, expected: 0, p05: 0, p50: 0, p90: 0, p95: 0 }

/** How a forecast stands towards the last step that is complete. */
export interface Standing {
  readonly quality: ForecastQuality
  readonly distrust: Distrust | undefined
}

/**
 * `complete`: the end of the last step that could have been read. A forecast beyond it was made by a clock that has
 * gone back.
 */
export const standingOf = (forecast: GroupForecast | undefined, complete: number): Standing => {
  if (forecast === undefined) return { quality: noQuality(), distrust: "cold" }
  const { quality: own } = foreseenBy(forecast, 1)
  const quality = qualityOf(own, forecast.grid.stepMs)
  const behind = (complete - forecast.to) / forecast.grid.stepMs
  const isStale = behind < -1 || behind > staleSteps
  return { quality, distrust: distrustOf(trackRecordOf(own), isStale, undefined) }
}

/** Arrivals of each step up to `until`, operators' events included. */
export const arrivalsOf = (
  forecast: GroupForecast,
  until: number,
  events: ReadonlyArray<EventTimes>
): ReadonlyArray<{ readonly at: number; readonly arrivals: Interval; readonly event: string | undefined }> => {
  const { stepMs } = forecast.grid
  const count = Math.max(1, Math.ceil((until - forecast.to) / stepMs))
  return foreseenBy(forecast, count)
    .steps.slice(0, count)
    .map((step, i) => {
      const at = forecast.to + i * stepMs
      const { event, interval } = withEvents(step, at, stepMs, events)
      return { at, arrivals: interval, event }
    })
}

export const predictionOf = (
  group: string,
  forecast: GroupForecast | undefined,
  asked: {
    readonly now: number
    readonly until: number
    readonly stepMs: number
    readonly complete: number
    readonly events: ReadonlyArray<EventTimes>
  }
): LoadPrediction => {
  const { complete, events, now, stepMs, until } = asked
  const service = figuresOf(forecast?.service ?? noService)
  const arrivals =
    forecast === undefined
      ? Array.from({ length: Math.ceil((until - complete) / stepMs) }, (_, i) => {
          const at = complete + i * stepMs
          const { event, interval } = withEvents(nothing, at, stepMs, events)
          return { at, arrivals: interval, event }
        })
      : arrivalsOf(forecast, until, events).filter(({ at }) => at + stepMs > now)
  const steps = arrivals.map(
    (step): LoadStep => ({ ...step, work: workOf(step.arrivals, service.meanMs, service.cv2) })
  )
  const standing = standingOf(forecast, complete)
  const expected = steps.reduce((sum, step) => sum + step.arrivals.expected, 0)
  const within = forecast?.forecaster.within(steps.length, expected) ?? around(expected)
  const work = workOf({ ...within, mean: expected, expected }, service.meanMs, service.cv2)
  return {
    group,
    at: now,
    seenTo: forecast?.to ?? complete,
    stepMs,
    steps,
    total: {
      arrivals: expected,
      work: work.expected,
      arrivalsWithin: within,
      workWithin: { p05: work.p05, p50: work.p50, p90: work.p90, p95: work.p95 }
    },
    service,
    quality:
      forecast === undefined
        ? standing.quality
        : qualityOf(forecast.forecaster.quality(Math.max(1, Math.ceil((until - forecast.to) / stepMs))), stepMs),
    distrust: standing.distrust
  }
}
