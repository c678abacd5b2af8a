/**
 * Fault: the n-th store call of the process that drives a pipeline's run fails, loses its answer, hangs or is the
 * process's last, for every n. The other faults, and SQLite: `pipeline-crash-points.long.test.ts`. Invariant: the run
 * ends with its result, and each step was stored once and accepted once.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { everyCallOfARun } from "../support/queue/PipelineCrashes.ts"
import { onOneMemory } from "../support/queue/SharedMemory.ts"

describe("a fault at each store call of a pipeline's run, on the memory store", () => {
  for (const fate of ["lose", "exitAfter"] as const) {
    it.effect(
      fate,
      () =>
        Effect.gen(function* () {
          assert.isAtLeast(yield* everyCallOfARun(onOneMemory, fate), 20)
        }),
      60_000
    )
  }
})
