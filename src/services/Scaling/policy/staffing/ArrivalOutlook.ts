/**
 * Arrivals of the coming ticks, from two sources: what came in the last ticks, and the forecast, whose steps may be
 * many ticks long. Several predictors run side by side and are mixed by how well each did, lately, as far ahead as
 * slots take to start: exponential smoothing at four speeds, with and without a damped trend (C. C. Holt, 1957; E. S.
 * Gardner, E. McKenzie, 1985), the forecast as it is, and the forecast times how far the last ticks were above or below
 * it. Mixing by inverse excess error follows J. M. Bates and C. W. J. Granger (1969).
 *
 * How far arrivals were off beyond counting noise, relative to what was expected, and the quantiles of that, are
 * learned from the same errors (quantiles: stochastic approximation, H. Robbins and S. Monro, 1951; as in I. Gibbs, E.
 * Candès, Adaptive conformal inference, 2021).
 */

const speeds = [0.1, 0.25, 0.5, 0.8]
const trendGains = [0, 0.3]
const damping = 0.8
/** Predictors from the last ticks alone. */
const smoothers = speeds.flatMap((speed) => trendGains.map((gain) => ({ speed, gain })))
/** What a tick still counts after one more, in the ratio of arrivals to forecast. */
const ratioMemories = [0.5, 0.85]
/** Arrivals that the ratio is drawn to 1 by, so that three jobs where one was expected are not three times the load. */
const ratioPrior = 2
const forecasters = 1 + ratioMemories.length
/** Errors count half after 350 ticks. */
const errorMemory = 0.998
/** Errors a predictor that uses the forecast must have shown before it counts. */
const fewestErrors = 30
/** The best predictor counts as off by this part of its error: how far the mixture leans to it. */
const excessFloor = 0.02
/** No error counts for more than so many of its standard deviations of counting. */
const worstError = 5
/** Spread counts half after 1,400 ticks: it is of the fourth order, and slow to know. */
const spreadMemory = 0.9995
const worstSpread = 8

/** Quantile levels that are kept. */
export const levels: ReadonlyArray<number> = [0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99]
/** Of the normal distribution: where the quantiles start. */
const firstQuantiles = [0, 0.524, 0.842, 1.282, 1.645, 2.054, 2.326]
const quantileStep = 0.05

/** Arrivals forecast for a coming tick; 0 is the one that begins now. */
export type ForecastTick = (tick: number) => number

export interface OutlookState {
  readonly tick: number
  /** Whether anything was measured yet. */
  readonly hasSeen: boolean
  readonly level: ReadonlyArray<number>
  readonly trend: ReadonlyArray<number>
  readonly came: ReadonlyArray<number>
  readonly foreseen: ReadonlyArray<number>
  /** Of each predictor, the sum of its squared errors and of their weights. */
  readonly error: ReadonlyArray<readonly [number, number]>
  readonly spread: readonly [number, number]
  readonly quantiles: ReadonlyArray<number>
  readonly pending: ReadonlyArray<Prediction>
}

interface Prediction {
  readonly due: number
  readonly each: ReadonlyArray<number>
  readonly mixed: number
}

export interface Outlook {
  /** Expected arrivals, tick by tick. */
  readonly expected: ReadonlyArray<number>
  /** The same by the last ticks alone. */
  readonly reactive: ReadonlyArray<number>
  /** Deviation of the rate beyond counting noise, relative to what is expected. */
  readonly spread: number
  /** Weight of the predictors that use the forecast: 0 to 1. */
  readonly forecastWeight: number
}

export class ArrivalOutlook {
  private tick = 0
  private hasSeen = false
  private level = new Array<number>(smoothers.length).fill(0)
  private trend = new Array<number>(smoothers.length).fill(0)
  private came = ratioMemories.map(() => 0)
  private foreseen = ratioMemories.map(() => 0)
  private error: Array<readonly [number, number]> = Array.from({ length: smoothers.length + forecasters }, () => [0, 0])
  private spread: [number, number] = [0.05, 1]
  private quantiles = [...firstQuantiles]
  private pending: Array<Prediction> = []

  static restore(state: OutlookState): ArrivalOutlook {
    const outlook = new ArrivalOutlook()
    outlook.tick = state.tick
    outlook.hasSeen = state.hasSeen
    outlook.level = [...state.level]
    outlook.trend = [...state.trend]
    outlook.came = [...state.came]
    outlook.foreseen = [...state.foreseen]
    outlook.error = [...state.error]
    outlook.spread = [...state.spread]
    outlook.quantiles = [...state.quantiles]
    outlook.pending = [...state.pending]
    return outlook
  }

  save(): OutlookState {
    return {
      tick: this.tick,
      hasSeen: this.hasSeen,
      level: [...this.level],
      trend: [...this.trend],
      came: [...this.came],
      foreseen: [...this.foreseen],
      error: [...this.error],
      spread: [...this.spread],
      quantiles: [...this.quantiles],
      pending: [...this.pending]
    }
  }

  /**
   * How many of its own deviations the arrivals were above expectation, at a level: no less than 0. Between the levels
   * kept: linear.
   */
  quantile(level: number): number {
    const after = levels.findIndex((each) => each >= level)
    if (after <= 0) return Math.max(0, this.quantiles[after === 0 ? 0 : levels.length - 1]!)
    const part = (level - levels[after - 1]!) / (levels[after]! - levels[after - 1]!)
    return Math.max(0, this.quantiles[after - 1]! + part * (this.quantiles[after]! - this.quantiles[after - 1]!))
  }

  /**
   * A tick has ended with so many arrivals; undefined: not measured. `foreseen`: what the forecast had said of it,
   * undefined without one.
   */
  observe(arrivals: number | undefined, foreseen: number | undefined): void {
    const due = this.pending.filter((each) => each.due === this.tick)
    this.pending = this.pending.filter((each) => each.due > this.tick)
    const isFirst = !this.hasSeen
    this.tick++
    if (arrivals === undefined) return
    this.hasSeen = true
    // What was said before anything was seen is no error of anybody's.
    if (isFirst) this.pending = []
    else for (const prediction of due) this.score(prediction, arrivals)
    smoothers.forEach(({ gain, speed }, i) => {
      const expected = isFirst ? arrivals : Math.max(0, this.level[i]! + damping * this.trend[i]!)
      const off = arrivals - expected
      this.level[i] = expected + speed * off
      this.trend[i] = damping * this.trend[i]! + gain * speed * off
    })
    if (foreseen === undefined) return
    ratioMemories.forEach((memory, i) => {
      this.came[i] = memory * this.came[i]! + arrivals
      this.foreseen[i] = memory * this.foreseen[i]! + foreseen
    })
  }

  private score({ each, mixed }: Prediction, arrivals: number): void {
    const counting = mixed + 1
    each.forEach((expected, i) => {
      const [sum, weight] = this.error[i]!
      const squared = Math.min(worstError * worstError, (arrivals - expected) ** 2 / counting)
      this.error[i] = [errorMemory * sum + squared, errorMemory * weight + 1]
    })
    const off = arrivals - mixed
    const deviation = Math.sqrt(mixed + (this.relative() * mixed) ** 2 + 0.25)
    const standing = off / deviation
    this.quantiles = this.quantiles.map((q, i) => q + quantileStep * (levels[i]! - (standing <= q ? 1 : 0)))
    for (let i = 1; i < this.quantiles.length; i++)
      this.quantiles[i] = Math.max(this.quantiles[i]!, this.quantiles[i - 1]!)
    this.spread = [
      spreadMemory * this.spread[0] + Math.min(worstSpread ** 2 * counting * counting, off * off - mixed) / counting,
      spreadMemory * this.spread[1] + (mixed + 0.05) ** 2 / counting
    ]
  }

  private relative(): number {
    return Math.sqrt(Math.max(0, this.spread[0] / this.spread[1]))
  }

  /**
   * The next `ticks` ticks. Without a forecast, or when it is not `trusted`, only the last ticks count; either way all
   * predictors go on being scored.
   */
  look(ticks: number, forecast: ForecastTick | undefined, trusted: boolean): Outlook {
    const each: Array<ReadonlyArray<number>> = smoothers.map((_, i) => {
      const path: Array<number> = []
      let slope = this.trend[i]!
      let at = this.level[i]!
      for (let tick = 0; tick < ticks; tick++) {
        slope *= damping
        at += slope
        path.push(Math.max(0, at))
      }
      return path
    })
    if (forecast !== undefined) {
      const plain = Array.from({ length: ticks }, (_, tick) => Math.max(0, forecast(tick)))
      each.push(plain)
      ratioMemories.forEach((_, i) => {
        const ratio = (this.came[i]! + ratioPrior) / (this.foreseen[i]! + ratioPrior)
        each.push(plain.map((arrivals) => arrivals * ratio))
      })
    }
    const errors = each.map((_, i) => {
      const [sum, weight] = this.error[i]!
      const isUsed = i < smoothers.length || (trusted && weight >= fewestErrors)
      return isUsed ? sum / Math.max(1, weight) : Number.POSITIVE_INFINITY
    })
    const weights = shares(errors)
    const expected = mixture(each, weights, ticks)
    const forecastWeight = weights.slice(smoothers.length).reduce((a, b) => a + b, 0)
    const reactive = forecastWeight === 0 ? expected : mixture(each, shares(errors.slice(0, smoothers.length)), ticks)
    const last = ticks - 1
    this.pending.push({ due: this.tick + last, each: each.map((path) => path[last]!), mixed: expected[last]! })
    return { expected, reactive, spread: this.relative(), forecastWeight }
  }
}

/** Weights that add up to 1: the less a predictor was off beyond the best, the more. */
const shares = (errors: ReadonlyArray<number>): ReadonlyArray<number> => {
  const least = Math.min(...errors)
  const weights = errors.map((error) => 1 / (error - (1 - excessFloor) * least + 1e-9))
  const sum = weights.reduce((a, b) => a + b, 0)
  return weights.map((weight) => weight / sum)
}

const mixture = (
  paths: ReadonlyArray<ReadonlyArray<number>>,
  weights: ReadonlyArray<number>,
  ticks: number
): ReadonlyArray<number> =>
  Array.from({ length: ticks }, (_, tick) =>
    weights.reduce((mean, weight, i) => (weight === 0 ? mean : mean + weight * paths[i]![tick]!), 0)
  )
