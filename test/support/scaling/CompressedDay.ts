/**
 * A day of load in minutes. Days differ as a whole and step by step, and jobs come as Poisson has them.
 *
 * `regular`: a curve with a peak at noon and a step up for the afternoon, which come every day. `rush`: the same, and a
 * spike in the morning of every day. `spike`: that spike on the day that counts only, out of nothing. `flat`: every
 * hour as the others.
 */
import { poisson } from "../scaler/SyntheticLoad.ts"
import type { SeededRandom } from "../SeededRandom.ts"

export const courses = ["regular", "rush", "spike", "flat"] as const
export type Course = (typeof courses)[number]

/** Jobs a second at a part of the day, 0 to 1, as every day has them. */
const usualRate = (part: number, course: Course): number =>
  course === "flat" ? 5.75 : 4.5 - 3 * Math.cos(2 * Math.PI * part) + (part >= 0.65 && part < 0.9 ? 5 : 0)

const spikeFrom = 0.35
const spikeTo = 0.36
/** Of a part of the day from `from` to `to`: the mean over it. */
const spikeRate = (from: number, to = from): number =>
  12 *
  (to > from
    ? Math.max(0, Math.min(to, spikeTo) - Math.max(from, spikeFrom)) / (to - from)
    : from >= spikeFrom && from < spikeTo
      ? 1
      : 0)
/** Standard deviations, of the logarithm: of a day as a whole, and of each step. */
const dayNoise = 0.05
const stepNoise = 0.1

const normal = (random: SeededRandom): number =>
  Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())

export interface DayShape {
  readonly course: Course
  readonly dayMs: number
  readonly stepMs: number
}

/** Means of each step of some days, jobs a second. */
const noisyRates = ({ course, dayMs, stepMs }: DayShape, days: number, random: SeededRandom): ReadonlyArray<number> => {
  const steps = dayMs / stepMs
  return Array.from({ length: days }, () => Math.exp(dayNoise * normal(random))).flatMap((ofDay) =>
    Array.from({ length: steps }, (_, i) => {
      const rush = course === "rush" ? spikeRate(i / steps, (i + 1) / steps) : 0
      return (usualRate((i + 0.5) / steps, course) + rush) * ofDay * Math.exp(stepNoise * normal(random))
    })
  )
}

/** Counts by step of whole days, oldest first. */
export const pastCounts = (shape: DayShape, days: number, random: SeededRandom): ReadonlyArray<number> =>
  noisyRates(shape, days, random).map((rate) => poisson((rate * shape.stepMs) / 1000, random))

export interface Arrival {
  /** From midnight of the day that counts, in milliseconds; what comes before it is negative. */
  readonly at: number
  /** How long the job runs, in milliseconds. */
  readonly ms: number
}

/** Jobs are laid on a grid of this width, in milliseconds. */
const cellMs = 100
const [shortestMs, longestMs] = [1000, 3000]

/** The end of the day before, and the day that counts, in order. The same for the same seed. */
export const arrivalsOf = (shape: DayShape, beforeMs: number, random: SeededRandom): ReadonlyArray<Arrival> => {
  const { course, dayMs, stepMs } = shape
  const rates = noisyRates(shape, 2, random)
  const arrivals: Array<Arrival> = []
  for (let at = -beforeMs; at < dayMs; at += cellMs) {
    const part = at / dayMs
    const rate = rates[Math.floor((at + dayMs) / stepMs)]! + (course === "spike" ? spikeRate(part) : 0)
    for (let count = poisson((rate * cellMs) / 1000, random); count > 0; count--)
      arrivals.push({
        at: at + cellMs * random.next(),
        ms: Math.round(shortestMs + (longestMs - shortestMs) * random.next())
      })
  }
  return arrivals.sort((a, b) => a.at - b.at)
}
