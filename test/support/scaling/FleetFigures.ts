/** What days of fleets come to: by day as JSON and as a picture, over all of them as a table and as what is met. */
import { Schema } from "effect"
import { Machine } from "../../../src/bench/BenchResult.ts"
import type { Line, Picture } from "../../../src/cli/plot/Picture.ts"
import { type Course, courses } from "./CompressedDay.ts"
import {
  type Cell,
  type FleetDay,
  lateAfterMs,
  pastDaysOf,
  policies,
  type Policy,
  startUpMs
} from "./FleetComparison.ts"

const FleetFigures = Schema.Struct({
  policy: Schema.Literals(policies),
  jobs: Schema.Int,
  /** Jobs that waited longer than `lateAfterMs`. */
  late: Schema.Int,
  waitMs: Schema.Struct({ p50: Schema.Finite, p95: Schema.Finite, p99: Schema.Finite }),
  workerSeconds: Schema.Finite,
  decisions: Schema.Int
})

/** One day of one course, under each policy. */
export const CellFigures = Schema.Struct({
  course: Schema.Literals(courses),
  seed: Schema.Int,
  dayMs: Schema.Finite,
  /** Live processes; false: on paper. */
  live: Schema.Boolean,
  startUpMs: Schema.Finite,
  lateAfterMs: Schema.Finite,
  /** Days that were loaded as roll-ups before. */
  pastDays: Schema.Int,
  machine: Machine,
  startedAt: Schema.String,
  /** Of the machine, over the last minute, at the begin and at the end. */
  loadAverage: Schema.Tuple([Schema.Finite, Schema.Finite]),
  fleets: Schema.Array(FleetFigures)
})
export type CellFigures = typeof CellFigures.Type

const quantile = (sorted: ReadonlyArray<number>, level: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(level * sorted.length))] ?? 0

export const figuresOf = ({ decisions, jobs, policy, waits, workerSeconds }: FleetDay): typeof FleetFigures.Type => {
  const sorted = waits.map(({ waitMs }) => waitMs).sort((a, b) => a - b)
  return {
    policy,
    jobs,
    late: sorted.filter((ms) => ms > lateAfterMs).length,
    waitMs: { p50: quantile(sorted, 0.5), p95: quantile(sorted, 0.95), p99: quantile(sorted, 0.99) },
    workerSeconds,
    decisions
  }
}

const dayShownMs = 86_400_000
const tones = ["forecast", "second", "third", "actual"] as const
const bins = 120

/** Arrivals, processes and late jobs through the day, the day as if it had 24 hours. */
export const pictureOf = ({ course, dayMs, seed }: Cell, days: ReadonlyArray<FleetDay>): Picture => {
  const shown = (at: number) => (at / dayMs) * dayShownMs
  const width = dayMs / bins
  const counted = (waits: FleetDay["waits"]): Line["points"] => {
    const counts = new Array<number>(bins).fill(0)
    for (const { at } of waits) counts[Math.min(bins - 1, Math.max(0, Math.floor(at / width)))]!++
    return counts.map((count, i) => [shown(i * width), count / (width / 1000)] as const)
  }
  const lines = (points: (day: FleetDay) => Line["points"]) =>
    days.map((day, i): Line => ({ name: day.policy, tone: tones[i]!, steps: true, points: points(day) }))
  return {
    title: `A fleet through a day of load: ${course}, seed ${seed}`,
    notes: [
      `A day in ${dayMs / 1000} s, ${pastDaysOf(dayMs)} such days recorded before it. A process takes ${startUpMs / 1000} s to be ready; a job that waits longer than ${lateAfterMs / 1000} s is late.`
    ],
    from: 0,
    to: dayShownMs,
    timeZone: "UTC",
    panels: [
      {
        title: "Arrivals",
        unit: "jobs a second",
        bands: [],
        lines: [{ name: "arrived", tone: "actual", steps: true, points: counted(days[0]!.waits) }]
      },
      {
        title: "Worker processes",
        unit: "from their start to their end",
        bands: [],
        lines: lines(({ processes }) => processes.map(([at, count]) => [shown(at), count] as const))
      },
      {
        title: "Late jobs",
        unit: "a second",
        bands: [],
        lines: lines(({ waits }) => counted(waits.filter(({ waitMs }) => waitMs > lateAfterMs)))
      }
    ]
  }
}

/**
 * What the forecast is to bring against reaction: this part of its late jobs, for this part of its worker-seconds at
 * most.
 */
const lateMost = 0.8
const secondsMost = 1.05

const sumOf = (cells: ReadonlyArray<CellFigures>, policy: Policy) => {
  const fleets = cells.flatMap((cell) => cell.fleets.filter((fleet) => fleet.policy === policy))
  const total = (of: (fleet: (typeof fleets)[number]) => number) => fleets.reduce((sum, fleet) => sum + of(fleet), 0)
  return { jobs: total(({ jobs }) => jobs), late: total(({ late }) => late), seconds: total((f) => f.workerSeconds) }
}

/** Of one course, over its seeds: late jobs and worker-seconds relative to reaction. */
export const comparedWith = (cells: ReadonlyArray<CellFigures>, course: Course, policy: Policy) => {
  const own = cells.filter((cell) => cell.course === course)
  const [one, reaction] = [sumOf(own, policy), sumOf(own, "reaction")]
  const late = reaction.late === 0 ? (one.late === 0 ? 1 : Number.POSITIVE_INFINITY) : one.late / reaction.late
  const seconds = one.seconds / reaction.seconds
  const isNoneLate = one.late === 0 && reaction.late === 0
  return {
    days: own.length,
    lateShare: one.late / Math.max(1, one.jobs),
    workerSeconds: one.seconds / Math.max(1, own.length),
    late,
    seconds,
    isMet: seconds <= secondsMost && (late <= (course === "flat" ? 1 : lateMost) || isNoneLate)
  }
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`

/** A line for each policy of each course that has days. */
export const table = (cells: ReadonlyArray<CellFigures>): ReadonlyArray<string> => [
  "course    policy        days  late      worker-s  late/reaction  s/reaction",
  ...courses.flatMap((course) =>
    cells.some((cell) => cell.course === course)
      ? policies.map((policy) => {
          const { days, isMet, late, lateShare, seconds, workerSeconds } = comparedWith(cells, course, policy)
          const verdict = policy.startsWith("forecast") ? (isMet ? "  pays" : "  does not pay") : ""
          return `${course.padEnd(9)} ${policy.padEnd(13)} ${String(days).padStart(4)}  ${percent(lateShare).padStart(8)}  ${workerSeconds.toFixed(0).padStart(8)}  ${late.toFixed(2).padStart(13)}  ${seconds.toFixed(3).padStart(10)}${verdict}`
        })
      : []
  )
]
