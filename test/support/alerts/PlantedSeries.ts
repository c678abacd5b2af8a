/**
 * Series of steps of five minutes as queues have them, made from a seed: curves of day and week, a level that wanders
 * from day to day and hour to hour, overdispersed counts, lone outliers that are nobody's incident; and incidents
 * planted in them at known times.
 */
import type { SeededRandom } from "../SeededRandom.ts"

export const stepMs = 300_000
const stepsPerDay = 288

export type IncidentKind = "drop" | "surge" | "slow growth" | "failure burst" | "shifted day"

export interface Incident {
  readonly kind: IncidentKind
  /** First step and the step after the last. */
  readonly from: number
  readonly to: number
}

export interface Step {
  readonly at: number
  readonly arrivals: number
  readonly attempts: number
  readonly failed: number
  /** p95 of the run times, in milliseconds; undefined with nothing to measure. */
  readonly runMs: number | undefined
}

export interface PlantedSeries {
  readonly steps: ReadonlyArray<Step>
  readonly incidents: ReadonlyArray<Incident>
}

export interface SeriesOptions {
  readonly weeks: number
  /** Mean arrivals of a step. */
  readonly perStep: number
  /** Of the counts: their variance is `mean + dispersion × mean²`. */
  readonly dispersion: number
  /** Weeks without incidents at the start. */
  readonly quietWeeks: number
  readonly incidents: boolean
}

const gaussian = (random: SeededRandom): number =>
  Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())

/** Marsaglia and Tsang (2000), with the boost for shapes below 1. */
const gamma = (random: SeededRandom, shape: number): number => {
  if (shape < 1) return gamma(random, shape + 1) * (1 - random.next()) ** (1 / shape)
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const x = gaussian(random)
    const v = (1 + c * x) ** 3
    if (v > 0 && Math.log(1 - random.next()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v
  }
}

/** By multiplication for small means (Knuth), by the normal approximation beyond. */
export const poisson = (random: SeededRandom, mean: number): number => {
  if (mean > 60) return Math.max(0, Math.round(mean + Math.sqrt(mean) * gaussian(random)))
  const limit = Math.exp(-mean)
  let product = 1 - random.next()
  let count = 0
  while (product > limit) {
    product *= 1 - random.next()
    count++
  }
  return count
}

const negativeBinomial = (random: SeededRandom, mean: number, dispersion: number): number =>
  mean <= 0 ? 0 : poisson(random, dispersion <= 0 ? mean : gamma(random, 1 / dispersion) * dispersion * mean)

/** Hours and depth of each kind; drawn evenly between the two. */
const durations: Readonly<Record<IncidentKind, readonly [number, number]>> = {
  drop: [1, 4],
  surge: [1, 4],
  "slow growth": [8, 14],
  "failure burst": [0.75, 2],
  "shifted day": [24, 24]
}

const kinds = Object.keys(durations) as ReadonlyArray<IncidentKind>

const plan = (random: SeededRandom, options: SeriesOptions): ReadonlyArray<Incident & { readonly size: number }> => {
  if (!options.incidents) return []
  const planted: Array<Incident & { readonly size: number }> = []
  // One about every two days, in turn of kinds from a random start, never two at a time.
  let kind = random.below(kinds.length)
  let at = options.quietWeeks * 7 * stepsPerDay + random.below(stepsPerDay)
  for (;;) {
    const [least, most] = durations[kinds[kind]!]
    const steps = Math.round((least + (most - least) * random.next()) * 12)
    const from = kinds[kind] === "shifted day" ? Math.ceil(at / stepsPerDay) * stepsPerDay : at
    if (from + steps + stepsPerDay > options.weeks * 7 * stepsPerDay) return planted
    planted.push({ kind: kinds[kind]!, from, to: from + steps, size: random.next() })
    at = from + steps + stepsPerDay + random.below(stepsPerDay)
    kind = (kind + 1) % kinds.length
  }
}

export const plantedSeries = (random: SeededRandom, options: SeriesOptions): PlantedSeries => {
  const incidents = plan(random, options)
  const phase = random.next() * 2 * Math.PI
  const [first, second, weekend] = [0.6 + 0.5 * random.next(), 0.3 * random.next(), 0.45 + 0.5 * random.next()]
  const raw = (step: number) => {
    const day = ((step % stepsPerDay) / stepsPerDay) * 2 * Math.PI
    const isWeekend = Math.floor(step / stepsPerDay) % 7 >= 5
    return (
      Math.exp(first * Math.sin(day + phase) + second * Math.sin(2 * day + 1.7 * phase)) * (isWeekend ? weekend : 1)
    )
  }
  let sum = 0
  for (let i = 0; i < 7 * stepsPerDay; i++) sum += raw(i)
  const scale = (options.perStep * 7 * stepsPerDay) / sum
  const baseRunMs = 50 * 10 ** (2 * random.next())
  const usualShare = 0.002 + 0.02 * random.next()

  const steps: Array<Step> = []
  let dayLevel = 0
  let hourLevel = 0
  let runLevel = 0
  for (let i = 0; i < options.weeks * 7 * stepsPerDay; i++) {
    if (i % stepsPerDay === 0) dayLevel = 0.08 * gaussian(random)
    // Wanders over hours: a deviation of 8 % with a correlation time of 3 hours.
    hourLevel = hourLevel * (1 - 1 / 36) + 0.08 * Math.sqrt(2 / 36) * gaussian(random)
    runLevel = runLevel * (1 - 1 / 36) + 0.1 * Math.sqrt(2 / 36) * gaussian(random)
    const incident = incidents.find(({ from, to }) => i >= from && i < to)
    const isKind = (kind: IncidentKind) => incident?.kind === kind
    const size = incident?.size ?? 0
    const shift = isKind("shifted day") ? Math.round((4 + 3 * size) * 12) : 0
    const within = Math.floor(i / stepsPerDay) * stepsPerDay + ((i + shift) % stepsPerDay)
    let mean = scale * raw(within) * Math.exp(dayLevel + hourLevel)
    if (isKind("drop")) mean = 0
    if (isKind("surge")) mean *= 2 + size
    // A lone step of three to six times as much, twice a week: what a client that retries does, and no incident.
    if (incident === undefined && random.chance(2 / (7 * stepsPerDay))) mean *= 3 + 3 * random.next()
    const arrivals = negativeBinomial(random, mean, options.dispersion)
    const share = isKind("failure burst") ? 0.2 + 0.3 * size : usualShare * gamma(random, 4) * 0.25
    let failed = 0
    const rare = arrivals * share
    if (arrivals > 200) failed = Math.min(arrivals, poisson(random, rare))
    else for (let j = 0; j < arrivals; j++) if (random.chance(share)) failed++
    const growth = isKind("slow growth")
      ? Math.log(1.8 + 1.2 * size) * Math.min(1, (1.25 * (i - incident!.from)) / (incident!.to - incident!.from))
      : 0
    const hour = 0.15 * Math.sin(((i % stepsPerDay) / stepsPerDay) * 2 * Math.PI + phase)
    // The p95 of n log-normal times of deviation 0.5: its own deviation is 0.5 × 2.11 / √n.
    const noise = arrivals === 0 ? 0 : ((0.5 * 2.11) / Math.sqrt(arrivals)) * gaussian(random)
    steps.push({
      at: i * stepMs,
      arrivals,
      attempts: arrivals,
      failed,
      runMs: arrivals < 3 ? undefined : baseRunMs * Math.exp(hour + runLevel + growth + noise)
    })
  }
  return { steps, incidents: incidents.map(({ from, kind, to }) => ({ from, kind, to })) }
}
