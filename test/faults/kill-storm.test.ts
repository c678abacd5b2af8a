/**
 * Fault: worker processes on one file are killed with -9. Invariant: no acknowledged job is lost, accepted twice or
 * stuck; a job runs again only where a kill cut it off. Bound: it runs again within L + R + P + 1 s. The whole run is
 * `storms.long.test.ts`.
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { kill, storm } from "../support/faults/Storm.ts"
import { expectNothingLost } from "../support/faults/StormExpectations.ts"

it.live(
  "killed workers lose nothing and double nothing",
  () =>
    Effect.gen(function* () {
      const report = yield* storm({
        jobs: 400,
        seconds: 4,
        everyMs: 1300,
        workers: 2,
        thread: true,
        seed: 1,
        fault: kill
      })
      expectNothingLost("kills", report)
      assert.strictEqual(report.acknowledged, 400)
    }),
  60_000
)
