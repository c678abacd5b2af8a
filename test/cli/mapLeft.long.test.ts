/**
 * A map that goes on after it was killed: what others did to its jobs and logs meanwhile costs no line and no output.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import path from "node:path"
import { temporaryFolder } from "./CommandLine.ts"
import * as CliProcess from "./CliProcess.ts"

const limit = { timeout: 60_000 }

const outputsOf = (folder: string) => path.join(folder, "state/sluice/queue.db.outputs")

/** Starts a map, kills it when its file is there, and waits until none of its commands lives. */
const killedAt = (folder: string, args: ReadonlyArray<string>, file: string) =>
  Effect.scoped(
    Effect.gen(function* () {
      const map = yield* CliProcess.start(folder, args)
      yield* CliProcess.until(() => existsSync(path.join(folder, file)))
      yield* map.kill("SIGKILL")
      yield* map.ended
    })
  )

const states = (folder: string) =>
  Effect.map(CliProcess.run(folder, ["job", "ls", "--json", "--oldest"]), ({ stdout }) =>
    stdout
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line).state)
  )

const removeLogs = (folder: string) => {
  const logs = readdirSync(outputsOf(folder))
  assert.isAbove(logs.length, 0)
  for (const name of logs) rmSync(path.join(outputsOf(folder), name), { recursive: true })
}

describe("a map that was killed and goes on", () => {
  it.live(
    "runs a line again whose job another process gave up, while another command has the lane of that job",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const args = ["map", "-q", "--shell", "touch started; test -e go || sleep 100; echo did {}", ":::", "a"]
        yield* killedAt(folder, args, "started")
        yield* CliProcess.run(folder, ["worker", "--once", "-q"])
        assert.deepStrictEqual(yield* states(folder), ["failed"])
        writeFileSync(path.join(folder, "go"), "")
        yield* CliProcess.start(folder, ["run", "-q", "--shell", "--", "touch taken; sleep 100"])
        yield* CliProcess.until(() => existsSync(path.join(folder, "taken")))
        assert.deepInclude(yield* CliProcess.run(folder, args), { code: 0, stdout: "did a\n" })
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "runs a line again whose output is not kept any more, and prints what has none once",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        // The first line is printed first, so those behind it have ended and are not recorded when the map is killed.
        const program = [
          "case {} in",
          "1) test -e go || { while [ ! -e ended ]; do sleep 0.02; done; touch kill; sleep 100; };;",
          "2) echo two >&1;;",
          "3) echo three; exit 3;;",
          "4) touch ended;;",
          "esac; echo {} >> ran"
        ].join(" ")
        const args = ["map", "-q", "-k", "-j1", "--shell", program, ":::", "1", "2", "3", "4"]
        yield* killedAt(folder, args.toSpliced(3, 1, "-j2"), "kill")
        removeLogs(folder)
        writeFileSync(path.join(folder, "go"), "")
        const { stdout } = yield* CliProcess.run(folder, args.toSpliced(3, 1, "-j2"))
        assert.strictEqual(stdout, "two\nthree\n")
      }).pipe(Effect.scoped),
    limit
  )
})
