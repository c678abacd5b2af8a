/**
 * A forecaster over a recorded past, by rolling origin (Tashman 2000): at each origin it has been given the counts
 * before it and nothing else, and forecasts the steps after it, which are scored when they are reached. The naive
 * forecast is asked at the same origins and scored on the same steps. Pure: the same counts give the same figures.
 */
import type { Forecaster, ForecastStep } from "./Forecaster.ts"

/** What a backtest asks of a forecaster; without `within`, intervals of sums are not scored. */
export type Candidate = Pick<Forecaster, "update" | "forecast"> & Partial<Pick<Forecaster, "within">>

/** Counts by step, oldest first; undefined: not measured, and not scored. */
export type Counts = ReadonlyArray<number | undefined>

export interface BacktestOptions {
  /** Index of the first count that is forecast; those before it are only learned from. */
  readonly from: number
  /** Counts that the forecaster has been given already; at most `from`. Default 0. */
  readonly seen?: number
  /** Steps forecast at each origin. */
  readonly horizon: number
  /** Steps between origins; at most `horizon`, so that every step is forecast. */
  readonly every: number
  /**
   * Steps of the season that a naive forecast repeats, those of a day. Another repeats the last count; the better of
   * the two is told of.
   */
  readonly season: number
}

/** A step, and what was said of it at the last origin before it. */
export interface BacktestedStep {
  readonly index: number
  readonly actual: number | undefined
  readonly forecast: ForecastStep
}

/** Accuracy is 1 − Σ|error| ÷ Σ counts, at least 0. All of it undefined where nothing arrived or could be compared. */
export interface Accuracy {
  /** Of the first step of each forecast, of all its steps, and of the sum of expectations. */
  readonly oneStep: number | undefined
  readonly horizon: number | undefined
  readonly sum: number | undefined
  /**
   * Mean absolute scaled error over the horizon: the mean error in units of the naive forecast's, one season ahead,
   * over the counts before `from` (Hyndman and Koehler 2006). The naive forecast's own may differ from 1: it is taken
   * over the steps that were forecast.
   */
  readonly mase: number | undefined
}

export interface BacktestScores extends Accuracy {
  /** Σ sums of expectations ÷ Σ sums of counts, less 1. */
  readonly sumBias: number | undefined
  /** The part of sums within their own interval of 90 %. */
  readonly sumCoverage: number | undefined
  /** The part of counts within [p05, p95], the bounds rounded outwards to whole counts. 0.9 is meant. */
  readonly coverage: number | undefined
  /**
   * The part of counts within the inner half; 0.5 is meant. A count at its edge counts in part: rounding would widen a
   * narrow band by a good deal.
   */
  readonly coverage50: number | undefined
  /** The part of counts up to p90. */
  readonly under90: number | undefined
  /**
   * Weighted quantile loss at 0.9: 2 × Σ pinball loss ÷ Σ counts, in percent (Koenker and Bassett 1978; as in the M5
   * competition's uncertainty track).
   */
  readonly wQL90: number | undefined
}

export interface NaiveScores extends Accuracy {
  readonly kind: "season" | "last"
}

export interface BacktestResult {
  readonly origins: number
  /** Steps of all forecasts that could be scored; within the horizon each step may be forecast several times. */
  readonly scored: number
  readonly forecast: BacktestScores
  /**
   * The better of repeating the season and repeating the last count, the latter alone while no season has passed; of a
   * point forecast only the error can be had.
   */
  readonly naive: NaiveScores
  /** Every step from `from` on. */
  readonly steps: ReadonlyArray<BacktestedStep>
}

/** 0.675 and 1.645: quantiles of the normal distribution at 0.75 and 0.95. */
const inner = 0.674_489_75 / 1.644_853_63

/**
 * The inner half of a step's forecast, [p25, p75], between its known quantiles: normal on each side of the median on
 * the square-root scale, where counts have about the same spread whatever their size (Anscombe 1948).
 */
export const middleHalf = (step: Pick<ForecastStep, "p05" | "p50" | "p95">): readonly [low: number, high: number] => {
  const [low, middle, high] = [step.p05, step.p50, step.p95].map((value) => Math.sqrt(Math.max(0, value))) as [
    number,
    number,
    number
  ]
  return [(middle + (low - middle) * inner) ** 2, (middle + (high - middle) * inner) ** 2]
}

/**
 * The last count before `origin` that lies whole seasons before `index`, up to a week of them; undefined without one.
 */
const naiveAt = (counts: Counts, index: number, origin: number, season: number): number | undefined => {
  const first = index - season * Math.ceil((index - origin + 1) / season)
  for (let i = first, tries = 0; i >= 0 && tries < 7; i -= season, tries++) {
    const count = counts[i]
    if (count !== undefined) return count
  }
  return undefined
}

/** Mean error of the naive forecast one season ahead over the counts before `to`. */
const naiveScale = (counts: Counts, to: number, season: number): number | undefined => {
  let error = 0
  let n = 0
  for (let i = season; i < to; i++) {
    const [before, now] = [counts[i - season], counts[i]]
    if (before === undefined || now === undefined) continue
    error += Math.abs(now - before)
    n++
  }
  return n === 0 || error === 0 ? undefined : error / n
}

/** The part of [count − ½, count + ½] within the bounds; of bounds narrower than that, the part of them within it. */
const shareWithin = (count: number, low: number, high: number): number => {
  const overlap = Math.min(high, count + 0.5) - Math.max(low, count - 0.5)
  return overlap < 0 ? 0 : high > low ? overlap / Math.min(1, high - low) : 1
}

class Errors {
  private firstError = 0
  private firstCounts = 0
  private error = 0
  private counts = 0
  private sumError = 0
  private sumCounts = 0
  private sumSaid = 0
  n = 0

  step(ahead: number, actual: number, said: number): void {
    const error = Math.abs(actual - said)
    if (ahead === 1) {
      this.firstError += error
      this.firstCounts += actual
    }
    this.error += error
    this.counts += actual
    this.n++
  }

  sum(actual: number, said: number): void {
    this.sumError += Math.abs(actual - said)
    this.sumCounts += actual
    this.sumSaid += said
  }

  get sumBias(): number | undefined {
    return this.sumCounts > 0 ? this.sumSaid / this.sumCounts - 1 : undefined
  }

  /** Σ counts of the steps. */
  get weight(): number {
    return this.counts
  }

  accuracy(scale: number | undefined): Accuracy {
    const of = (error: number, counts: number) => (counts > 0 ? Math.max(0, 1 - error / counts) : undefined)
    return {
      oneStep: of(this.firstError, this.firstCounts),
      horizon: of(this.error, this.counts),
      sum: of(this.sumError, this.sumCounts),
      mase: scale === undefined || this.n === 0 ? undefined : this.error / this.n / scale
    }
  }
}

/**
 * Runs `forecaster` over `counts`. It must know nothing but the first `seen` of them: more would be knowledge of the
 * future. Costs one update per count and one forecast per origin.
 */
export const backtest = (counts: Counts, forecaster: Candidate, options: BacktestOptions): BacktestResult => {
  const { every, from, horizon, season, seen = 0 } = options
  const forecasts = new Errors()
  const seasonal = new Errors()
  const last = new Errors()
  /** Of the last count on the steps that the season is known for: to compare the two. */
  const lastBeside = new Errors()
  const steps: Array<BacktestedStep> = []
  let origins = 0
  let within = 0
  let withinHalf = 0
  let under = 0
  let pinball = 0
  let [sums, sumsWithin] = [0, 0]
  for (let origin = seen; origin < counts.length; origin++) {
    if (origin >= from && (origin - from) % every === 0) {
      origins++
      const said = forecaster.forecast(Math.min(horizon, counts.length - origin))
      let [sumActual, sumSaid, sumSeasonal, sumLast, measured] = [0, 0, 0, 0, 0]
      let [seasonKnown, lastKnown] = [true, true]
      for (const [i, step] of said.entries()) {
        const index = origin + i
        const actual = counts[index]
        if (i < every) steps.push({ index, actual, forecast: step })
        if (actual === undefined) continue
        forecasts.step(i + 1, actual, step.mean)
        sumActual += actual
        sumSaid += step.expected
        measured++
        const before = naiveAt(counts, index, origin, season)
        const latest = naiveAt(counts, index, origin, 1)
        seasonKnown &&= before !== undefined
        lastKnown &&= latest !== undefined
        if (latest !== undefined) last.step(i + 1, actual, latest)
        if (latest !== undefined && before !== undefined) {
          lastBeside.step(i + 1, actual, latest)
          seasonal.step(i + 1, actual, before)
        }
        sumSeasonal += before ?? 0
        sumLast += latest ?? 0
        if (actual >= Math.floor(step.p05 + 1e-9) && actual <= Math.ceil(step.p95 - 1e-9)) within++
        const [low, high] = middleHalf(step)
        withinHalf += shareWithin(actual, low, high)
        if (actual <= Math.ceil(step.p90 - 1e-9)) under++
        pinball += actual >= step.p90 ? 0.9 * (actual - step.p90) : 0.1 * (step.p90 - actual)
      }
      forecasts.sum(sumActual, sumSaid)
      const around = measured > 0 ? forecaster.within?.(measured, sumSaid) : undefined
      if (around !== undefined) {
        sums++
        if (sumActual >= Math.floor(around.p05) && sumActual <= Math.ceil(around.p95)) sumsWithin++
      }
      if (lastKnown) last.sum(sumActual, sumLast)
      if (lastKnown && seasonKnown) {
        lastBeside.sum(sumActual, sumLast)
        seasonal.sum(sumActual, sumSeasonal)
      }
    }
    forecaster.update(counts[origin])
  }
  const scale = naiveScale(counts, from, season)
  const bySeason: NaiveScores = { kind: "season", ...seasonal.accuracy(scale) }
  const byLast: NaiveScores = { kind: "last", ...(seasonal.n === 0 ? last : lastBeside).accuracy(scale) }
  const share = (n: number) => (forecasts.n === 0 ? undefined : n / forecasts.n)
  return {
    origins,
    scored: forecasts.n,
    forecast: {
      ...forecasts.accuracy(scale),
      sumBias: forecasts.sumBias,
      sumCoverage: sums === 0 ? undefined : sumsWithin / sums,
      coverage: share(within),
      coverage50: share(withinHalf),
      under90: share(under),
      wQL90: forecasts.weight > 0 ? (200 * pinball) / forecasts.weight : undefined
    },
    naive: seasonal.n > 0 && (bySeason.horizon ?? 0) >= (byLast.horizon ?? 0) ? bySeason : byLast,
    steps
  }
}
