/**
 * Fault: the n-th store call of the process that drives a pipeline's run fails, loses its answer, hangs or is the
 * process's last, for every n. Invariant: the run ends with its result, and each step was stored once and accepted
 * once.
 *
 * Reduced: on SQLite every seventh call of one fault.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { isReduced } from "../support/faults/FaultSettings.ts"
import { fates } from "../support/queue/CrashPoints.ts"
import { everyCallOfARun } from "../support/queue/PipelineCrashes.ts"
import { onOneMemory } from "../support/queue/SharedMemory.ts"
import { onSqlite } from "../support/queue/SqliteFile.ts"

describe("a fault at each store call of a pipeline's run", () => {
  for (const fate of fates.filter((name) => name !== "lose" && name !== "exitAfter")) {
    it.effect(
      `on the memory store: ${fate}`,
      () =>
        Effect.gen(function* () {
          assert.isAtLeast(yield* everyCallOfARun(onOneMemory, fate), 20)
        }),
      120_000
    )
  }
  for (const fate of isReduced ? (["exitAfter"] as const) : fates) {
    it.effect(
      `on SQLite: ${fate}, the file whole at the end`,
      () => onSqlite((open) => everyCallOfARun(open, fate, isReduced ? 7 : 1)),
      300_000
    )
  }
})
