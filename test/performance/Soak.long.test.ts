/**
 * `sluice soak` as users run it, with real processes: an accelerated run killed with -9, interrupted and resumed, and a
 * run by the clock whose workers are killed. Reduced: 21,600 jobs instead of 720,000, 20 s instead of 3 min by the
 * clock.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { existsSync, readFileSync } from "node:fs"
import path from "node:path"
import { SoakResult } from "../../src/soak/SoakResult.ts"
import { start } from "../cli/CliProcess.ts"
import { temporaryFolder } from "../cli/CommandLine.ts"
import { isReduced } from "../support/faults/FaultSettings.ts"

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(SoakResult))

describe("sluice soak", () => {
  it.live(
    "goes on after a kill with -9 and after Ctrl-C, loses no job, and reports once more when asked",
    () =>
      Effect.gen(function* () {
        const home = yield* temporaryFolder
        const folder = path.join(home, "soak")
        const first = yield* start(home, [
          "soak",
          "--accelerated",
          `--hours=${isReduced ? 0.06 : 2}`,
          "--sample-every=300ms",
          `--folder=${folder}`
        ])
        yield* first.shows(/[1-9],\d{3} of [0-9,]+ sent/)
        yield* first.kill("SIGKILL")
        yield* first.ended

        const second = yield* start(home, ["soak", "--resume", folder, "--json"])
        yield* second.shows(/ of [0-9,]+ sent/)
        yield* second.kill("SIGINT")
        const ended = yield* second.ended
        assert.strictEqual(ended.code, 130, ended.stderr)
        const half = decode(ended.stdout)
        assert.strictEqual(half.jobs.live, 0)
        assert.isTrue(half.ended)
        assert.isFalse(half.complete)

        const third = yield* (yield* start(home, ["soak", "--resume", folder, "--json"])).ended
        assert.strictEqual(third.code, 0, third.stderr)
        const result = decode(third.stdout)
        assert.strictEqual(result.parts, 3)
        assert.isTrue(result.complete)
        assert.isAbove(result.ledger.followed, result.plan.jobs / 2)
        assert.deepInclude(result.ledger, { lost: 0, impossible: 0 })
        assert.strictEqual(result.jobs.live, 0)
        assert.isTrue(existsSync(path.join(folder, "report.html")))

        // A finished run is only reported again.
        const again = yield* (yield* start(home, ["soak", "--resume", folder, "--json"])).ended
        assert.strictEqual(decode(again.stdout).parts, 3)
      }),
    15 * 60_000
  )

  it.live(
    "kills workers when asked, ends a part in order, and writes a page that needs nothing else",
    () =>
      Effect.gen(function* () {
        const home = yield* temporaryFolder
        const folder = path.join(home, "soak")
        const call = yield* start(home, [
          "soak",
          "--hours=1",
          "--rate=200",
          "--kill-every=2s",
          "--sample-every=500ms",
          `--for=${isReduced ? "20s" : "3m"}`,
          `--folder=${folder}`
        ])
        const { code, stderr } = yield* call.ended
        assert.strictEqual(code, 0, stderr)
        const result = decode(readFileSync(path.join(folder, "report.json"), "utf8"))
        assert.isAtLeast(result.faults.killed, 2)
        assert.strictEqual(result.faults.died, 0)
        assert.isFalse(result.complete)
        assert.strictEqual(result.ledger.lost, 0)
        const page = readFileSync(path.join(folder, "report.html"), "utf8")
        assert.notMatch(page, /<(script|link|img|iframe)|https?:/)
        assert.strictEqual(page.match(/<svg/g)?.length, result.panels.length)
      }),
    15 * 60_000
  )

  it.live(
    "by the clock decides by itself, through kills of its workers and of itself, and tells each decision once",
    () =>
      Effect.gen(function* () {
        const home = yield* temporaryFolder
        const folder = path.join(home, "soak")
        const first = yield* start(home, [
          "soak",
          "--hours=0.2",
          "--rate=40",
          `--kill-every=${isReduced ? "20s" : "90s"}`,
          "--sample-every=1s",
          `--folder=${folder}`
        ])
        yield* first.shows(isReduced ? /^([2-9]\d(\.\d)? s|\d+ min).* sent/m : /^([3-9]|\d\d) min.* sent/m)
        yield* first.kill("SIGKILL")
        yield* first.ended
        const call = yield* start(home, ["soak", "--resume", folder, `--for=${isReduced ? "30s" : "6m"}`, "--json"])
        const { code, stderr, stdout } = yield* call.ended
        assert.strictEqual(code, 0, stderr)
        const result = decode(stdout)
        assert.strictEqual(result.folder, folder)
        assert.deepInclude(result.ledger, { lost: 0, impossible: 0 })
        const { availability, decisions } = result.unattended!
        assert.isAbove(availability!.seconds, isReduced ? 40 : 500)
        assert.isAbove(availability!.enqueue.share, 0.9)
        assert.isAbove(availability!.claim.share, 0.5)
        const by = Map.groupBy(decisions, (decision) => decision.by)
        assert.isAtLeast(by.get("tune")?.length ?? 0, 2)
        assert.isAtLeast(by.get("batches")?.length ?? 0, 2)
        // The first minute of a group is no step of its forecast yet.
        if (!isReduced) assert.isAtLeast(by.get("scaler")?.length ?? 0, 1)
        const kept = decisions.flatMap(({ by, seq }) => (seq === undefined ? [] : [`${by} ${seq}`]))
        assert.strictEqual(new Set(kept).size, kept.length)
        assert.include(
          readFileSync(path.join(folder, "report.txt"), "utf8"),
          `goes on with          sluice soak --resume ${folder}`
        )
      }),
    15 * 60_000
  )
})
