import { assert, describe, it } from "@effect/vitest"
import { type ForecastOptions, make, restore } from "../../../../../src/services/Scaling/policy/forecast/Forecasting.ts"
import {
  bell,
  day,
  fed,
  horizons,
  hour,
  options,
  scoresOf,
  shareOf,
  sine,
  sumOf,
  sameHours,
  type Counts
} from "./HorizonScores.ts"
import { originsFrom, poissonSeries } from "./LoadSeries.ts"

describe("sums over hours and a day", () => {
  it("are unbiased within 3 % and err no more than the mean of the same hours before: a sine each day, after 6 days", () => {
    const counts = poissonSeries(6, 9 * day, (step) => 20 * sine(shareOf(step)))
    for (const { bias, error, steps, usualError } of scoresOf(counts, originsFrom(6 * day, 8 * day, 47), horizons)) {
      assert.isAtMost(Math.abs(bias), 0.03, `${steps} steps`)
      assert.isAtMost(error, 1.1 * usualError + 0.005, `${steps} steps`)
    }
  })

  it("are finite, in order and never below 0, whatever was seen", () => {
    const kinds: ReadonlyArray<(step: number) => number | undefined> = [
      () => 0,
      () => undefined,
      (step) => (step * 7919) % 1000,
      (step) => 10 ** ((step * 13) % 300),
      () => 0.5
    ]
    const forecaster = make(options)
    for (let step = 0; step < 2 * day; step++) {
      forecaster.update(kinds[Math.floor(step / 17) % kinds.length]!(step))
      if (step % 41 !== 0) continue
      for (const { expected, mean, p05, p50, p90, p95 } of forecaster.forecast(day + 20)) {
        assert.isTrue([expected, mean, p05, p50, p90, p95].every((value) => Number.isFinite(value) && value >= 0))
        assert.isTrue(p05 <= p50 && p50 <= p90 && p90 <= p95)
      }
      const sum = forecaster.within(day, 1e6)
      assert.isTrue(Number.isFinite(sum.p95) && 0 <= sum.p05 && sum.p05 <= sum.p50 && sum.p90 <= sum.p95)
    }
  })

  it("are those of their parts: asking for more steps changes none of the first", () => {
    const forecaster = fed(poissonSeries(9, 8 * day + 7, (step) => 40 * bell(shareOf(step))))
    const all = forecaster.forecast(day + 10)
    for (const steps of [1, 59, 60, 61, 4 * hour, day])
      assert.deepStrictEqual(forecaster.forecast(steps), all.slice(0, steps))
  })
})

describe("far forecasts", () => {
  it("know nothing of what comes later, and go on exactly as they were after they were saved and restored", () => {
    const counts: Counts = poissonSeries(11, 5 * day + 100, (step) => 30 * sine(shareOf(step))).map((count, step) =>
      step % 97 === 0 ? undefined : count
    )
    for (const step of [1, 2, 200, 3 * day + 1, 3 * day + 2]) {
      const original = fed(counts.slice(0, step))
      const restored = restore(options, JSON.parse(JSON.stringify(original.save())))!
      assert.deepStrictEqual(restored.forecast(day), original.forecast(day))
      const after = counts.slice(step, step + 50)
      fed(after, original)
      fed(after, restored)
      assert.deepStrictEqual(restored.forecast(day), original.forecast(day))
      assert.isTrue(restored.save().learned === original.save().learned)
      assert.deepStrictEqual(restored.quality(day), original.quality(day))
      assert.deepStrictEqual(restored.within(day, 100), original.within(day, 100))
    }
  })

  it("put a batch where it came each day, within the blocks they are made of", () => {
    const rate = (step: number) => (step % (3 * hour) === 7 ? 90 : 10)
    const forecaster = fed(poissonSeries(12, 8 * day, rate))
    const said = forecaster.forecast(day)
    const off = said.reduce((sum, { expected }, i) => sum + Math.abs(expected - rate(8 * day + i)), 0)
    const all = said.reduce((sum, { expected }) => sum + expected, 0)
    assert.isAtMost(off / all, 0.15)
  })
})

describe("a week of hours", () => {
  it("is unbiased within 3 % and errs less than the mean of the same hours before, once two weeks were seen", () => {
    const hours: ForecastOptions = { stepSeconds: 3600, horizon: 168 }
    const rate = (step: number) => (Math.floor(step / 24) % 7 > 4 ? 120 : 400) * bell((step % 24) / 24)
    const counts = poissonSeries(14, 6 * 168, rate)
    const usual = (origin: number) => sameHours(counts, origin, 168, 24)
    for (const days of [6, 13]) {
      const sum = fed(counts.slice(0, days * 24), make(hours))
        .forecast(168)
        .reduce((all, { expected }) => all + expected, 0)
      const came = sumOf(counts, days * 24, 168)
      // After six days Sunday was never seen, and nobody knows that it is like Saturday.
      const most = days < 7 ? 1.1 * Math.abs(usual(days * 24) / came - 1) : 0.03
      assert.isAtMost(Math.abs(sum / came - 1), most, `${days} days`)
    }
    for (const { bias, error, steps, usualError, within } of scoresOf(
      counts,
      originsFrom(14 * 24, 5 * 168, 19),
      [24, 72, 168],
      hours
    )) {
      assert.isAtMost(Math.abs(bias), 0.03, `${steps} steps`)
      assert.isAtMost(error, usualError, `${steps} steps`)
      assert.isAtLeast(within, 0.75, `${steps} steps`)
    }
  })
})
