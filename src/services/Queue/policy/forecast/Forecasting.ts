import { Archive } from "./Archive.ts"
import { ChangeAlarm } from "./ChangeAlarm.ts"
import type { Forecaster, ForecastMode, ForecastQuality, ForecastState, ForecastStep } from "./Forecaster.ts"
import { Lead, type Outlook, type Tally } from "./Lead.ts"
import { LocalCalendar } from "./LocalCalendar.ts"
import { Series } from "./Series.ts"
import { Misses } from "./Spread.ts"

export interface ForecastOptions {
  /** Length of a step. */
  readonly stepSeconds: number
  /** Steps ahead that models are learned for. Default 60. */
  readonly horizon?: number
  /**
   * How far the local calendar is ahead of UTC at a step, by its number (the first count is step 0), so that a season follows the local
   * time of day over a change to daylight saving. Asked for steps up to four weeks back and as far ahead as is forecast, often: keep it
   * cheap. Default: 0 throughout.
   */
  readonly offsetSeconds?: (step: number) => number
}

const version = 2
/** Distances ahead that have models of their own; those between are interpolated. */
const distances: ReadonlyArray<number> = [1, 2, 4, 8, 16, 32, 60, 120, 240, 480, 960]
/** Larger counts are taken for this one: their squares have to stay within single precision. */
const mostCounts = 1e15
/** Measured steps after which `smoothing` is what it does; before, it is all but repeating the last counts. */
const reactiveSteps = 30
/** After a change was noticed: steps, as a share of a day, for which intervals are wider, by this factor at first. */
const changeShare = 1 / 12
const changeWidening = 1.3

const nothing: Outlook = { mean: 0, expected: 0, p05: 0, p50: 0, p90: 0, p95: 0 }

/** What is told: finite, not negative, in order. */
const told = ({ expected, mean, p05, p50, p90, p95 }: Outlook): ForecastStep => {
  const low = Math.max(0, p05)
  const middle = Math.max(low, p50)
  const ninety = Math.max(middle, p90)
  return { mean, expected, p05: low, p50: middle, p90: ninety, p95: Math.max(ninety, p95) }
}

class Forecasting implements Forecaster {
  readonly leads: ReadonlyArray<Lead>
  private readonly options: ForecastOptions
  private readonly horizon: number
  private readonly series: Series
  private readonly misses: Misses
  private readonly alarm = new ChangeAlarm()
  private measured = 0
  /** Steps for which a change still counts as recent. */
  private changed = 0

  constructor(options: ForecastOptions) {
    this.options = options
    this.horizon = options.horizon ?? 60
    const calendar = new LocalCalendar(options.stepSeconds, options.offsetSeconds)
    this.series = new Series(calendar, this.horizon)
    this.misses = new Misses(calendar.day)
    this.leads = [...distances.filter((lead) => lead < this.horizon), this.horizon].map((lead) => new Lead(lead))
  }

  get steps(): number {
    return this.series.history.length
  }

  private get changeSteps(): number {
    return Math.max(30, Math.round(this.series.calendar.day * changeShare))
  }

  private get widening(): number {
    return 1 + ((changeWidening - 1) * this.changed) / this.changeSteps
  }

  update(count: number | undefined): void {
    const { leads, misses, series } = this
    const step = this.steps
    this.changed = Math.max(0, this.changed - 1)
    const isMeasured = count !== undefined && Number.isFinite(count)
    const measured = isMeasured ? Math.max(0, Math.min(mostCounts, count)) : undefined
    if (measured !== undefined) this.learn(measured, step)
    const root = Math.sqrt(measured ?? (step === 0 ? 0 : leads[0]!.outlook(series, misses, 1, 1).mean))
    if (series.push(root, isMeasured)) for (const lead of leads) lead.forgetSeason()
    const { widening } = this
    for (const lead of leads) lead.remember(series, misses, widening)
  }

  private learn(count: number, step: number): void {
    const { calendar } = this.series
    this.measured++
    for (const lead of this.leads) {
      const met = lead.learn(count, step, calendar.day)
      if (lead.lead !== 1 || met === undefined) continue
      this.misses.update(Math.abs(met.error), calendar.slot(step, calendar.day))
      if (this.alarm.update(met.error / met.spread)) this.onChange()
    }
  }

  private onChange(): void {
    this.changed = this.changeSteps
    for (const lead of this.leads) lead.shorten()
  }

  forecast(steps: number): ReadonlyArray<ForecastStep> {
    const { leads, misses, series, widening } = this
    if (this.steps === 0) return Array.from({ length: steps }, () => told(nothing))
    const out: Array<ForecastStep> = []
    let above = 0
    for (let ahead = 1; ahead <= steps; ahead++) {
      while (above < leads.length - 1 && leads[above]!.lead < ahead) above++
      const next = leads[above]!
      // Beyond the horizon errors go on growing as those of a random walk would, for want of anything learned.
      const beyond = Math.sqrt(Math.max(1, ahead / this.horizon))
      const outlook = next.outlook(series, misses, ahead, widening * beyond)
      const before = leads[above - 1]
      if (next.lead <= ahead || before === undefined) out.push(told(outlook))
      else {
        const nearer = before.outlook(series, misses, ahead, widening)
        const share = Math.log(ahead / before.lead) / Math.log(next.lead / before.lead)
        const mix = (of: keyof Outlook) => share * outlook[of] + (1 - share) * nearer[of]
        out.push(
          told({
            mean: mix("mean"),
            expected: mix("expected"),
            p05: mix("p05"),
            p50: mix("p50"),
            p90: mix("p90"),
            p95: mix("p95")
          })
        )
      }
    }
    return out
  }

  private get mode(): ForecastMode {
    const { seasons } = this.series
    if (seasons.week) return "week"
    if (seasons.day) return "day"
    if (seasons.hasOther) return "season"
    return this.measured > reactiveSteps ? "smoothing" : "reactive"
  }

  quality(): ForecastQuality {
    const { leads } = this
    const mean = (of: keyof Tally): number =>
      leads.reduce((sum, { lead, tally }, i) => {
        const reach = lead - (leads[i - 1]?.lead ?? 0)
        return tally.forecasts > 0 ? sum + (reach * tally[of]) / tally.forecasts : sum
      }, 0)
    const counts = mean("counts")
    const errors = mean("errors")
    const yesterday = mean("errorsOfYesterday")
    const forecasts = mean("forecasts")
    const next = leads[0]!.tally
    const accuracy = (error: number, of: number) => (of > 0 ? 1 - error / of : undefined)
    return {
      mode: this.mode,
      model: leads[leads.length >> 1]!.model,
      seasons: this.series.seasons.confirmed,
      measured: this.measured,
      accuracyNext: accuracy(next.errors, next.counts),
      accuracy: accuracy(errors, counts),
      mase: yesterday > 0 ? errors / yesterday : undefined,
      coverage: forecasts > 0 ? mean("covered") / forecasts : undefined,
      bestPossible: accuracy(mean("noise"), counts),
      naiveAccuracy: accuracy(Math.min(yesterday, mean("errorsOfLast")), counts),
      changed: this.changed > 0
    }
  }

  carry(archive: Archive): void {
    for (const part of [this.series, this.misses, this.alarm, ...this.leads]) part.carry(archive)
    this.measured = archive.number(this.measured)
    this.changed = archive.number(this.changed)
  }

  save(): ForecastState {
    const archive = Archive.writer()
    this.carry(archive)
    const { stepSeconds } = this.options
    return { version, stepSeconds, horizon: this.horizon, steps: this.steps, learned: archive.text() }
  }
}

/** A forecaster that has seen nothing yet. */
export const make = (options: ForecastOptions): Forecaster => new Forecasting(options)

/**
 * A forecaster that goes on from a saved state. Undefined when the state is of another version, grid or horizon, or damaged: start with
 * `make`, and push the history again as far as there is one.
 */
export const restore = (options: ForecastOptions, state: ForecastState): Forecaster | undefined => {
  const forecasting = new Forecasting(options)
  const isOurs =
    state.version === version && state.stepSeconds === options.stepSeconds && state.horizon === (options.horizon ?? 60)
  const archive = isOurs ? Archive.reader(state.learned) : undefined
  if (archive === undefined) return undefined
  forecasting.carry(archive)
  return archive.isRead ? forecasting : undefined
}
