import { assert, describe, it } from "@effect/vitest"
import type { Forecaster, ForecastStep } from "../../../../../src/services/Scaling/policy/forecast/Forecaster.ts"
import { make, restore } from "../../../../../src/services/Scaling/policy/forecast/Forecasting.ts"
import { SeededRandom, seeds } from "../../../../support/SeededRandom.ts"
import { businessWeek, day, originsFrom, poissonSeries, score, stepSeconds, week } from "./LoadSeries.ts"

const horizon = 12
const options = { stepSeconds, horizon }

const fed = (counts: ReadonlyArray<number | undefined>, forecaster: Forecaster = make(options)): Forecaster => {
  for (const count of counts) forecaster.update(count)
  return forecaster
}

const assertSound = (steps: ReadonlyArray<ForecastStep>, why: string) => {
  for (const { expected, mean, p05, p50, p90, p95 } of steps) {
    const values = [mean, expected, p05, p50, p90, p95]
    assert.isTrue(
      values.every((value) => Number.isFinite(value) && value >= 0),
      `${why}: ${values}`
    )
    assert.isTrue(p05 <= p50 && p50 <= p90 && p90 <= p95, `${why}: ${values}`)
  }
}

/** Steps of all kinds: quiet, busy, huge, missing, runs of either. */
const anything = (seed: number, length: number): ReadonlyArray<number | undefined> => {
  const random = new SeededRandom(seed)
  const kinds: ReadonlyArray<() => number | undefined> = [
    () => 0,
    () => undefined,
    () => random.below(3),
    () => random.below(1000),
    () => 10 ** (random.next() * 300),
    () => random.next(),
    () => 5
  ]
  const counts: Array<number | undefined> = []
  while (counts.length < length) {
    const kind = random.pick(kinds)
    for (let run = 1 + random.below(40); run > 0; run--) counts.push(kind())
  }
  return counts.slice(0, length)
}

describe("a forecaster", () => {
  it("tells finite quantiles in order and never below 0, whatever it is fed", () => {
    for (const seed of seeds(3)) {
      const forecaster = make(options)
      assertSound(forecaster.forecast(3), "nothing seen")
      anything(seed, 200).forEach((count, step) => {
        forecaster.update(count)
        if (step % 8 === 0) assertSound(forecaster.forecast(2 * horizon), `SLUICE_SEED=${seed}, step ${step}`)
      })
    }
  })

  it("knows nothing of what comes later: the same past gives the same forecast, and asking changes nothing", () => {
    const past = poissonSeries(1, 300, businessWeek(20))
    const silent = fed(past)
    const asked = make(options)
    for (const count of past) {
      asked.update(count)
      asked.forecast(horizon)
    }
    assert.isTrue(asked.save().learned === silent.save().learned)
    const told = silent.forecast(horizon)
    const other = fed([...past, ...poissonSeries(2, 5, () => 1000)])
    assert.notDeepEqual(other.forecast(horizon), told)
    assert.deepStrictEqual(fed(past).forecast(horizon), told)
  })

  it("goes on exactly as it was after it was saved and restored, at any step", () => {
    const counts = anything(7, 120).concat(poissonSeries(3, 300, businessWeek(20)))
    const after = poissonSeries(4, 60, businessWeek(20))
    for (const step of [0, 1, 5, 400]) {
      const original = fed(counts.slice(0, step))
      const state = JSON.parse(JSON.stringify(original.save()))
      assert.strictEqual(state.steps, step)
      const restored = restore(options, state)!
      assert.deepStrictEqual(restored.forecast(horizon), original.forecast(horizon))
      fed(after, original)
      fed(after, restored)
      assert.deepStrictEqual(restored.forecast(horizon), original.forecast(horizon))
      assert.isTrue(restored.save().learned === original.save().learned)
      assert.deepStrictEqual(restored.quality(), original.quality())
    }
  })

  it("refuses a state of another grid, another version, or damaged", () => {
    const state = fed([1, 2, 3]).save()
    assert.isDefined(restore(options, state))
    assert.isUndefined(restore({ ...options, stepSeconds: 60 }, state))
    assert.isUndefined(restore({ ...options, horizon: 24 }, state))
    assert.isUndefined(restore(options, { ...state, version: 0 }))
    assert.isUndefined(restore(options, { ...state, learned: state.learned.slice(0, -8) }))
    assert.isUndefined(restore(options, { ...state, learned: "no base64!" }))
  })

  it("forecasts a constant load as constant, within a hundredth", () => {
    for (const constant of [0, 3, 1000]) {
      for (const { mean, p95 } of fed(Array(3 * day).fill(constant)).forecast(horizon)) {
        assert.approximately(mean, constant, 0.01 * constant + 1e-6)
        assert.isAtMost(p95, 1.25 * constant + 1e-6)
      }
    }
  })

  it("starts from the last counts: after three it forecasts about as many", () => {
    for (const { mean } of fed([40, 44, 42]).forecast(horizon)) assert.approximately(mean, 42, 5)
    assert.strictEqual(fed([40, 44, 42]).quality().mode, "reactive")
  })

  it("takes a missing step for unknown, not for 0", () => {
    const counts = poissonSeries(5, 2 * day, () => 100)
    const missing = fed([...counts, ...Array<undefined>(20).fill(undefined)]).forecast(1)[0]!
    const zeros = fed([...counts, ...Array<number>(20).fill(0)]).forecast(1)[0]!
    assert.approximately(missing.mean, 100, 10)
    assert.isAtMost(zeros.mean, 20)
    assert.strictEqual(fed([...counts, undefined, Number.NaN]).quality().measured, counts.length)
  })

  it("scales with the load: a hundred times the counts give a hundred times the forecast within 1 %, and quantiles within a tenth, where counts are large", () => {
    const counts = poissonSeries(6, week + 2 * day, businessWeek(2000))
    const small = fed(counts)
    const large = fed(counts.map((count) => 100 * count))
    small.forecast(horizon).forEach((step, i) => {
      const scaled = large.forecast(horizon)[i]!
      assert.approximately(scaled.mean / (100 * step.mean), 1, 0.01)
      for (const of of ["p05", "p90", "p95"] as const) {
        assert.approximately(scaled[of] / (100 * step[of]), 1, 0.1, of)
      }
    })
  })
})

describe("its accuracy on loads made for the purpose", () => {
  it("is within 15 % of the least possible error on a business week, with 85 to 95 % in the 90 % interval", () => {
    const rate = businessWeek(60)
    const counts = poissonSeries(11, 4 * week, rate)
    const origins = originsFrom(3 * week, 4 * week - horizon, 5)
    const forecaster = make(options)
    const { coverage, error } = score(counts, origins, forecaster, horizon)
    const perfect = score(counts, origins, knowing(rate), horizon)
    assert.isAtMost(error, 1.15 * perfect.error)
    assert.isAtLeast(coverage, 0.85)
    assert.isAtMost(coverage, 0.95)
    const quality = forecaster.quality()
    assert.strictEqual(quality.mode, "week")
    assert.deepStrictEqual(quality.seasons, [day, week])
    assert.approximately(quality.accuracy!, 1 - error, 0.03)
    assert.approximately(quality.bestPossible!, 1 - perfect.error, 0.02)
    assert.isBelow(quality.naiveAccuracy!, quality.accuracy!)
    assert.isBelow(quality.mase!, 0.85)
  })

  it("is back within two hours of a level that trebles", () => {
    const counts = poissonSeries(12, 8 * day, (step) => (step < 7 * day ? 1 : 3) * businessWeek(50)(step % day))
    const before = fed(counts.slice(0, 7 * day))
    const after = fed(counts.slice(7 * day, 7 * day + day / 2), before)
    const ahead = counts.slice(7 * day + day / 2, 7 * day + day / 2 + 8)
    const told = after.forecast(8)
    const off = ahead.reduce((sum, count, i) => sum + Math.abs(count - told[i]!.mean), 0)
    assert.isAtMost(off / ahead.reduce((sum, count) => sum + count, 0), 0.25)
  })

  it("finds a season no calendar names, once repeating it pays", () => {
    const period = 22
    const counts = poissonSeries(13, 600, (step) => (step % period < 4 ? 200 : 40))
    const forecaster = fed(counts)
    assert.deepStrictEqual(forecaster.quality().seasons, [period])
    assert.strictEqual(forecaster.quality().mode, "season")
    const { error } = score(counts, originsFrom(500, 580, 3), make(options), horizon)
    assert.isAtMost(error, 0.25)
  })

  it("claims no season in noise", () => {
    for (const seed of seeds(2)) {
      const quality = fed(poissonSeries(seed, week, () => 30)).quality()
      assert.deepStrictEqual(quality.seasons, [])
      assert.strictEqual(quality.mode, "smoothing")
    }
  })

  it("plans for jobs that come rarely: the expectation is their rate, the 95 % quantile at least one", () => {
    const counts = poissonSeries(14, week, () => 0.2)
    const told = fed(counts).forecast(horizon)
    for (const { expected, p95 } of told) {
      assert.approximately(expected, 0.2, 0.12)
      assert.isAtLeast(p95, 0.5)
    }
  })

  it("follows the local clock over a change to daylight saving, when told the offset", () => {
    // Four weeks, then clocks go forward by an hour: the same curve, four steps earlier.
    const change = 2 * week
    const offsetSeconds = (step: number) => (step < change ? 0 : 3600)
    const rate = (step: number) => businessWeek(80)(step + offsetSeconds(step) / stepSeconds)
    const counts = poissonSeries(15, change + 2 * day, rate)
    const origins = originsFrom(change, change + 2 * day - horizon, 4)
    const aware = score(counts, origins, make({ ...options, offsetSeconds }), horizon)
    const unaware = score(counts, origins, make(options), horizon)
    assert.isAtMost(aware.error, 0.8 * unaware.error)
  })
})

/** Tells the true rate. */
const knowing = (rate: (step: number) => number) => {
  let step = 0
  return {
    update: () => {
      step++
    },
    forecast: (steps: number) =>
      Array.from({ length: steps }, (_, i) => ({ mean: rate(step + i), p05: 0, p95: Number.POSITIVE_INFINITY }))
  }
}
