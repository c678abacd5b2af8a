/** Forecasts held against what came. */

export interface Scored {
  readonly actual: number
  readonly mean: number
  readonly p05: number
  readonly p90: number
  readonly p95: number
  /** What was there when it was forecast, and a day before the step; undefined: not measured. */
  readonly last: number | undefined
  readonly yesterday: number | undefined
}

export interface BacktestScore {
  /** Σ|error| ÷ Σ counts, of the forecast and of the better of repeating the last count and repeating yesterday. */
  readonly error: number | undefined
  readonly naiveError: number | undefined
  /** Mean absolute error ÷ that of repeating yesterday (R. J. Hyndman, A. B. Koehler, International Journal of Forecasting 22, 2006). */
  readonly mase: number | undefined
  /** The part of counts within [p05, p95], rounded outwards to whole counts. */
  readonly coverage: number | undefined
  /** 2 × pinball loss at 0.9 ÷ Σ counts, in percent (R. Koenker, G. Bassett, Econometrica 46, 1978). */
  readonly wQL90: number | undefined
}

/** Σ|actual − naive| and Σ|actual − forecast| over the steps where the naive forecast had something to repeat. */
const against = (points: ReadonlyArray<Scored>, naive: (point: Scored) => number | undefined) => {
  let own = 0
  let other = 0
  let counts = 0
  for (const point of points) {
    const repeated = naive(point)
    if (repeated === undefined) continue
    own += Math.abs(point.actual - point.mean)
    other += Math.abs(point.actual - repeated)
    counts += point.actual
  }
  return { own, other, counts }
}

const ratio = (part: number, whole: number) => (whole > 0 ? part / whole : undefined)

export const scoreOf = (points: ReadonlyArray<Scored>): BacktestScore => {
  let error = 0
  let counts = 0
  let covered = 0
  let pinball = 0
  for (const { actual, mean, p05, p90, p95 } of points) {
    error += Math.abs(actual - mean)
    counts += actual
    if (actual >= Math.floor(p05) && actual <= Math.ceil(p95)) covered++
    pinball += actual >= p90 ? 0.9 * (actual - p90) : 0.1 * (p90 - actual)
  }
  const last = against(points, (point) => point.last)
  const yesterday = against(points, (point) => point.yesterday)
  const naive = [ratio(last.other, last.counts), ratio(yesterday.other, yesterday.counts)].filter(
    (each) => each !== undefined
  )
  const wQL90 = ratio(2 * pinball, counts)
  return {
    error: ratio(error, counts),
    naiveError: naive.length === 0 ? undefined : Math.min(...naive),
    mase: ratio(yesterday.own, yesterday.other),
    coverage: ratio(covered, points.length),
    wQL90: wQL90 === undefined ? undefined : 100 * wQL90
  }
}
