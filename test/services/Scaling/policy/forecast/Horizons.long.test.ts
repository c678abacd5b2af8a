import { assert, describe, it } from "@effect/vitest"
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
  stepSeconds,
  weekend
} from "./HorizonScores.ts"
import { make } from "../../../../../src/services/Scaling/policy/forecast/Forecasting.ts"
import { originsFrom, poissonSeries } from "./LoadSeries.ts"

describe("sums over hours and a day, in the long run", () => {
  const loads = {
    "a bell each day": (step: number) => 40 * bell(shareOf(step)),
    "a sine each day": (step: number) => 20 * sine(shareOf(step))
  }
  for (const [name, rate] of Object.entries(loads)) {
    for (const days of [6, 13]) {
      it(`are unbiased within 3 % and err no more than the mean of the same hours before: ${name}, after ${days} days`, () => {
        const counts = poissonSeries(days, (days + 3) * day, rate)
        const scores = scoresOf(counts, originsFrom(days * day, (days + 2) * day, 23), horizons)
        for (const { bias, error, steps, usualError } of scores) {
          assert.isAtMost(Math.abs(bias), 0.03, `${steps} steps`)
          assert.isAtMost(error, 1.1 * usualError + 0.005, `${steps} steps`)
        }
      })
    }
  }

  it("know weekends after the first one, where the mean of the same hours does not", () => {
    const rate = (step: number) => (weekend(step) ? 12 : 40) * bell(shareOf(step))
    const counts = poissonSeries(3, 16 * day, rate)
    for (const { bias, error, steps, usualError } of scoresOf(counts, originsFrom(8 * day, 15 * day, 61), horizons)) {
      assert.isAtMost(Math.abs(bias), 0.03, `${steps} steps`)
      assert.isAtMost(error, 0.5 * usualError, `${steps} steps`)
    }
  })

  it("follow a load that grows by a twentieth each day", () => {
    const counts = poissonSeries(4, 12 * day, (step) => 20 * 1.05 ** (step / day) * sine(shareOf(step)))
    const { bias, error, usualError } = scoresOf(counts, originsFrom(8 * day, 11 * day, 37), [day])[0]!
    assert.isAtMost(Math.abs(bias), 0.08)
    assert.isAtMost(error, 0.5 * usualError)
  })

  it("are right where hardly anything comes, and where steps are missing", () => {
    // Some fifty jobs of a series: chance alone moves its bias by a fifth, and that of eight by 7 %.
    const biases = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => {
      const rare = poissonSeries(seed, 12 * day, (step) => 0.05 * sine(shareOf(step)))
      return scoresOf(rare, originsFrom(7 * day, 11 * day, 31), [day])[0]!.bias
    })
    assert.isAtMost(Math.abs(biases.reduce((sum, bias) => sum + bias, 0) / biases.length), 0.15, String(biases))
    const gaps = poissonSeries(6, 10 * day, (step) => 30 * sine(shareOf(step))).map((count, step) =>
      step % (3 * day) > 2.7 * day && step < 8 * day ? undefined : count
    )
    assert.isAtMost(Math.abs(scoresOf(gaps, originsFrom(8 * day, 9 * day, 31), [day])[0]!.bias), 0.03)
  })

  it("lie within their own 90 % intervals about as often, which are narrower than those of steps added up", () => {
    const days = 13
    // Two hours are above or below what is usual together: sums scatter far more than single counts make them.
    const within = horizons.map(() => 0)
    for (const seed of [1, 2, 3]) {
      const level = poissonSeries(100 + seed, days * 12, () => 25)
      const rate = (step: number) => 2 * level[Math.floor(step / (2 * hour))]! * sine(shareOf(step))
      const counts = poissonSeries(seed, days * day, rate)
      scoresOf(counts, originsFrom(6 * day, (days - 1) * day, 41), horizons).forEach((score, i) => {
        within[i]! += score.within / 3
      })
    }
    for (const share of within) assert.isAtLeast(share, 0.78)
    const forecaster = fed(poissonSeries(4, 9 * day, (step) => 50 * sine(shareOf(step))))
    const said = forecaster.forecast(day)
    const expected = said.reduce((sum, step) => sum + step.expected, 0)
    const { p05, p50, p90, p95 } = forecaster.within(day, expected)
    assert.isTrue(p05 <= p50 && p50 <= p90 && p90 <= p95)
    const addedUp = said.reduce((sum, step) => sum + step.p95 - step.p05, 0)
    assert.isBelow(p95 - p05, addedUp)
  })

  it("follow the local clock over a change to daylight saving", () => {
    const change = 8 * day + 2 * hour
    const offsetSeconds = (step: number) => (step < change ? 0 : 3600)
    const rate = (step: number) => 60 * bell(shareOf(step + offsetSeconds(step) / stepSeconds))
    const counts = poissonSeries(10, 10 * day, rate)
    const origins = originsFrom(8 * day - 4 * hour, 9 * day, 29)
    const aware = scoresOf(counts, origins, [4 * hour], { ...options, offsetSeconds })[0]!
    const unaware = scoresOf(counts, origins, [4 * hour])[0]!
    assert.isAtMost(aware.error, 0.05)
    assert.isBelow(aware.error, 0.6 * unaware.error)
  })
})

describe("far forecasts, in the long run", () => {
  it("of single steps hold nine of ten, and quality says so of the horizon that is asked for", () => {
    const counts = poissonSeries(13, 14 * day, (step) => 50 * bell(shareOf(step)))
    const forecaster = make(options)
    const asked = new Set(originsFrom(9 * day, 13 * day, 53))
    const measured = horizons.map((steps) => ({ steps, off: 0, came: 0, within: 0, all: 0 }))
    counts.forEach((count, step) => {
      if (asked.has(step)) {
        const said = forecaster.forecast(day)
        for (const each of measured) {
          for (let i = 0; i < each.steps; i++) {
            const [came, { mean, p05, p95 }] = [counts[step + i]!, said[i]!]
            each.off += Math.abs(mean - came)
            each.came += came
            each.all++
            if (came >= Math.floor(p05) && came <= Math.ceil(p95)) each.within++
          }
        }
      }
      forecaster.update(count)
    })
    for (const { all, came, off, steps, within } of measured) {
      assert.isAtLeast(within / all, 0.85)
      assert.isAtMost(within / all, 0.97)
      const quality = forecaster.quality(steps)
      assert.strictEqual(quality.horizon, steps)
      assert.approximately(quality.accuracy!, 1 - off / came, 0.05)
      assert.approximately(quality.coverage!, within / all, 0.06)
      assert.isAbove(quality.sumAccuracy!, 0.9)
      assert.isAtMost(Math.abs(quality.sumBias!), 0.05)
    }
    assert.isUndefined(fed(counts.slice(0, day / 2)).quality(day).accuracy)
    assert.isDefined(fed(counts.slice(0, day / 2)).quality().accuracy)
  })
})
