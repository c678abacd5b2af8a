/**
 * What lines of a map have written, printed again by a later run: from their logs, or by running them again where a log
 * has not all of it.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import path from "node:path"
import * as CliProcess from "./CliProcess.ts"
import { temporaryFolder } from "./CommandLine.ts"

const blocks = (text: string) =>
  text
    .match(/1+|2+/g)
    ?.map((block) => `${block[0]} ${block.length}`)
    .sort()

describe.skipIf(process.platform !== "linux")("the outputs of sluice map", () => {
  it.live(
    "are printed once, also of a line that ran again for its output in a run that ended early",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const hold = (line: number) => path.join(folder, `hold-${line}`)
        const finished = () => {
          const maps = path.join(folder, "state/sluice/maps")
          const [record] = existsSync(maps) ? readdirSync(maps).filter((name) => name.endsWith(".map")) : []
          return record === undefined ? 0 : readFileSync(path.join(maps, record), "utf8").split("\n").length - 2
        }
        const script = "head -c 100000 /dev/zero | tr '\\0' $0; while [ -e hold-$0 ]; do sleep 0.02; done"
        const args = ["map", "-q", "-j2", "--", "sh", "-c", script, "{}", ":::", "1", "2"]
        // Less than a line writes.
        const options = { env: { SLUICE_OUTPUT_LIMIT: "64KiB" } }
        writeFileSync(hold(2), "")
        const killed = yield* CliProcess.start(folder, args, options)
        yield* CliProcess.until(() => finished() === 1)
        yield* killed.kill("SIGKILL")
        yield* killed.ended
        writeFileSync(hold(1), "")
        const full = yield* CliProcess.run(folder, args, { ...options, stdout: "/dev/full" })
        assert.strictEqual(full.code, 9, full.stderr)
        rmSync(hold(1))
        rmSync(hold(2))
        const { code, stdout } = yield* CliProcess.run(folder, args, options)
        assert.strictEqual(code, 0)
        assert.deepStrictEqual(blocks(stdout), ["1 100000", "2 100000"])
      }).pipe(Effect.scoped),
    120_000
  )
})
