/**
 * The tiers' program in its quick form: its results are verified, and memory under load stays within a tenth of the
 * idle worker's. Waits and CPU depend on what else the machine does and are judged by `npm run test:tiers` alone.
 * Reduced: the lowest tier, the worker in a process of its own.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { BenchResult } from "../../src/bench/BenchResult.ts"
import { start } from "../cli/CliProcess.ts"
import { temporaryFolder } from "../cli/CommandLine.ts"
import { isReduced } from "../support/faults/FaultSettings.ts"

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(BenchResult))

const only = isReduced ? "sqlite/tiers/other-process/500" : "sqlite/tiers"

describe("the tiers of steady load", () => {
  it.live("hold their rate, and cost a tenth more memory than idling at most", () =>
    Effect.gen(function* () {
      const home = yield* temporaryFolder
      const bench = yield* start(home, ["bench", `--only=${only}`, "--quick", "--json"])
      const { code, stderr, stdout } = yield* bench.ended
      assert.strictEqual(code, 0, stderr)
      const { failures, figures } = decode(stdout)
      assert.deepStrictEqual(failures, [])
      const memory = figures.filter(({ key }) => key === "rss")
      assert.lengthOf(memory, isReduced ? 1 : 6)
      for (const { label, median } of memory) assert.isBelow(median, 10, label)
    })
  )
})
