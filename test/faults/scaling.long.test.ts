/**
 * A fleet of worker processes on one SQLite file under a day of load that goes by in minutes, with a step and a spike: scaled, scaled without a
 * forecast, and with a fixed number of slots. What is asserted holds on any machine; waits and slots are reported. `SLUICE_SCALING_OUT=folder`
 * writes the figures as JSON and the curves as an HTML page; `node scripts/evaluate/scaling.ts` does so at full length.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Sluice } from "../../src/services/Queue/index.ts"
import { faultFolder } from "../support/faults/FaultFolder.ts"
import { withQueue } from "../support/faults/FaultQueue.ts"
import { isReduced } from "../support/faults/FaultSettings.ts"
import { writeFigures } from "../support/scaling/ScalingFigures.ts"
import { type ScalingResult, scalingRun, slotsLeast } from "../support/scaling/ScalingRun.ts"
import { slotsMost } from "../support/scaling/ScaledTask.ts"

const dayMs = isReduced ? 10_000 : Number(process.env.SLUICE_SCALING_DAY_S ?? 120) * 1000
const variants = isReduced ? (["scaled"] as const) : (["scaled", "reactive", "fixed"] as const)

const run = (variant: ScalingResult["variant"], faults: boolean) =>
  Effect.gen(function* () {
    const folder = yield* faultFolder
    return yield* scalingRun(folder, { variant, dayMs, faults, seed: 11 }).pipe(
      Effect.provide(Sluice.layerPredictiveScaler),
      withQueue(folder)
    )
  }).pipe(Effect.scoped)

const keepsItsWord = (result: ScalingResult) => {
  assert.strictEqual(result.completed, result.jobs, "every job has completed")
  for (const { running } of result.samples) assert.isAtMost(running, slotsMost)
  for (const { running, to } of result.decisions) {
    assert.isAtLeast(to, slotsLeast)
    // With a fixed number there is nothing to decide but to drain to it.
    if (result.variant !== "fixed") assert.isAtLeast(to, Math.min(running, slotsMost), "no fewer slots than jobs run")
    assert.isAtMost(to, slotsMost)
  }
}

describe("a scaled fleet of processes", () => {
  const results: Array<ScalingResult> = []
  for (const variant of variants) {
    it.live(`completes every job of a day: ${variant}`, () =>
      Effect.gen(function* () {
        const result = yield* run(variant, false)
        results.push(result)
        keepsItsWord(result)
        assert.strictEqual(result.repeated, 0, "no job loses its slot")
        if (variant !== "fixed") assert.isAtLeast(result.decisions.length, 1)
        const { jobs, slotSeconds, waitP50Ms, waitP95Ms } = result
        console.log(JSON.stringify({ variant, jobs, waitP50Ms, waitP95Ms, slotSeconds }))
        if (process.env.SLUICE_SCALING_OUT !== undefined) writeFigures(process.env.SLUICE_SCALING_OUT, dayMs, results)
      })
    )
  }

  it.live("goes on under another leader when the first is killed, and after a store that stood still", () =>
    Effect.gen(function* () {
      const result = yield* run("scaled", true)
      keepsItsWord(result)
      assert.isAtLeast(new Set(result.leaders).size, 2, `leaders: ${result.leaders.join(", ")}`)
    })
  )
})
