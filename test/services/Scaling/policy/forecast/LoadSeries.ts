import { SeededRandom } from "../../../../support/SeededRandom.ts"

/** Steps of 15 minutes: a day is 96, a week 672. */
export const stepSeconds = 900
export const day = 96
export const week = 7 * day

/** Poisson counts around a rate, from a seed (Knuth's product; a normal deviate from 60 on). */
export const poissonSeries = (
  seed: number,
  length: number,
  rateAt: (step: number) => number
): ReadonlyArray<number> => {
  const random = new SeededRandom(seed)
  return Array.from({ length }, (_, step) => {
    const rate = rateAt(step)
    if (rate > 60) {
      const deviate = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
      return Math.max(0, Math.round(rate + Math.sqrt(rate) * deviate))
    }
    const limit = Math.exp(-rate)
    let count = -1
    for (let product = 1; product > limit; count++) product *= random.next()
    return Math.max(0, count)
  })
}

/** A working day's curve with a lunch break, halved at weekends; around `mean`. */
export const businessWeek =
  (mean: number) =>
  (step: number): number => {
    const hour = ((step % day) / day) * 24
    const weekend = Math.floor(step / day) % 7 > 4 ? 0.4 : 1
    const curve = 0.3 + Math.exp(-(((hour - 10) / 2.5) ** 2)) + 0.8 * Math.exp(-(((hour - 16) / 3) ** 2))
    return mean * weekend * curve
  }

/**
 * Sum of absolute errors over sum of counts, and the share between p05 and p95 (rounded outwards), from some origins
 * on.
 */
export const score = (
  counts: ReadonlyArray<number | undefined>,
  origins: ReadonlyArray<number>,
  forecaster: {
    readonly update: (count: number | undefined) => void
    readonly forecast: (
      steps: number
    ) => ReadonlyArray<{ readonly mean: number; readonly p05: number; readonly p95: number }>
  },
  horizon: number
): { readonly error: number; readonly coverage: number } => {
  const asked = new Set(origins)
  let [errors, sum, covered, all] = [0, 0, 0, 0]
  counts.forEach((value, step) => {
    if (asked.has(step)) {
      forecaster.forecast(horizon).forEach(({ mean, p05, p95 }, i) => {
        const count = counts[step + i]
        if (count === undefined) return
        errors += Math.abs(mean - count)
        sum += count
        covered += count >= Math.floor(p05) && count <= Math.ceil(p95) ? 1 : 0
        all++
      })
    }
    forecaster.update(value)
  })
  return { error: errors / sum, coverage: covered / all }
}

/** Every `apart` steps from one step to another. */
export const originsFrom = (from: number, to: number, apart: number): ReadonlyArray<number> =>
  Array.from({ length: Math.floor((to - from) / apart) }, (_, i) => from + i * apart)
