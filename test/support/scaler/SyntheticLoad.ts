/**
 * Load made up for tests and for looking at: counts with a day and a week in them, and a store file that remembers them
 * as roll-ups.
 */
import { DatabaseSync } from "node:sqlite"
import type { RollUpWidth } from "../../../src/services/Queue/index.ts"
import { pack, Recorder } from "../../../src/services/Queue/policy/Histogram.ts"
import { SeededRandom } from "../SeededRandom.ts"

const hour = 3_600_000
const day = 24 * hour

/** Of one Poisson number: by counting below 50, by its normal limit above. */
export const poisson = (mean: number, random: SeededRandom): number => {
  if (mean > 50) {
    const normal = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal))
  }
  const end = Math.exp(-mean)
  let count = 0
  for (let product = random.next(); product > end; product *= random.next()) count++
  return count
}

export interface LoadShape {
  /** Start of the first step, milliseconds since 1970. */
  readonly start: number
  readonly stepMs: RollUpWidth
  readonly steps: number
  /** Mean count of a step. */
  readonly mean: number
  readonly seed?: number
  /** Twice the load for a quarter of an hour at nine each day (UTC). */
  readonly rush?: boolean
}

/** The rate of a step: two times the mean in the afternoon, little at night, half on week-ends (UTC). */
export const rateAt = (at: number, { mean, rush = false }: Pick<LoadShape, "mean" | "rush">): number => {
  const hours = (at % day) / hour
  const daily = 1 + 0.8 * Math.sin(((hours - 8) / 24) * 2 * Math.PI)
  const weekday = new Date(at).getUTCDay()
  const weekend = weekday === 0 || weekday === 6 ? 0.5 : 1
  return mean * daily * weekend * (rush && hours >= 9 && hours < 9.25 ? 2 : 1)
}

/** Arrivals step by step: Poisson about `rateAt`, the same for the same shape. */
export const syntheticCounts = (shape: LoadShape): ReadonlyArray<number> => {
  const random = new SeededRandom(shape.seed ?? 1)
  return Array.from({ length: shape.steps }, (_, i) => poisson(rateAt(shape.start + i * shape.stepMs, shape), random))
}

export interface StoredLoad {
  readonly group: string
  readonly task: string
  readonly stepMs: RollUpWidth
  readonly start: number
  /** Undefined: nobody was there, neither producer nor worker. */
  readonly counts: ReadonlyArray<number | undefined>
  /** How long every attempt ran, in milliseconds. */
  readonly runMs: number
}

const packed = (millis: number, count: number): string => {
  const recorder = new Recorder()
  if (count > 0) recorder.record(millis, count)
  const { buckets, count: n, max, sum } = recorder.snapshot()
  return JSON.stringify([n, sum, max, pack(buckets)])
}

/**
 * Writes into a store file, of the present schema and used by nobody else now, what its roll-ups would hold after such
 * a load.
 */
export const storeLoad = (file: string, { counts, group, runMs, start, stepMs, task }: StoredLoad): void => {
  const db = new DatabaseSync(file)
  try {
    db.exec("BEGIN")
    db.prepare("INSERT OR IGNORE INTO resource_group(name, declared) VALUES (?, 10)").run(group)
    db.prepare("INSERT OR IGNORE INTO lane(task, resource_group) VALUES (?, ?)").run(task, group)
    const lane = db.prepare("SELECT id FROM lane WHERE task = ? AND resource_group = ?").get(task, group) as {
      id: number
    }
    const cell = db.prepare(
      "INSERT OR REPLACE INTO roll_up(width, start, lane, counts, wait, run) VALUES (?, ?, ?, ?, ?, ?)"
    )
    const beat = db.prepare(
      "INSERT OR REPLACE INTO resource_roll_up(width, start, beats, cpu, rss, heap, loop_delay, busy) VALUES (?, ?, 6, 0.2, 1e8, 5e7, 1, 2)"
    )
    for (const [i, count] of counts.entries()) {
      if (count === undefined) continue
      const at = start + i * stepMs
      beat.run(stepMs, at)
      if (count === 0) continue
      cell.run(
        stepMs,
        at,
        lane.id,
        JSON.stringify([count, count, count, 0, 0, 0, 0, 0, 0]),
        packed(5, count),
        packed(runMs, count)
      )
    }
    db.exec("COMMIT")
  } finally {
    db.close()
  }
}
