import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Properties from "../../support/doors/Properties.ts"
import { seeds } from "../../support/SeededRandom.ts"

/** Ten thousand values for each door and seed, fewer seeds in the run that CI makes. */
const values = 10_000
const runs = process.env.SLUICE_LONG === "reduced" ? 1 : 5

describe("ten thousand hostile values", () => {
  for (const seed of seeds(runs)) {
    for (const [door, property] of Object.entries(Properties)) {
      it.effect(
        `at the door of ${door}: refused or the same on every store (seed ${seed})`,
        () => Effect.map(property(seed, values), (taken) => assert.isAbove(taken, values / 20)),
        300_000
      )
    }
  }
})
