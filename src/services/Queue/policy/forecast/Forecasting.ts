import { Archive } from "./Archive.ts"
import { Blocks, stepsOfBlock } from "./Blocks.ts"
import { Direct } from "./Direct.ts"
import type { Forecaster, ForecastMode, ForecastQuality, ForecastState, ForecastStep } from "./Forecaster.ts"
import type { Outlook } from "./Lead.ts"
import { LocalCalendar } from "./LocalCalendar.ts"
import { Sums, type SumQuantiles } from "./Sums.ts"
import type { Tally } from "./Tally.ts"

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

const version = 3
/** Distances ahead that have models of their own; those between are interpolated. */
const distances: ReadonlyArray<number> = [1, 2, 4, 8, 16, 32, 60, 120, 240, 480, 960]
/** Larger counts are taken for this one: their squares have to stay within single precision. */
const mostCounts = 1e15
/** Measured steps after which `smoothing` is what it does; before, it is all but repeating the last counts. */
const reactiveSteps = 30
const nothing: ForecastStep = { mean: 0, expected: 0, p05: 0, p50: 0, p90: 0, p95: 0 }

/** What is told: finite, not negative, in order. */
const told = ({ expected, mean, p05, p50, p90, p95 }: ForecastStep): ForecastStep => {
  const low = Math.max(0, p05)
  const middle = Math.max(low, p50)
  const ninety = Math.max(middle, p90)
  return { mean, expected, p05: low, p50: middle, p90: ninety, p95: Math.max(ninety, p95) }
}

/** Steps ahead that are foretold one by one where there are blocks; what lies further is foretold by them. */
const near = 60
/** Steps between two times at which sums are said where there are no blocks, and blocks between them: not parts of a day. */
const sumsEvery = { steps: 13, blocks: 5 }

class Forecasting implements Forecaster {
  private readonly options: ForecastOptions
  private readonly horizon: number
  private readonly direct: Direct
  private readonly blocks: Blocks | undefined
  private readonly sums: Sums
  private measured = 0

  constructor(options: ForecastOptions) {
    this.options = options
    this.horizon = options.horizon ?? 60
    const { offsetSeconds, stepSeconds } = options
    const calendar = new LocalCalendar(stepSeconds, offsetSeconds)
    const size = stepsOfBlock(stepSeconds)
    const isFar = this.horizon > near && size > 1
    const direct = isFar ? near : this.horizon
    this.direct = new Direct(calendar, [...distances.filter((reach) => reach < direct), direct])
    this.blocks = isFar ? new Blocks(this.direct.series, stepSeconds, offsetSeconds) : undefined
    const far = [8, 16, 48, 96].map((blocks) => blocks * size).filter((steps) => isFar && steps > direct)
    const reaches = [4, 15, ...distances, ...far, direct, this.horizon].filter((steps) => steps <= this.horizon)
    this.sums = new Sums(
      [...new Set(reaches)].sort((a, b) => a - b),
      isFar ? sumsEvery.blocks * size : sumsEvery.steps,
      calendar.day
    )
  }

  get steps(): number {
    return this.direct.steps
  }

  update(count: number | undefined): void {
    const isMeasured = count !== undefined && Number.isFinite(count)
    if (isMeasured) this.measured++
    const measured = isMeasured ? Math.max(0, Math.min(mostCounts, count)) : undefined
    const taken = this.direct.update(measured)
    this.blocks?.update(measured, taken)
    this.sums.update(taken, isMeasured, (steps) => this.outlooks(steps))
  }

  private outlooks(steps: number): ReadonlyArray<Outlook> {
    const { blocks, direct } = this
    const ofDirect = blocks === undefined || blocks.direct.steps === 0 ? steps : Math.min(steps, near)
    const nearest = Array.from({ length: ofDirect }, (_, i) => direct.outlook(i + 1))
    return blocks === undefined || ofDirect === steps
      ? nearest
      : [...nearest, ...blocks.steps(this.steps + near, this.steps + steps - 1)]
  }

  forecast(steps: number): ReadonlyArray<ForecastStep> {
    return this.steps === 0
      ? Array.from({ length: steps }, () => told(nothing))
      : this.outlooks(steps).map(told)
  }

  within(steps: number, expected: number): SumQuantiles {
    return this.sums.within(steps, expected)
  }

  private get mode(): ForecastMode {
    const { seasons } = this.direct.series
    if (seasons.week) return "week"
    if (seasons.day) return "day"
    if (seasons.hasOther) return "season"
    return this.measured > reactiveSteps ? "smoothing" : "reactive"
  }

  quality(): ForecastQuality {
    const { leads } = this.direct
    const mean = (of: keyof typeof Tally.prototype & ("counts" | "errors" | "errorsOfLast" | "errorsOfYesterday" | "noise" | "covered" | "forecasts")): number =>
      leads.reduce((sum, { from, tally, to }) => {
        const reach = to - from + 1
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
      seasons: this.direct.series.seasons.confirmed,
      measured: this.measured,
      accuracyNext: accuracy(next.errors, next.counts),
      accuracy: accuracy(errors, counts),
      mase: yesterday > 0 ? errors / yesterday : undefined,
      coverage: forecasts > 0 ? mean("covered") / forecasts : undefined,
      bestPossible: accuracy(mean("noise"), counts),
      naiveAccuracy: accuracy(Math.min(yesterday, mean("errorsOfLast")), counts),
      changed: this.direct.isChanged
    }
  }

  carry(archive: Archive): void {
    this.direct.carry(archive)
    this.blocks?.carry(archive)
    this.sums.carry(archive)
    this.measured = archive.number(this.measured)
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
