/**
 * A fleet of worker processes on one SQLite file, scaled by its forecast, in whose day much goes wrong: the host's
 * clock jumps, the leader is killed and stands still, the store is locked. What is asserted holds on any machine; waits
 * are compared by `npm run test:fleets`.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Sluice } from "../../src/services/Queue/index.ts"
import { faultFolder } from "../support/faults/FaultFolder.ts"
import { withQueue } from "../support/faults/FaultQueue.ts"
import { isReduced } from "../support/faults/FaultSettings.ts"
import { slotsMost } from "../support/scaling/ScaledTask.ts"
import { scalingFaults } from "../support/scaling/ScalingFaults.ts"
import { scalingRun } from "../support/scaling/ScalingRun.ts"

const stepMs = 10_000
const dayMs = isReduced ? 10_000 : 300_000
const slotsLeast = 2

describe("a scaled fleet of processes", () => {
  it.live(
    "loses no job and keeps its bounds through jumps of the clock, the leader's death, and a store that stands still",
    () =>
      Effect.gen(function* () {
        const folder = yield* faultFolder
        const result = yield* scalingRun(folder, {
          variant: "predictive",
          course: "spike",
          dayMs,
          stepMs,
          settings: { minSlots: slotsLeast, maxSlots: 10, stepMs, startupMs: 2000, waitMs: 1000, holdDownMs: 8000 },
          startUpMs: 500,
          roundMs: 1000,
          pastDays: 5,
          beforeMs: 0,
          faults: scalingFaults,
          seed: 11
        }).pipe(Effect.provide(Sluice.layerPredictiveScaler), withQueue(folder))
        assert.strictEqual(result.completed, result.jobs, "every job has completed")
        assert.strictEqual(result.doubled, 0, "no job is run by two at once")
        assert.lengthOf(result.faults, scalingFaults.length)
        assert.isAtLeast(new Set(result.leaders).size, 2, `leaders: ${result.leaders.join(", ")}`)
        for (const { running } of result.samples) assert.isAtMost(running, slotsMost)
        assert.isAtLeast(result.decisions.length, 1)
        for (const { to } of result.decisions) {
          assert.isAtLeast(to, slotsLeast)
          assert.isAtMost(to, 10)
        }
      }).pipe(Effect.scoped)
  )
})
