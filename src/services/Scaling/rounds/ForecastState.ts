/** Forecasts at rest: the documents `forecast-state`, one for each group. */
import { Option, Predicate, Schema } from "effect"
import { Staffing, type StaffingState } from "../policy/staffing/Staffing.ts"
import type { ServiceSums } from "../policy/ServiceMoments.ts"
import type { Forecaster, ForecastStep } from "../policy/forecast/Forecaster.ts"
import { type ForecastGrid, forecasterFrom } from "./Forecasting.ts"

export const forecastStateKind = "forecast-state"

/** Raised when what is kept changes; older documents are then rebuilt from roll-ups. */
const format = 1

const ServiceSums_ = Schema.Struct({
  count: Schema.Finite,
  sum: Schema.Finite,
  squares: Schema.Finite,
  arrivals: Schema.Finite,
  starts: Schema.Finite
})

/** Of the version that this code knows; what it holds is the staffing's own. */
const StaffingState_ = Schema.Unknown.pipe(
  Schema.refine((state): state is StaffingState => Predicate.hasProperty(state, "version") && state.version === 2)
)

const Stored = Schema.fromJsonString(
  Schema.Struct({
    format: Schema.Literal(format),
    stepMs: Schema.Int,
    timeZone: Schema.String,
    start: Schema.Finite,
    tasks: Schema.Array(Schema.String),
    service: ServiceSums_,
    staffing: StaffingState_,
    forecaster: Schema.Struct({
      version: Schema.Int,
      stepSeconds: Schema.Finite,
      horizon: Schema.Int,
      steps: Schema.Int,
      learned: Schema.String
    })
  })
)
const decode = Schema.decodeUnknownOption(Stored)
const encode = Schema.encodeSync(Stored)

/** What is known of one group's arrivals up to `to`. */
export interface GroupForecast {
  readonly group: string
  readonly grid: ForecastGrid
  readonly forecaster: Forecaster
  /** The end of the last step it has seen. Only grows. */
  to: number
  /** Arrivals of that step; undefined: not measured. */
  lastCount: number | undefined
  service: ServiceSums
  readonly tasks: Set<string>
  /** What deciding has learned of the group's load. */
  staffing: Staffing
  /** What it said when it was asked last. */
  foreseen: Foreseen | undefined
  /** Of its document; 0: there is none. */
  version: number
  /** `to` of the document. */
  savedTo: number
}

/** A forecast changes with the steps it has seen only. */
export interface Foreseen {
  readonly to: number
  readonly steps: ReadonlyArray<ForecastStep>
  readonly quality: ReturnType<Forecaster["quality"]>
}

/** The next `count` steps at least, and how the forecast has done. Costs nothing while no step has ended. */
export const foreseenBy = (forecast: GroupForecast, count: number): Foreseen => {
  const known = forecast.foreseen
  if (known !== undefined && known.to === forecast.to && known.steps.length >= count) return known
  const { forecaster, to } = forecast
  const foreseen = { to, steps: forecaster.forecast(count), quality: forecaster.quality() }
  forecast.foreseen = foreseen
  return foreseen
}

export const textOf = ({ forecaster, grid, service, staffing, tasks }: GroupForecast): string =>
  encode({
    format,
    stepMs: grid.stepMs,
    timeZone: grid.timeZone,
    start: grid.start,
    tasks: [...tasks].sort(),
    service,
    staffing: staffing.save(),
    forecaster: forecaster.save()
  })

/**
 * Undefined when the document cannot be used as it stands: another format, step or zone, damaged, or ahead of the
 * clock.
 */
export const restored = (
  group: string,
  document: { readonly text: string; readonly version: number },
  wanted: { readonly stepMs: number; readonly timeZone: string; readonly notAfter: number }
): GroupForecast | undefined => {
  const stored = Option.getOrUndefined(decode(document.text))
  if (stored === undefined || stored.stepMs !== wanted.stepMs || stored.timeZone !== wanted.timeZone) return undefined
  const to = stored.start + stored.forecaster.steps * stored.stepMs
  if (to > wanted.notAfter) return undefined
  const grid = { stepMs: stored.stepMs, timeZone: stored.timeZone, start: stored.start }
  const forecaster = forecasterFrom(grid, stored.forecaster)
  if (forecaster === undefined) return undefined
  return {
    group,
    grid,
    forecaster,
    to,
    lastCount: undefined,
    service: stored.service,
    tasks: new Set(stored.tasks),
    staffing: Staffing.restore(stored.staffing),
    foreseen: undefined,
    version: document.version,
    savedTo: to
  }
}
