import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { defaults } from "../../../../src/services/Scaling/ScaleSettings.ts"
import { staffingSettingsOf } from "../../../../src/services/Scaling/rounds/Round.ts"
import { bookOver, RecordedSteps } from "../../../support/scaling/RecordedSteps.ts"

const stepMs = 10_000
const start = 1_800_000_000_000

/** Eight days of forty steps, in each of them a rush of four. */
const counts = Array.from({ length: 320 }, (_, i) => (i % 40 >= 20 && i % 40 < 24 ? 60 : 10 + (i % 3)))

describe("the past that staffing lives through", () => {
  for (const startUpMs of [10_000, 60_000, 300_000])
    it.effect(`is met with forecasts as far ahead as slots take to start: ${startUpMs / 1000} s`, () =>
      Effect.gen(function* () {
        const book = bookOver(new RecordedSteps({ group: "mail", start, stepMs, runMs: 2000 }, counts), 0)
        const settings = staffingSettingsOf({ ...defaults, stepMs }, undefined, startUpMs)
        const now = start + counts.length * stepMs
        yield* book.advanceAll(
          () => ({ stepMs, timeZone: "UTC" }),
          () => settings,
          now,
          Number.POSITIVE_INFINITY
        )
        const { forecaster, staffing } = book.get("mail")!
        const steps = forecaster.forecast(Math.ceil(staffing.lookAheadMs(settings) / stepMs) + 1)
        const decideAt = (at: number) =>
          staffing.decide(
            {
              at,
              arrivals: undefined,
              waiting: 0,
              running: 0,
              ready: 1,
              starting: 0,
              forecast: { from: at, stepMs, steps, last: counts.at(-1) },
              record: { measured: 200, accuracy: 0.9, naiveAccuracy: 0.5, coverage: 0.9 }
            },
            settings
          )
        decideAt(now)
        // Trusted since the decision before.
        const { forecastWeight } = decideAt(now + stepMs)
        // With steps that end before the slots are there it is 0.17 and 0.1 for the longer ones.
        assert.isAbove(forecastWeight, 0.2)
      })
    )
})
