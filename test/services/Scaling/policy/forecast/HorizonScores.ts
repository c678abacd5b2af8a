import type { Forecaster } from "../../../../../src/services/Scaling/policy/forecast/Forecaster.ts"
import { type ForecastOptions, make } from "../../../../../src/services/Scaling/policy/forecast/Forecasting.ts"

/** Minutes are slow to feed for weeks; seven and a half of them are the same machinery, by blocks of two steps. */
export const stepSeconds = 450
export const hour = 3600 / stepSeconds
export const day = 24 * hour
export const options: ForecastOptions = { stepSeconds, horizon: day }
export const horizons = [4 * hour, 12 * hour, day]

export const bell = (share: number) => 0.1 + Math.exp(-(((share - 0.55) / 0.15) ** 2))
export const sine = (share: number) => 1 + 0.8 * Math.sin(2 * Math.PI * share)
export const shareOf = (step: number) => (step % day) / day
export const weekend = (step: number) => Math.floor(step / day) % 7 > 4

export type Counts = ReadonlyArray<number | undefined>

export const fed = (counts: Counts, forecaster: Forecaster = make(options)): Forecaster => {
  for (const count of counts) forecaster.update(count)
  return forecaster
}

export const sumOf = (counts: Counts, from: number, steps: number): number =>
  counts.slice(from, from + steps).reduce<number>((sum, count) => sum + (count ?? 0), 0)

/** The mean of the same hours on all days before. */
export const sameHours = (counts: Counts, origin: number, steps: number, season: number): number => {
  let sum = 0
  for (let i = 0; i < steps; i++) {
    const before: Array<number> = []
    for (let at = origin + i - season; at >= 0; at -= season) if (at < origin) before.push(counts[at] ?? 0)
    sum += before.reduce((a, b) => a + b, 0) / Math.max(1, before.length)
  }
  return sum
}

export interface Score {
  readonly bias: number
  readonly error: number
  readonly usualError: number
  readonly within: number
}

/** Of each of the horizons, by one pass. */
export const scoresOf = (
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
