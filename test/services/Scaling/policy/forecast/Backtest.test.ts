import { assert, describe, it } from "@effect/vitest"
import {
  backtest,
  type Candidate,
  type Counts,
  middleHalf
} from "../../../../../src/services/Scaling/policy/forecast/Backtest.ts"
import { SeededRandom } from "../../../../support/SeededRandom.ts"
import { syntheticCounts } from "../../../../support/scaler/SyntheticLoad.ts"

const day = 24
const counts = syntheticCounts({ start: 0, stepMs: 3_600_000, steps: 10 * day, mean: 40 })
const options = { from: 7 * day, horizon: 6, every: 6, season: day }

/** Always says the same of the step that follows `seen` counts. */
const says = (step: (seen: number, ahead: number) => { readonly mean: number; readonly spread: number }): Candidate => {
  let seen = 0
  return {
    update: () => void seen++,
    forecast: (steps) =>
      Array.from({ length: steps }, (_, i) => {
        const { mean, spread } = step(seen, i + 1)
        return {
          mean,
          expected: mean,
          p05: Math.max(0, mean - spread),
          p50: mean,
          p90: mean + 0.8 * spread,
          p95: mean + spread
        }
      })
  }
}

/** Knows what will come. */
const oracle = (known: Counts) => says((seen, ahead) => ({ mean: known[seen + ahead - 1] ?? 0, spread: 0 }))
/** Says what was a day ago. */
const yesterday = (known: Counts) => says((seen, ahead) => ({ mean: known[seen + ahead - 1 - day] ?? 0, spread: 10 }))

describe("a backtest", () => {
  it("gives full marks to a forecaster that knows the future, and none of its loss", () => {
    const { forecast, origins, scored } = backtest(counts, oracle(counts), options)
    assert.deepStrictEqual(forecast, {
      oneStep: 1,
      horizon: 1,
      sum: 1,
      sumBias: 0,
      sumCoverage: undefined,
      mase: 0,
      coverage: 1,
      coverage50: 1,
      under90: 1,
      wQL90: 0
    })
    assert.deepStrictEqual([origins, scored], [12, 72])
  })

  it("scores one that repeats yesterday as the naive forecast beside it", () => {
    const { forecast, naive } = backtest(counts, yesterday(counts), options)
    const { horizon, mase, oneStep, sum } = forecast
    assert.deepStrictEqual({ kind: "season" as const, oneStep, horizon, sum, mase }, naive)
    assert.isAbove(horizon!, 0.4)
    assert.isBelow(horizon!, 1)
  })

  it("takes the last count for naive while no season has passed", () => {
    const { naive } = backtest([10, 20, 20, 40], oracle([10, 20, 20, 40]), {
      from: 1,
      horizon: 1,
      every: 1,
      season: 10
    })
    assert.deepStrictEqual(naive, { kind: "last", oneStep: 0.625, horizon: 0.625, sum: 0.625, mase: undefined })
  })

  it("tells the forecaster nothing of what comes after an origin", () => {
    const random = new SeededRandom(3)
    const heard: Array<number | undefined> = []
    let asked = 0
    const listening: Candidate = {
      update: (count) => void heard.push(count),
      forecast: (steps) => {
        // Everything before the origin, nothing after it.
        assert.deepStrictEqual(heard, counts.slice(0, options.from + asked++ * options.every))
        return Array.from({ length: steps }, () => {
          const mean = random.next() * 80
          return { mean, expected: mean, p05: mean, p50: mean, p90: mean, p95: mean }
        })
      }
    }
    backtest(counts, listening, options)
    assert.strictEqual(asked, 12)
    assert.strictEqual(heard.length, counts.length)
  })

  it("answers the same of the past whatever the future holds", () => {
    const other = counts.map((count, i) => (i < 9 * day ? count : 1000))
    const beforeDayNine = (series: Counts) =>
      backtest(series, yesterday(series), options).steps.filter(({ index }) => index < 9 * day)
    assert.deepStrictEqual(beforeDayNine(other), beforeDayNine(counts))
  })

  it("leaves steps out that were not measured, and tells the forecaster that they were not", () => {
    const gap = counts.map((count, i) => (i >= 8 * day && i < 8 * day + 5 ? undefined : count))
    const { forecast, scored, steps } = backtest(gap, oracle(counts), options)
    assert.strictEqual(scored, 67)
    assert.strictEqual(forecast.horizon, 1)
    assert.strictEqual(steps.filter(({ actual }) => actual === undefined).length, 5)
  })

  it("counts a 90 % interval that holds nine of ten as such, and says what it costs when it does not", () => {
    const flat = Array.from({ length: 200 }, (_, i) => (i % 10 === 0 ? 100 : 50))
    const narrow = says(() => ({ mean: 50, spread: 1 }))
    const { forecast } = backtest(flat, narrow, { from: 100, horizon: 10, every: 10, season: 10 })
    assert.approximately(forecast.coverage!, 0.9, 1e-9)
    assert.approximately(forecast.under90!, 0.9, 1e-9)
    // Ten times 0.9 × (100 − 50.8), ninety times 0.1 × 0.8, twice, of 5,500 jobs, in percent.
    assert.approximately(forecast.wQL90!, (200 * (10 * 0.9 * 49.2 + 90 * 0.1 * 0.8)) / 5500, 1e-9)
  })

  it("has no figures where nothing came", () => {
    const { forecast, naive } = backtest(
      [0, 0, 0, 0],
      says(() => ({ mean: 1, spread: 1 })),
      {
        from: 2,
        horizon: 1,
        every: 1,
        season: 1
      }
    )
    assert.deepStrictEqual([forecast.horizon, forecast.wQL90, naive.mase], [undefined, undefined, undefined])
  })
})

describe("the middle half of an interval", () => {
  it("lies between the quantiles that are known, about the median", () => {
    const random = new SeededRandom(9)
    for (let i = 0; i < 200; i++) {
      const [p05, p50, p95] = [random.next(), random.next(), random.next()]
        .map((x) => x * 100)
        .sort((a, b) => a - b) as [number, number, number]
      const [low, high] = middleHalf({ p05, p50, p95 })
      assert.isTrue(p05 <= low && low <= p50 + 1e-9 && p50 <= high + 1e-9 && high <= p95 + 1e-9)
    }
  })

  it("holds half of what a Poisson count of that rate brings", () => {
    const random = new SeededRandom(4)
    const rate = 100
    const draws = Array.from({ length: 4000 }, () => {
      const normal = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
      return rate + Math.sqrt(rate) * normal
    }).sort((a, b) => a - b)
    const [low, high] = middleHalf({ p05: draws[200]!, p50: draws[2000]!, p95: draws[3800]! })
    const within = draws.filter((each) => each >= low && each <= high).length / draws.length
    assert.approximately(within, 0.5, 0.03)
  })
})
