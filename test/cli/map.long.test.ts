import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readFileSync, statSync } from "node:fs"
import path from "node:path"
import * as CliProcess from "./CliProcess.ts"
import { temporaryFolder } from "./CommandLine.ts"

const lines = process.env.SLUICE_LONG === "reduced" ? 500 : 2000
const slots = 3

describe("sluice map", () => {
  it.live(`killed with -9 half-way through ${lines} lines finishes the rest and repeats at most what was running`, () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const ledger = path.join(folder, "ledger")
      const args = ["map", "-q", "-j", String(slots), "sh -c 'echo $0 >> ledger'"]
      const input = Array.from({ length: lines }, (_, i) => `${i + 1}\n`).join("")
      // No line is shorter than two bytes, so that half of the file is no more than half of the lines.
      const whole = Array.from({ length: lines }, (_, i) => `${i + 1}\n`).join("").length
      const first = yield* CliProcess.start(folder, args, { input })
      yield* CliProcess.until(() => existsSync(ledger) && statSync(ledger).size >= whole / 2)
      yield* first.kill("SIGKILL")
      yield* first.ended
      const before = readFileSync(ledger, "utf8").trimEnd().split("\n").length
      assert.isBelow(before, lines)
      const second = yield* CliProcess.run(folder, args, { input })
      assert.deepInclude(second, { code: 0, stderr: "" })
      const done = readFileSync(ledger, "utf8").trimEnd().split("\n")
      assert.strictEqual(new Set(done).size, lines)
      assert.isAtMost(done.length - lines, slots)
    }).pipe(Effect.scoped)
  )
})
