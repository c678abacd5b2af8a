import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs"
import path from "node:path"
import * as CliProcess from "./CliProcess.ts"
import { temporaryFolder } from "./CommandLine.ts"

const limit = { timeout: 120_000 }

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

  it.live(
    "takes over the commands of a map that was killed",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const map = yield* CliProcess.start(folder, [
          "map",
          "-q",
          "-j1",
          "sh -c 'echo $0 >> ledger; while [ ! -e go ]; do sleep 0.02; done'",
          ":::",
          "1",
          "2",
          "3"
        ])
        yield* CliProcess.until(() => existsSync(path.join(folder, "ledger")))
        yield* map.kill("SIGKILL")
        yield* map.ended
        writeFileSync(path.join(folder, "go"), "")
        yield* CliProcess.start(folder, ["worker"])
        yield* CliProcess.until(
          () => new Set(readFileSync(path.join(folder, "ledger"), "utf8").trimEnd().split("\n")).size === 3
        )
      }).pipe(Effect.scoped),
    limit
  )
})

describe("many processes", () => {
  it.live(
    "twenty at once on the file of a working queue: nothing lost, nobody told of a lock",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        yield* CliProcess.run(folder, ["queue", "limit", "computation", "4"])
        const worker = yield* CliProcess.start(folder, ["worker"])
        yield* worker.shows(/Ctrl-C stops it/)
        const calls = Array.from({ length: 20 }, (_, i) =>
          i % 5 === 4
            ? ["queue", "status", "--json"]
            : ["add", "-q", "--retry", "0", "--", "sh", "-c", `echo ${i} >> ledger`]
        )
        const ended = yield* Effect.forEach(calls, (args) => CliProcess.run(folder, args), { concurrency: 20 })
        for (const { code, stderr } of ended) assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: "" })
        assert.strictEqual((yield* CliProcess.run(folder, ["queue", "drain", "-q", "--timeout", "30s"])).code, 0)
        const done = readFileSync(path.join(folder, "ledger"), "utf8")
          .trimEnd()
          .split("\n")
          .map(Number)
          .sort((a, b) => a - b)
        assert.deepStrictEqual(
          done,
          Array.from({ length: 20 }, (_, i) => i).filter((i) => i % 5 !== 4)
        )
      }).pipe(Effect.scoped),
    limit
  )
})
