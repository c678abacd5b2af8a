import { Archive } from "./Archive.ts"
import { dimension, writeFeatures } from "./Features.ts"
import type { Forecaster, ForecastMode, ForecastQuality, ForecastState, ForecastStep } from "./Forecaster.ts"
import { expertNames, experts, Lead, spreadDimension } from "./Lead.ts"
import { Series } from "./Series.ts"

export interface ForecastOptions {
  /** Length of a step. */
  readonly stepSeconds: number
  /** Steps ahead that models are learned for. Default 60. */
  readonly horizon?: number
  /**
   * How far the local calendar is ahead of UTC at a step, by its number (the first count is step 0), so that a season follows the local
   * time of day over a change to daylight saving. Default: 0 throughout.
   */
  readonly offsetSeconds?: (step: number) => number
}

const longDays = 28
const shortDays = 4
const penalty = 0.003
const huber = 1.5
const version = 1

const leadsOf = (horizon: number) => {
  const leads = [1, 2, 3, 4, 6, 8, 12, 16, 24, 36, 60].filter((lead) => lead < horizon)
  return [...leads, horizon]
}

/** Mean absolute deviation of a Poisson distribution from its mean: 2 m^(k+1) e^-m / k!, k = floor(m) (A. de Moivre, 1730; for Poisson, E. L. Crow, 1958). */
const countingNoise = (mean: number): number => {
  if (mean > 30) return Math.sqrt((2 * mean) / Math.PI)
  let value = 2 * mean * Math.exp(-mean)
  for (let k = 1; k <= Math.floor(mean); k++) value *= mean / k
  return value
}

export class Forecasting implements Forecaster {
  readonly series: Series
  readonly leads: ReadonlyArray<Lead>
  private readonly options: ForecastOptions
  private readonly horizon: number
  private measured = 0
  private readonly vol = new Float64Array(2)
  private readonly scratch = new Float32Array(dimension)
  private readonly spreadScratch = new Float32Array(spreadDimension)

  constructor(options: ForecastOptions) {
    this.options = options
    this.horizon = options.horizon ?? 60
    const offset = options.offsetSeconds
    this.series = new Series(
      options.stepSeconds,
      this.horizon,
      offset ? (step) => Math.round(offset(step) / options.stepSeconds) : () => 0
    )
    this.leads = leadsOf(this.horizon).map((lead) => new Lead(lead))
  }

  get steps(): number {
    return this.series.history.length
  }

  update(count: number | undefined): void {
    const { series } = this
    const step = series.history.length
    if (count === undefined) {
      series.push(step === 0 ? 0 : Math.sqrt(this.leads[0]!.mixtures[0]!))
    } else {
      const root = Math.sqrt(Math.max(0, count))
      for (const lead of this.leads) this.learn(lead, root, step)
      this.measured++
      series.push(root)
    }
    for (const lead of this.leads) this.predict(lead, step)
  }

  private learn(lead: Lead, root: number, step: number): void {
    if (step < lead.lead) return
    const at = step % lead.lead
    const day = this.series.day
    const y = root * root
    const level = lead.levels[at]!
    const target = root - level
    const predicted = Math.sqrt(Math.max(0, lead.forecasts[at * experts]!)) - level
    const residual = target - predicted
    lead.n++
    lead.residual += (Math.abs(residual) - lead.residual) / Math.min(lead.n, 4 * day)
    const limit = huber * lead.residual + 1e-9
    const w = Math.abs(residual) > limit ? limit / Math.abs(residual) : 1
    lead.long.add(lead.features, at * dimension, target, w, 1 - 1 / Math.max(500, longDays * day))
    lead.short.add(lead.features, at * dimension, target, w, 1 - 1 / Math.max(300, shortDays * day))
    if (step % 4 === lead.lead % 4) {
      lead.long.solve(penalty)
      lead.short.solve(penalty)
      lead.spread.solve(0.01)
    }
    const mixture = lead.mixtures[at]!
    const error = Math.abs(y - mixture)
    lead.unit += (error - lead.unit) / Math.min(lead.n, 4 * day)
    lead.blend.update(
      lead.forecasts,
      at * experts,
      mixture,
      Math.sign(mixture - y),
      lead.unit + 1e-9,
      1 - 1 / Math.max(500, 7 * day)
    )

    const off = root - Math.sqrt(mixture)
    if (lead.lead === 1) {
      this.vol[0]! += (Math.abs(off) - this.vol[0]!) / Math.min(lead.n, 8)
      this.vol[1]! += (Math.abs(off) - this.vol[1]!) / Math.min(lead.n, 60)
      this.series.missOfDay.update(this.series.slotOfDay(step), Math.abs(off))
    }
    const spreadKeep = 1 - 1 / Math.max(300, 7 * day)
    lead.spread.add(lead.spreadFeatures, at * spreadDimension, Math.abs(off), 1, spreadKeep)
    if (lead.spreads[at]! > 0) lead.errors.add(off / lead.spreads[at]!, 1 - 1 / Math.max(200, 4 * day))

    const keep = 1 - 1 / Math.max(200, 3 * day)
    const { sums } = lead
    const note = (i: number, value: number) => {
      sums[i] = sums[i]! * keep + value
    }
    note(0, y)
    note(1, error)
    note(2, Math.abs(y - lead.naives[at]!))
    note(3, countingNoise(mixture))
    note(4, y >= Math.floor(lead.lows[at]!) && y <= Math.ceil(lead.highs[at]!) ? 1 : 0)
    note(5, 1)
    note(6, Math.abs(y - level * level))
  }

  /** Writes what each model expects `ahead` steps on. */
  private predictAll(
    lead: Lead,
    ahead: number,
    features: Float32Array,
    at: number,
    out: Float64Array,
    to: number
  ): number {
    const { series } = this
    const level = writeFeatures(series, ahead, features, at)
    const sq = (z: number) => (z > 0 ? z * z : 0)
    out[to] = sq(level + lead.long.predict(features, at))
    out[to + 1] = sq(level + lead.short.predict(features, at))
    out[to + 2] = sq(level)
    out[to + 3] = sq(level + features[at + 6]!)
    out[to + 4] = sq(level + features[at + 11]! - features[at + 12]! * 0.7)
    out[to + 5] = sq(level + features[at + 16]! - features[at + 17]! * 0.7)
    out[to + 6] = sq(level + features[at + 20]! - features[at + 21]! * 0.7)
    out[to + 7] = sq(level + features[at + 22]! - features[at + 23]! * 0.7)
    return level
  }

  private spreadFor(lead: Lead, ahead: number, mean: number, level: number, out: Float32Array, at: number): number {
    const { series } = this
    const root = Math.sqrt(mean)
    const slot = series.missOfDay.at(series.slotOfDay(series.last + ahead), 2)
    const slotNow = series.missOfDay.at(series.slotOfDay(series.last), 2)
    out[at] = Math.min(1, root * 2)
    out[at + 1] = root
    out[at + 2] = this.vol[0]!
    out[at + 3] = this.vol[1]!
    out[at + 4] = Number.isNaN(slot) ? this.vol[1]! : slot
    out[at + 5] = Math.abs(root - level)
    void slotNow
    const learned = lead.spread.predict(out, at)
    return Math.max(learned, 0.25 * lead.residual, 0.1 * Math.min(1, 2 * root), 1e-3)
  }

  private predict(lead: Lead, step: number): void {
    const at = (step + lead.lead) % lead.lead
    const level = this.predictAll(lead, lead.lead, lead.features, at * dimension, lead.forecasts, at * experts)
    const mixture = lead.blend.mix(lead.forecasts, at * experts)
    lead.levels[at] = level
    lead.mixtures[at] = mixture
    const spread = this.spreadFor(lead, lead.lead, mixture, level, lead.spreadFeatures, at * spreadDimension)
    lead.spreads[at] = spread
    const root = Math.sqrt(mixture)
    lead.lows[at] = Math.max(0, root + spread * lead.errors.at(0.05)) ** 2
    lead.highs[at] = Math.max(0, root + spread * lead.errors.at(0.95)) ** 2
    const { history, day } = this.series
    const yesterday = step + lead.lead - day
    lead.naives[at] = (history.has(yesterday) ? history.at(yesterday) : history.at(step)) ** 2
  }

  forecast(steps: number): ReadonlyArray<ForecastStep> {
    const out: Array<ForecastStep> = []
    if (this.steps === 0) return Array.from({ length: steps }, () => ({ mean: 0, p05: 0, p50: 0, p90: 0, p95: 0 }))
    const forecasts = new Float64Array(experts)
    const quantiles = this.leads.map(({ errors }) => [0.05, 0.5, 0.9, 0.95].map((level) => errors.at(level)))
    const one = (index: number, ahead: number) => {
      const lead = this.leads[index]!
      const level = this.predictAll(lead, ahead, this.scratch, 0, forecasts, 0)
      const mean = lead.blend.mix(forecasts, 0)
      const spread = this.spreadFor(lead, ahead, mean, level, this.spreadScratch, 0)
      const q = quantiles[index]!.map((k) => Math.max(0, Math.sqrt(mean) + k * spread) ** 2)
      return [mean, ...q]
    }
    for (let ahead = 1; ahead <= steps; ahead++) {
      let above = this.leads.findIndex(({ lead }) => lead >= ahead)
      if (above < 0) above = this.leads.length - 1
      const high = this.leads[above]!.lead
      const low = this.leads[Math.max(0, above - 1)]!.lead
      let values = one(above, ahead)
      if (high > ahead && low < ahead) {
        const share = Math.log(ahead / low) / Math.log(high / low)
        const nearer = one(above - 1, ahead)
        values = values.map((value, i) => share * value + (1 - share) * nearer[i]!)
      }
      const [mean, p05, p50, p90, p95] = values as [number, number, number, number, number]
      out.push({ mean, p05, p50, p90, p95 })
    }
    return out
  }

  quality(): ForecastQuality {
    const { day, week } = this.series
    const total = new Float64Array(8)
    this.leads.forEach(({ lead, sums }, i) => {
      const reach = lead - (this.leads[i - 1]?.lead ?? 0)
      if (sums[5]! > 0) for (let k = 0; k < sums.length; k++) total[k]! += (reach * sums[k]!) / sums[5]!
    })
    const [counts, errors, yesterday, noise, covered, all, last] = total as unknown as [
      number,
      number,
      number,
      number,
      number,
      number,
      number
    ]
    const share = (error: number) => (counts > 0 ? 1 - error / counts : undefined)
    const next = this.leads[0]!.sums
    const weights = this.leads.at(-1)!.blend.weights
    const mode: ForecastMode =
      this.steps > 2 * week ? "week" : this.steps > 2 * day ? "day" : this.steps > 60 ? "smoothing" : "reactive"
    return {
      mode,
      model: expertNames[weights.indexOf(Math.max(...weights))]!,
      seasons: mode === "week" ? [day, week] : mode === "day" ? [day] : [],
      measured: this.measured,
      accuracyNext: next[0]! > 0 ? 1 - next[1]! / next[0]! : undefined,
      accuracy: share(errors),
      mase: yesterday > 0 ? errors / yesterday : undefined,
      coverage: all > 0 ? covered / all : undefined,
      bestPossible: share(noise),
      naiveAccuracy: share(Math.min(yesterday, last)),
      changed: false
    }
  }

  private carry(archive: Archive): void {
    this.series.carry(archive)
    for (const lead of this.leads) lead.carry(archive)
    archive.array(this.vol)
    this.measured = archive.number(this.measured)
  }

  save(): ForecastState {
    const archive = Archive.writer()
    this.carry(archive)
    return {
      version,
      stepSeconds: this.options.stepSeconds,
      horizon: this.horizon,
      steps: this.steps,
      learned: archive.text()
    }
  }

  static restore(options: ForecastOptions, state: ForecastState): Forecasting | undefined {
    const forecasting = new Forecasting(options)
    if (state.version !== version || state.stepSeconds !== options.stepSeconds || state.horizon !== forecasting.horizon)
      return undefined
    const archive = Archive.reader(state.learned)
    if (archive === undefined) return undefined
    forecasting.carry(archive)
    return archive.isRead ? forecasting : undefined
  }
}

/** A forecaster that has seen nothing yet. */
export const make = (options: ForecastOptions): Forecaster => new Forecasting(options)

/**
 * A forecaster that goes on from a saved state. Undefined when the state is of another version, grid or horizon, or damaged: start with
 * `make` and push the history again, as far as there is one.
 */
export const restore = (options: ForecastOptions, state: ForecastState): Forecaster | undefined =>
  Forecasting.restore(options, state)
