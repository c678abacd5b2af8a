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
   * How far the local calendar is ahead of UTC at a step, by its number (the first count is step 0), so that a season
   * follows the local time of day over a change to daylight saving. Asked for steps up to four weeks back and as far
   * ahead as is forecast, often: keep it cheap. Default: 0 throughout.
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
/**
 * Steps between two times at which sums are said where there are no blocks, and blocks between them: not parts of a
 * day.
 */
const sumsEvery = { steps: 25, blocks: 5 }

interface Measure {
  readonly from: number
  readonly to: number
  readonly tally: Tally
  readonly model: string
}

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
    return this.steps === 0 ? Array.from({ length: steps }, () => told(nothing)) : this.outlooks(steps).map(told)
  }

  within(steps: number, expected: number): SumQuantiles {
    return this.sums.within(steps, expected)
  }

  /** Lengths of the seasons in use, in steps: what chance hides in single steps shows in sums. */
  private get seasons(): ReadonlyArray<number> {
    const { blocks, direct } = this
    const ofBlocks = blocks?.direct.series.seasons
    const { day, week } = direct.series.calendar
    const known = new Set(direct.series.seasons.confirmed)
    if (ofBlocks?.day) known.add(day)
    if (ofBlocks?.week) known.add(week)
    return [...known].sort((a, b) => a - b)
  }

  private get mode(): ForecastMode {
    const { seasons } = this
    const { day, week } = this.direct.series.calendar
    if (seasons.includes(week)) return "week"
    if (seasons.includes(day)) return "day"
    if (seasons.length > 0) return "season"
    return this.measured > reactiveSteps ? "smoothing" : "reactive"
  }

  /** Ranges of distances, in steps, and what was measured in each. */
  private get measures(): ReadonlyArray<Measure> {
    const { blocks, direct } = this
    const size = stepsOfBlock(this.options.stepSeconds)
    return [
      ...direct.leads.map(({ from, model, tally, to }) => ({ from, to, tally, model })),
      ...(blocks?.far ?? [])
        .map(({ lead, tally }) => ({
          from: Math.max(near, (lead.from - 1) * size) + 1,
          to: lead.to * size,
          tally,
          model: lead.model
        }))
        .filter(({ from, to }) => from <= to)
    ]
  }

  private get usualHorizon(): number {
    return Math.min(near, this.horizon, Math.max(24, this.direct.series.calendar.day))
  }

  quality(steps = this.usualHorizon): ForecastQuality {
    const within = this.measures.filter(({ from }) => from <= steps)
    const isMeasured = within.every(({ tally }) => tally.forecasts > 0)
    const mean = (of: (tally: Tally) => number): number =>
      within.reduce(
        (sum, { from, tally, to }) => sum + ((Math.min(to, steps) - from + 1) * of(tally)) / tally.forecasts,
        0
      )
    const counts = mean(({ counts }) => counts)
    const errors = mean(({ errors }) => errors)
    const yesterday = mean(({ errorsOfYesterday }) => errorsOfYesterday)
    const last = mean(({ errorsOfLast }) => errorsOfLast)
    const next = this.direct.leads[0]!.tally
    const sum = this.sums.tally(steps)
    const accuracy = (error: number, of: number) => (of > 0 ? 1 - error / of : undefined)
    return {
      horizon: steps,
      mode: this.mode,
      model: within.at(-1)!.model,
      seasons: this.seasons,
      measured: this.measured,
      accuracyNext: accuracy(next.errors, next.counts),
      accuracy: accuracy(errors, counts),
      mase: isMeasured && yesterday > 0 ? errors / yesterday : undefined,
      coverage: isMeasured ? mean(({ covered }) => covered) / mean(({ forecasts }) => forecasts) : undefined,
      bestPossible: accuracy(
        mean(({ noise }) => noise),
        counts
      ),
      naiveAccuracy: accuracy(Math.min(yesterday, last), counts),
      sumAccuracy: accuracy(sum.off, sum.came),
      sumBias: sum.came > 0 ? sum.said / sum.came - 1 : undefined,
      sumCoverage: sum.sums > 0 ? sum.within / sum.sums : undefined,
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
 * A forecaster that goes on from a saved state. Undefined when the state is of another version, grid or horizon, or
 * damaged: start with `make`, and push the history again as far as there is one.
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
