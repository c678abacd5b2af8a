/**
 * Forecasting pays where days resemble each other, and costs nothing where they have no shape: on paper, by the
 * scaler's own decisions. Live fleets take hours:
 * `npm run test:fleets -- FOLDER --live`. Reduced: one day with a rush instead of five days of three courses.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { spawnSync } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import path from "node:path"
import { temporaryFolder } from "../cli/CommandLine.ts"
import { isReduced } from "../support/faults/FaultSettings.ts"
import type { Course } from "../support/scaling/CompressedDay.ts"
import { CellFigures, comparedWith } from "../support/scaling/FleetFigures.ts"

const program = path.join(import.meta.dirname, "Fleets.ts")
const decode = Schema.decodeUnknownSync(Schema.fromJsonString(CellFigures))
const courses: ReadonlyArray<Course> = isReduced ? ["rush"] : ["regular", "rush", "flat"]

const call = (folder: string) =>
  spawnSync(process.execPath, [program, folder, `--seeds=${isReduced ? 1 : 5}`, `--courses=${courses.join(",")}`], {
    encoding: "utf8",
    env: { PATH: process.env.PATH }
  })

describe("fleets of processes that take a minute to be ready", () => {
  it.live(
    "need fewer processes with a forecast, and for as many have fewer late jobs than by reacting",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const { status, stderr } = call(folder)
        assert.strictEqual(status, 0, stderr)
        const cells = readdirSync(folder)
          .filter((name) => name.endsWith(".json"))
          .map((name) => decode(readFileSync(path.join(folder, name), "utf8")))
        for (const course of courses) {
          const same = comparedWith(cells, course, "forecast")
          const careful = comparedWith(cells, course, "forecast 1 %")
          const told = JSON.stringify({ course, same, careful })
          assert.isAtMost(same.lateShare, 0.05, told)
          assert.isAtMost(same.seconds, course === "flat" ? 1.02 : 0.95, told)
          assert.isTrue(careful.isMet, told)
        }
        const again = call(folder)
        assert.strictEqual(again.stdout, readFileSync(path.join(folder, "summary.txt"), "utf8"))
      }),
    30 * 60_000
  )

  it("asks for a folder and a day that is long enough, in one line", () => {
    const { status, stderr } = spawnSync(process.execPath, [program, "--day=10"], {
      encoding: "utf8",
      env: { PATH: process.env.PATH }
    })
    assert.strictEqual(status, 2)
    assert.match(stderr, /^expected FOLDER, .*\n$/)
  })
})
