/** Two simulated hours of each contention over many seeds: the figures of docs/decisions/0012-tuning-and-routing.md. */
import { assert, describe, it } from "@effect/vitest"
import * as Contention from "../../../support/queue/Contention.ts"
import { seeds } from "../../../support/SeededRandom.ts"

const runs = process.env.SLUICE_LONG === "reduced" ? 20 : 100
const hour = 3600
const [eight, thirteen, thirty] = [8, 13, 30].map(Contention.connections) as [
  Contention.Contention,
  Contention.Contention,
  Contention.Contention
]

const sorted = (values: ReadonlyArray<number>) => [...values].sort((a, b) => a - b)
const middle = (values: ReadonlyArray<number>) => sorted(values)[values.length >> 1]!

const scenarios: ReadonlyArray<{
  readonly name: string
  readonly at: (second: number) => Contention.Contention
  readonly workers?: number
  readonly max?: number
  /** Of what the best fixed number would bring, in the worst run. */
  readonly least: number
}> = [
  { name: "lock", at: () => Contention.lock, least: 0.9 },
  { name: "thrashing", at: () => Contention.thrashing, least: 0.9 },
  { name: "13 connections", at: () => thirteen, least: 0.9 },
  { name: "no contention", at: () => Contention.free, least: 0.9 },
  { name: "serial part, up to 200", at: () => Contention.serialPart, max: 200, least: 0.6 },
  { name: "8, then 30 connections", at: (second) => (second < hour ? eight : thirty), least: 0.5 },
  { name: "30, then 8 connections", at: (second) => (second < hour ? thirty : eight), least: 0.5 },
  { name: "thrashing, 2 workers", at: () => Contention.thrashing, workers: 2, least: 0.8 },
  { name: "thrashing, 4 workers", at: () => Contention.thrashing, workers: 4, least: 0.8 },
  { name: "13 connections, 2 workers", at: () => thirteen, workers: 2, least: 0.8 },
  { name: "13 connections, 4 workers", at: () => thirteen, workers: 4, least: 0.8 }
]

describe("tuned concurrency over many seeds", () => {
  it("completes nearly as much as the best fixed number, and is calm", () => {
    const rows = scenarios.map(({ at, least, max = 60, name, workers = 1 }) => {
      const results = seeds(runs).map((seed) =>
        Contention.simulate(at, { bounds: { min: 1, max, tune: true }, seconds: 2 * hour, seed, workers })
      )
      const ratios = results.map(({ ratio }) => ratio)
      const moves = results.map(({ hourly }) => hourly[1]!)
      const worst = Math.min(...ratios)
      return {
        name,
        median: middle(ratios),
        worst,
        least,
        moves: middle(moves),
        most: Math.max(...moves)
      }
    })
    for (const row of rows)
      console.log(
        `${row.name}: median ${row.median.toFixed(3)}, worst ${row.worst.toFixed(3)} of the best fixed number; ` +
          `changes in the second hour: median ${row.moves}, most ${row.most}`
      )
    for (const { least, name, worst } of rows) assert.isAtLeast(worst, least, name)
  })
})
