/** What would have been forecast over a group's recorded past, having seen only what lay before each step. */
import { Effect } from "effect"
import type { JobStore } from "../JobStore.ts"
import type { Backtest, BacktestPoint } from "../LoadPrediction.ts"
import { type Scored, scoreOf } from "../policy/BacktestScore.ts"
import type { ForecastStep } from "../policy/forecast/Forecaster.ts"
import type { StepWidth } from "../ScaleSettings.ts"
import type { StoreError } from "../StoreError.ts"
import { forecasterOn, noQuality, qualityOf } from "./Forecasting.ts"
import { readPast } from "./Past.ts"
import { Slices } from "./Slices.ts"

const dayMs = 86_400_000

export interface BacktestOptions {
  readonly group: string
  readonly stepMs: StepWidth
  readonly timeZone: string
  /** Steps to be scored, the last ones before `to`. */
  readonly steps: number
  readonly ahead: number
  readonly to: number
}

export const backtestOf = (
  store: JobStore["Service"],
  { ahead, group, stepMs, steps, timeZone, to }: BacktestOptions
): Effect.Effect<Backtest, StoreError> =>
  Effect.gen(function* () {
    const past = yield* readPast(store, group, stepMs, to)
    const slices = new Slices()
    const start = past[0]?.start ?? to
    const scoredFrom = to - steps * stepMs
    const forecaster = past.length === 0 ? undefined : forecasterOn({ stepMs, start, timeZone })
    const perDay = dayMs / stepMs
    const points: Array<Scored> = []
    const series: Array<BacktestPoint> = []
    /** Forecasts by the step they are of. */
    const said = new Map<number, { readonly step: ForecastStep; readonly last: number | undefined }>()
    let missing = 0
    for (const [i, { count, start: at }] of past.entries()) {
      const foretold = said.get(at)
      said.delete(at)
      if (at >= scoredFrom && count === undefined) missing++
      if (foretold !== undefined && count !== undefined) {
        const { last, step } = foretold
        points.push({ ...step, actual: count, last, yesterday: past[i - perDay]?.count })
        series.push({ ...step, at, actual: count })
      }
      forecaster?.update(count)
      const target = at + ahead * stepMs
      if (target >= scoredFrom && target < to) {
        const step = forecaster?.forecast(ahead).at(-1)
        if (step !== undefined) said.set(target, { step, last: count })
      }
      yield* slices.pause
    }
    const { coverage, error, mase, naiveError, wQL90 } = scoreOf(points)
    const learned = forecaster === undefined ? noQuality : qualityOf(forecaster, stepMs)
    const accuracy = error === undefined ? undefined : 1 - error
    return {
      group,
      stepMs,
      from: Math.max(scoredFrom, start),
      to,
      scored: points.length,
      missing,
      ahead,
      quality: {
        ...learned,
        accuracyNext: ahead === 1 ? accuracy : learned.accuracyNext,
        accuracy,
        error,
        naiveError,
        mase,
        coverage
      },
      wQL90,
      series
    }
  })
