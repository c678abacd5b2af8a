/** `map --results`, through the launcher. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import path from "node:path"
import * as CliProcess from "./CliProcess.ts"
import { temporaryFolder } from "./CommandLine.ts"

const script = "echo out $0; echo err $0 >&2; echo $0 >> ran; [ ! -e hold-$0 ] || sleep 60"

describe("sluice map --results", () => {
  it.live(
    "writes each line's outputs into files of their own, prints none, and a run that was killed goes on with what is missing",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const file = (...names: ReadonlyArray<string>) => path.join(folder, "out/1", ...names)
        const words = ["map", "-q", "-j1", "--results", "out", "--", "sh", "-c", script, "{}", ":::", "a", "b/..", "c"]
        writeFileSync(path.join(folder, "hold-c"), "")
        const killed = yield* CliProcess.start(folder, words)
        yield* CliProcess.until(
          () => existsSync(file("b\\_..", "seq")) && existsSync(path.join(file("c"), ".3.stdout.part"))
        )
        yield* killed.kill("SIGKILL")
        yield* killed.ended
        assert.isFalse(existsSync(file("c", "stdout")), "a file has its name once it is whole")
        rmSync(path.join(folder, "hold-c"))
        rmSync(file("a", "stdout"))
        const { code, stderr, stdout } = yield* CliProcess.run(folder, words)
        assert.deepStrictEqual([code, stdout, stderr], [0, "", ""])
        for (const [i, value] of ["a", "b/..", "c"].entries()) {
          const place = value.replace("/", "\\_")
          assert.deepStrictEqual(readdirSync(file(place)).sort(), ["seq", "stderr", "stdout"])
          assert.strictEqual(readFileSync(file(place, "stdout"), "utf8"), `out ${value}\n`)
          assert.strictEqual(readFileSync(file(place, "stderr"), "utf8"), `err ${value}\n`)
          assert.strictEqual(readFileSync(file(place, "seq"), "utf8"), String(i + 1))
        }
        // What was removed ran again, what was there did not.
        const ran = readFileSync(path.join(folder, "ran"), "utf8").trim().split("\n")
        assert.deepStrictEqual(ran.filter((line) => line !== "c").sort(), ["a", "a", "b/.."])
      }).pipe(Effect.scoped),
    60_000
  )

  it.live("says in one line what cannot be written, and exits with 9", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      mkdirSync(path.join(folder, "out"))
      writeFileSync(path.join(folder, "out/1"), "in the way")
      const words = ["map", "-q", "--results", "out", "echo {}", ":::", "a", "b"]
      const { code, stderr } = yield* CliProcess.run(folder, words)
      assert.strictEqual(code, 9, stderr)
      assert.match(
        stderr,
        /^sluice: results cannot be written: .*; what is finished is kept, and the same command goes on\n$/
      )
    }).pipe(Effect.scoped)
  )

  it.live("fails the one line whose name leads out of the folder", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const words = ["map", "--results", "out/{}.txt", "echo {}", ":::", "../../x", "y"]
      const { code, stderr } = yield* CliProcess.run(folder, words)
      assert.strictEqual(code, 1)
      assert.match(stderr, /line 1: .*outside of/)
      assert.strictEqual(readFileSync(path.join(folder, "out/y.txt"), "utf8"), "y\n")
      assert.deepStrictEqual(readdirSync(path.join(folder, "out")).sort(), ["y.txt", "y.txt.err", "y.txt.seq"])
    }).pipe(Effect.scoped)
  )
})
