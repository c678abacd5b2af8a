// A day of load on fleets of worker processes: scaled by forecast, scaled without one, and of two fixed sizes; and once more with faults.
//
//   node scripts/evaluate/scaling.ts [folder] [seconds of the day]        (default scaling-figures 1200)
//
// The fleets run side by side, each on a store of its own; their jobs only wait, so that they do not disturb each other. 23 minutes at the default.
// Writes scaling.json, scaling.html and scaling.png to the folder: waits, late jobs, seconds that worker processes lived. A season must be at least
// some 30 steps of 10 s to be found: with less than 300 s the comparison compares nothing.

import { Effect } from "effect"
import { loadavg } from "node:os"
import path from "node:path"
import { Sluice } from "../../src/services/Queue/index.ts"
import { faultFolder } from "../../test/support/faults/FaultFolder.ts"
import { withQueue } from "../../test/support/faults/FaultQueue.ts"
import { slotsMost } from "../../test/support/scaling/ScaledTask.ts"
import { scalingFaults } from "../../test/support/scaling/ScalingFaults.ts"
import { columns, type Figures, rowOf, writeFigures } from "../../test/support/scaling/ScalingFigures.ts"
import { type ScalingFault, scalingRun, type ScalingVariant } from "../../test/support/scaling/ScalingRun.ts"

const [folder = "scaling-figures", seconds = "1200"] = process.argv.slice(2)
const dayMs = Number(seconds) * 1000
const stepMs = 10_000
const startUpMs = 20_000
const objectiveMs = 2000
/** The store keeps so much of steps of 10 s. */
const keptMs = 6 * 3_600_000
/** Of the fleet that meets faults: long enough for each of them to pass. */
const faultyDayMs = 300_000

const day = (dayMs: number, variant: ScalingVariant, faults: ReadonlyArray<ScalingFault> = []) =>
  Effect.gen(function* () {
    const place = yield* faultFolder
    return yield* scalingRun(place, {
      variant,
      course: "spike",
      dayMs,
      stepMs,
      settings: {
        forecast: variant === "predictive",
        minSlots: 2,
        maxSlots: slotsMost,
        stepMs,
        startupMs: startUpMs + 3000,
        waitMs: objectiveMs,
        holdDownMs: 60_000,
        drainMs: 20_000
      },
      startUpMs,
      roundMs: 3000,
      pastDays: Math.floor((keptMs - stepMs) / dayMs),
      beforeMs: 60_000,
      faults,
      seed: 11
    }).pipe(Effect.provide(Sluice.layerPredictiveScaler), withQueue(place))
  }).pipe(Effect.scoped)

const [before] = loadavg()
const [faulty, ...comparison] = await Effect.runPromise(
  Effect.all(
    [
      day(faultyDayMs, "predictive", scalingFaults),
      ...(["predictive", "reactive", 6, 3] as const).map((variant) => day(dayMs, variant))
    ],
    { concurrency: "unbounded" }
  )
)
const [after] = loadavg()
const figures: Figures = { dayMs, objectiveMs, startUpMs, loadAverage: [before!, after!] }
await writeFigures(path.resolve(folder), comparison, [faulty!], figures)
for (const row of [columns, ...comparison.map((result) => rowOf(result, figures))]) console.log(row.join("  "))
