/**
 * Whether something grows: the slope of a least-squares line with a 95 % interval that stays honest when neighbouring
 * samples resemble each other, as readings of a heap do.
 *
 * The variance of the slope is Newey and West's (Econometrica 55, 1987) with Bartlett weights; the number of lags is
 * Andrews' plug-in for a first-order autoregression (Econometrica 59, 1991): 1.1447·(4ρ²/((1−ρ)²(1+ρ)²)·n)^⅓. Samples
 * of several processes are several segments: one common slope, a level of its own for each, no correlation between
 * them.
 */

export interface Point {
  readonly x: number
  readonly y: number
}

export interface SlopeEstimate {
  /** Units of `y` per unit of `x`. */
  readonly slope: number
  readonly low: number
  readonly high: number
  /** Mean of all `y`. */
  readonly mean: number
  readonly samples: number
  readonly lags: number
}

const mean = (values: ReadonlyArray<number>): number => values.reduce((sum, value) => sum + value, 0) / values.length

/**
 * Two-sided 95 % quantile of Student's t: the expansion of Abramowitz and Stegun, 26.7.5. Within 0.5 % from 5 degrees
 * of freedom on.
 */
export const studentQuantile = (freedom: number): number => {
  const z = 1.959964
  const first = (z ** 3 + z) / 4
  const second = (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96
  const third = (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384
  return z + first / freedom + second / freedom ** 2 + third / freedom ** 3
}

/** Products of neighbours `lag` apart, within segments only. */
const lagged = (segments: ReadonlyArray<ReadonlyArray<number>>, lag: number): number =>
  segments.reduce((sum, values) => {
    for (let i = lag; i < values.length; i++) sum += values[i]! * values[i - lag]!
    return sum
  }, 0)

/** Undefined with fewer than five degrees of freedom, or when all `x` of every segment are the same. */
export const slopeOf = (segments: ReadonlyArray<ReadonlyArray<Point>>): SlopeEstimate | undefined => {
  const used = segments.filter((points) => points.length > 1)
  const samples = used.reduce((sum, points) => sum + points.length, 0)
  const freedom = samples - used.length - 1
  if (freedom < 5) return undefined
  const centred = used.map((points) => {
    const xMean = mean(points.map(({ x }) => x))
    const yMean = mean(points.map(({ y }) => y))
    return points.map(({ x, y }) => ({ x: x - xMean, y: y - yMean }))
  })
  const all = centred.flat()
  const sxx = all.reduce((sum, { x }) => sum + x * x, 0)
  if (sxx === 0) return undefined
  const slope = all.reduce((sum, { x, y }) => sum + x * y, 0) / sxx
  const residuals = centred.map((points) => points.map(({ x, y }) => y - slope * x))
  const power = lagged(residuals, 0)
  const rho = power === 0 ? 0 : Math.min(0.97, Math.max(-0.97, lagged(residuals, 1) / power))
  const alpha = (4 * rho * rho) / ((1 - rho) ** 2 * (1 + rho) ** 2)
  const lags = Math.min(Math.floor(samples / 3), Math.ceil(1.1447 * (alpha * samples) ** (1 / 3)))
  const scores = centred.map((points, s) => points.map(({ x }, i) => x * residuals[s]![i]!))
  let variance = lagged(scores, 0)
  for (let lag = 1; lag <= lags; lag++) variance += 2 * (1 - lag / (lags + 1)) * lagged(scores, lag)
  const error = (Math.sqrt(Math.max(0, variance) * (samples / freedom)) / sxx) * studentQuantile(freedom)
  return {
    slope,
    low: slope - error,
    high: slope + error,
    mean: mean(used.flatMap((points) => points.map(({ y }) => y))),
    samples,
    lags
  }
}
