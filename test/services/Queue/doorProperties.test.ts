import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Properties from "../../support/doors/Properties.ts"
import { seeds } from "../../support/SeededRandom.ts"

/** Values for each door and seed; ten thousand in the long suite. */
const values = 1000

describe("hostile values", () => {
  for (const seed of seeds(1)) {
    for (const [door, property] of Object.entries(Properties)) {
      it.effect(`at the door of ${door}: refused or the same on every store (seed ${seed})`, () =>
        Effect.gen(function* () {
          const taken = yield* property(seed, values)
          assert.isAbove(taken, values / 20)
          assert.isAtMost(taken, values)
        })
      )
    }
  }
})
