import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Sluice } from "../../../../src/services/Queue/index.ts"
import { seeds } from "../../../support/SeededRandom.ts"
import { poolSteps } from "./poolSteps.ts"

describe("a pool of objects", () => {
  for (const seed of seeds(process.env.SLUICE_LONG === "reduced" ? 1 : 5)) {
    it.effect(`never hands an object out twice, whatever is interrupted (1,000,000 random steps, seed ${seed})`, () =>
      Effect.gen(function* () {
        const { existing, existingMost, interrupted, max, stats } = yield* poolSteps(seed, 1_000_000)
        assert.strictEqual(stats.held + stats.waiting + existing, 0)
        assert.isAtMost(existingMost, max)
        assert.isAbove(Math.min(stats.handedOut, stats.waited, interrupted), 10_000)
      }).pipe(Effect.provide(Sluice.layerMemoryOptimizer))
    )
  }
})
