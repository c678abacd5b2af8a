import { assert, describe, it } from "@effect/vitest"
import type { Forecaster } from "../../../../../src/services/Queue/policy/forecast/Forecaster.ts"
import { type ForecastOptions, make, restore } from "../../../../../src/services/Queue/policy/forecast/Forecasting.ts"
import { originsFrom, poissonSeries } from "./LoadSeries.ts"

/** Minutes are slow to feed for a week; five of them are the same machinery: blocks of three steps. */
const stepSeconds = 300
const hour = 3600 / stepSeconds
const day = 24 * hour
const options: ForecastOptions = { stepSeconds, horizon: day }
const horizons = [4 * hour, 12 * hour, day]

const bell = (share: number) => 0.1 + Math.exp(-(((share - 0.55) / 0.15) ** 2))
const sine = (share: number) => 1 + 0.8 * Math.sin(2 * Math.PI * share)
const shareOf = (step: number) => (step % day) / day
const weekend = (step: number) => Math.floor(step / day) % 7 > 4

type Counts = ReadonlyArray<number | undefined>

const fed = (counts: Counts, forecaster: Forecaster = make(options)): Forecaster => {
  for (const count of counts) forecaster.update(count)
  return forecaster
}

const sumOf = (counts: Counts, from: number, steps: number): number =>
  counts.slice(from, from + steps).reduce<number>((sum, count) => sum + (count ?? 0), 0)

/** The mean of the same hours on all days before. */
const sameHours = (counts: Counts, origin: number, steps: number, season: number): number => {
  let sum = 0
  for (let i = 0; i < steps; i++) {
    const before: Array<number> = []
    for (let at = origin + i - season; at >= 0; at -= season) if (at < origin) before.push(counts[at] ?? 0)
    sum += before.reduce((a, b) => a + b, 0) / Math.max(1, before.length)
  }
  return sum
}

interface Score {
  readonly bias: number
  readonly error: number
  readonly usualError: number
  readonly within: number
}

/** Of each of the horizons, by one pass. */
const scoresOf = (
  counts: Counts,
  origins: ReadonlyArray<number>,
  horizons: ReadonlyArray<number>,
  given: ForecastOptions = options
): ReadonlyArray<Score & { readonly steps: number }> => {
  const asked = new Set(origins)
  const forecaster = make(given)
  const season = 86_400 / given.stepSeconds
  const sums = horizons.map((steps) => ({ steps, came: 0, said: 0, off: 0, usualOff: 0, within: 0 }))
  counts.forEach((count, step) => {
    if (asked.has(step)) {
      const all = forecaster.forecast(horizons.at(-1)!)
      for (const each of sums) {
        const sum = sumOf(counts, step, each.steps)
        const expected = all.slice(0, each.steps).reduce((sum, { expected }) => sum + expected, 0)
        const { p05, p95 } = forecaster.within(each.steps, expected)
        each.came += sum
        each.said += expected
        each.off += Math.abs(expected - sum)
        each.usualOff += Math.abs(sameHours(counts, step, each.steps, season) - sum)
        if (sum >= Math.floor(p05) && sum <= Math.ceil(p95)) each.within++
      }
    }
    forecaster.update(count)
  })
  return sums.map(({ came, off, said, steps, usualOff, within }) => ({
    steps,
    bias: said / came - 1,
    error: off / came,
    usualError: usualOff / came,
    within: within / origins.length
  }))
}

describe("sums over hours and a day", () => {
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
    const rare = poissonSeries(5, 12 * day, (step) => 0.05 * sine(shareOf(step)))
    assert.isAtMost(Math.abs(scoresOf(rare, originsFrom(7 * day, 11 * day, 31), [day])[0]!.bias), 0.15)
    const gaps = poissonSeries(6, 10 * day, (step) => 30 * sine(shareOf(step))).map((count, step) =>
      step % (3 * day) > 2.7 * day && step < 8 * day ? undefined : count
    )
    assert.isAtMost(Math.abs(scoresOf(gaps, originsFrom(8 * day, 9 * day, 31), [day])[0]!.bias), 0.03)
  })

  it("lie within their own 90 % intervals about as often, which are narrower than those of steps added up", () => {
    const days = 16
    // Two hours are above or below what is usual together: sums scatter far more than counts of steps by chance.
    const level = poissonSeries(8, days * 12, () => 25)
    const rate = (step: number) => 2 * level[Math.floor(step / (2 * hour))]! * sine(shareOf(step))
    const counts = poissonSeries(7, days * day, rate)
    for (const { steps, within } of scoresOf(counts, originsFrom(8 * day, (days - 1) * day, 41), horizons)) {
      assert.isAtLeast(within, 0.8, `${steps} steps`)
    }
    const forecaster = fed(counts)
    const said = forecaster.forecast(day)
    const expected = said.reduce((sum, step) => sum + step.expected, 0)
    const { p05, p50, p90, p95 } = forecaster.within(day, expected)
    assert.isTrue(p05 <= p50 && p50 <= p90 && p90 <= p95)
    const addedUp = said.reduce((sum, step) => sum + step.p95 - step.p05, 0)
    assert.isBelow(p95 - p05, addedUp)
  })

  it("are those of their parts: asking for more steps changes none of the first", () => {
    const forecaster = fed(poissonSeries(9, 8 * day + 7, (step) => 40 * bell(shareOf(step))))
    const all = forecaster.forecast(day + 10)
    for (const steps of [1, 59, 60, 61, 4 * hour, day])
      assert.deepStrictEqual(forecaster.forecast(steps), all.slice(0, steps))
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
