/**
 * What count to expect of the next step of a series that repeats by day and week: a level times a profile over the half
 * hours of the week, with the dispersion around it. Everything is a ratio of exponentially weighted sums, so low counts
 * bring no bias, and what is learned is winsorised (J. W. Tukey) at three deviations, so that an incident leaves little
 * behind.
 *
 * A half hour of the week that was seen once or twice leans on the same half hour of the day, and that on the level.
 * 400 numbers a series.
 */

const slotMs = 1_800_000
const daySlots = 48
const weekSlots = 336

/** 1970 began on a Thursday; weeks are counted from the Monday before. */
const sinceMonday = 3 * 86_400_000

/** Weights that halve in so many steps or visits. */
const keep = (half: number) => 0.5 ** (1 / half)
const stepsPerDay = 288
/** The level follows a lasting change within days. */
const levelKeep = keep(4 * stepsPerDay)
/** Dispersion is a trait of the series and changes slowly. */
const dispersionKeep = keep(7 * stepsPerDay)
/** A slot of the week gets six visits in a week; a profile of a month. */
const weekKeep = keep(6 * 4)
const dayKeep = keep(6 * 14)
const activeKeep = keep(7 * stepsPerDay)
/**
 * How many steps the coarser profile counts for beside what was seen: the variance of a step over that between slots,
 * as shares (credibility; H. Bühlmann, 1967). Slots differ from the coarser profile by about a third. Bounds keep a
 * single step from being believed, and the profile from never being learned.
 */
const slotVariance = 0.1
const leanLeast = 0.5
const leanMost = 6
/** Before anything was seen: counts of half again as much as Poisson at 20 a step, for so many steps. */
const dispersionBefore = 0.05
const dispersionWeight = 50
/** No series is as regular as this: relative deviations below 10 % are no news. */
const dispersionLeast = 0.01
const winsorAt = 3

export interface SeasonalCountsState {
  readonly steps: number
  /** Share of the steps of the last week in which there was anything to count. */
  readonly active: number
  readonly level: readonly [sum: number, weight: number]
  readonly dispersion: readonly [sum: number, weight: number]
  /** Pairs of sum and weight. */
  readonly day: ReadonlyArray<number>
  readonly week: ReadonlyArray<number>
}

export interface ExpectedCount {
  readonly mean: number
  /** The variance is `mean + dispersion × mean²`. */
  readonly dispersion: number
}

export class SeasonalCounts {
  steps: number
  active: number
  private levelSum: number
  private levelWeight: number
  private dispersionSum: number
  private dispersionSeen: number
  private readonly day: Array<number>
  private readonly week: Array<number>

  constructor(state?: SeasonalCountsState) {
    this.steps = state?.steps ?? 0
    this.active = state?.active ?? 0
    this.levelSum = state?.level[0] ?? 0
    this.levelWeight = state?.level[1] ?? 0
    this.dispersionSum = state?.dispersion[0] ?? 0
    this.dispersionSeen = state?.dispersion[1] ?? 0
    this.day = [...(state?.day ?? new Array<number>(2 * daySlots).fill(0))]
    this.week = [...(state?.week ?? new Array<number>(2 * weekSlots).fill(0))]
  }

  save(): SeasonalCountsState {
    const short = (value: number) => Number(value.toPrecision(6))
    return {
      steps: this.steps,
      active: short(this.active),
      level: [short(this.levelSum), short(this.levelWeight)],
      dispersion: [short(this.dispersionSum), short(this.dispersionSeen)],
      day: this.day.map(short),
      week: this.week.map(short)
    }
  }

  private level(): number {
    return this.levelWeight > 0 ? this.levelSum / this.levelWeight : 0
  }

  private factor(slot: number): number {
    const d = slot % daySlots
    // The day's profile leans on 1, the level itself.
    const level = Math.max(this.level(), 1e-9)
    const lean = Math.max(leanLeast, Math.min(leanMost, (1 / level + this.dispersion()) / slotVariance))
    const byDay = (this.day[2 * d]! + lean * level) / (this.day[2 * d + 1]! + lean * level)
    const [sum, weight] = [this.week[2 * slot]!, this.week[2 * slot + 1]!]
    return (sum + lean * level * byDay) / (weight + lean * level)
  }

  private dispersion(): number {
    return Math.max(
      dispersionLeast,
      (this.dispersionSum + dispersionWeight * dispersionBefore) / (this.dispersionSeen + dispersionWeight)
    )
  }

  /**
   * `at`: the middle of the step, in local milliseconds. Profiles are read between the middles of their slots, so that
   * ramps are smooth.
   */
  expect(at: number): ExpectedCount {
    const position = (((at + sinceMonday) / slotMs - 0.5) % weekSlots) + weekSlots
    const first = Math.floor(position)
    const part = position - first
    const factor = (1 - part) * this.factor(first % weekSlots) + part * this.factor((first + 1) % weekSlots)
    return { mean: this.level() * factor, dispersion: this.dispersion() }
  }

  /** Takes a count for a part of the normal course. */
  learn(at: number, count: number): void {
    const { dispersion, mean } = this.expect(at)
    const slot = Math.floor((at + sinceMonday) / slotMs) % weekSlots
    const deviation = Math.sqrt(mean + dispersion * mean * mean)
    const isNew = this.steps < 7 * stepsPerDay
    const reach = winsorAt * deviation + 1
    // The first week is all there is to go by: what differs from the little that is known is no outlier.
    const taken = isNew ? count : Math.max(mean - reach, Math.min(mean + reach, count))
    const factor = this.factor(slot)

    // Nor must the level follow days that differ, while the profile does not know that they do.
    const kept = isNew ? 1 : levelKeep
    this.levelSum = this.levelSum * kept + taken
    this.levelWeight = this.levelWeight * kept + factor
    const level = this.level()
    const d = slot % daySlots
    this.day[2 * d] = this.day[2 * d]! * dayKeep + taken
    this.day[2 * d + 1] = this.day[2 * d + 1]! * dayKeep + level
    this.week[2 * slot] = this.week[2 * slot]! * weekKeep + taken
    this.week[2 * slot + 1] = this.week[2 * slot + 1]! * weekKeep + level
    if (this.steps >= stepsPerDay && mean > 0) {
      const off = taken - mean
      const weight = (mean / (1 + mean)) ** 2
      this.dispersionSum = this.dispersionSum * dispersionKeep + (weight * (off * off - mean)) / (mean * mean)
      this.dispersionSeen = this.dispersionSeen * dispersionKeep + weight
    }
    this.steps++
    this.active += Math.max(1 - activeKeep, 1 / this.steps) * ((count > 0 ? 1 : 0) - this.active)
  }

  /** The level is `factor` times what it was thought to be, from now on. */
  rescale(factor: number): void {
    this.levelSum *= factor
  }
}
