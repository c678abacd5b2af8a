/**
 * Fault: a process with a heap of 256 MiB is offered ten times what it can sustain, for five minutes, in an open loop.
 *
 * Invariants: it does not run out of memory; whatever is not taken in is refused with a typed reason; every job that
 * was acknowledged is done, none that was refused; and when the load is over, new jobs are taken in again.
 *
 * Reduced: 5 s of load.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { faultFolder } from "../support/faults/FaultFolder.ts"
import { isReduced } from "../support/faults/FaultSettings.ts"

const child = fileURLToPath(new URL("../support/faults/overload.ts", import.meta.url))
const seconds = isReduced ? 5 : 300
const live = isReduced ? 1_000 : 3_000
/** Of a payload: larger ones fill the heap sooner. */
const bytes = isReduced ? 64_000 : 32_000
const typed = new Set(["MemoryShort", "QueueOverloaded"])

const overload = (store: string) =>
  Effect.promise(async () => {
    // Rejects with the signal or exit code of a process that ran out of memory.
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--max-old-space-size=256", child, store, String(seconds), String(live), String(bytes)],
      { maxBuffer: 2 ** 24 }
    )
    console.log(stdout.trim())
    return JSON.parse(stdout)
  })

describe("ten times the sustainable load under a heap cap", () => {
  for (const kind of ["memory", "sqlite"]) {
    it.live(`is refused with a reason, and what was accepted is done (${kind} store)`, () =>
      Effect.gen(function* () {
        const folder = yield* faultFolder
        const result = yield* overload(kind === "memory" ? kind : folder.store)
        assert.deepStrictEqual(
          { lost: result.lost, unasked: result.unasked, openAgain: result.openAgain },
          { lost: 0, unasked: 0, openAgain: true }
        )
        assert.deepStrictEqual(
          Object.keys(result.refused).filter((reason) => !typed.has(reason)),
          []
        )
        // It was ten times as much, less what a machine that is busy with other things takes longer for, and the door
        // was shut.
        assert.isAbove(result.offeredPerSecond, (isReduced ? 2 : 9.5) * result.sustainablePerSecond)
        const refusals = Object.values(result.refused as Record<string, number>)
        assert.isAbove(
          refusals.reduce((sum, count) => sum + count, 0),
          0
        )
      }).pipe(Effect.scoped)
    )
  }
})
