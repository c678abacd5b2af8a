/** What would have been forecast over a group's recorded past, having seen only what lay before. */
import { Effect } from "effect"
import type { RollUps } from "../../Store/RollUps.ts"
import type { Backtest } from "../LoadPrediction.ts"
import { backtest } from "../policy/forecast/Backtest.ts"
import type { StepWidth } from "../ScaleSettings.ts"
import type { StoreError } from "../../Store/StoreError.ts"
import { forecasterOn, qualityOf } from "./Forecasting.ts"
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

const lackOf = (share: number | undefined) => (share === undefined ? undefined : 1 - share)

export const backtestOf = (
  rollUps: RollUps["Service"],
  { ahead, group, stepMs, steps, timeZone, to }: BacktestOptions
): Effect.Effect<Backtest, StoreError> =>
  Effect.gen(function* () {
    const past = yield* readPast(rollUps, group, stepMs, to)
    const start = past[0]?.start ?? to
    const counts = past.map(({ count }) => count)
    const from = Math.max(0, counts.length - steps)
    const forecaster = forecasterOn({ stepMs, start, timeZone })
    const slices = yield* Slices.make()
    for (const count of counts.slice(0, from)) {
      forecaster.update(count)
      yield* slices.pause
    }
    const season = Math.round(dayMs / stepMs)
    const {
      forecast,
      naive,
      steps: said
    } = backtest(counts, forecaster, { from, seen: from, horizon: ahead, every: ahead, season })
    return {
      group,
      stepMs,
      from: start + from * stepMs,
      to,
      scored: said.filter(({ actual }) => actual !== undefined).length,
      missing: said.filter(({ actual }) => actual === undefined).length,
      ahead,
      quality: {
        ...qualityOf(forecaster.quality(ahead), stepMs),
        horizonMs: ahead * stepMs,
        accuracyNext: forecast.oneStep,
        accuracy: forecast.horizon,
        error: lackOf(forecast.horizon),
        naiveError: lackOf(naive.horizon),
        mase: forecast.mase,
        coverage: forecast.coverage,
        sumAccuracy: forecast.sum,
        sumBias: forecast.sumBias,
        sumCoverage: forecast.sumCoverage
      },
      wQL90: forecast.wQL90,
      series: said.flatMap(({ actual, forecast: step, index }) =>
        actual === undefined ? [] : [{ ...step, at: start + index * stepMs, actual }]
      )
    }
  })
