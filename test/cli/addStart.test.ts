/** `sluice add --start`: the first command of a queue begins its worker. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import path from "node:path"
import * as CliProcess from "./CliProcess.ts"
import { temporaryFolder } from "./CommandLine.ts"

describe("add --start", () => {
  it.live(
    "begins a worker when none is alive and no second one, and lasts beyond the call",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const sluice = (...args: ReadonlyArray<string>) => CliProcess.run(folder, args)
        yield* Effect.addFinalizer(() => Effect.asVoid(sluice("worker", "stop", "-q")))
        const first = yield* sluice("add", "-q", "--start", "--shell", "--", "echo one >> out")
        assert.deepInclude(first, { code: 0, stderr: "" })
        assert.strictEqual((yield* sluice("job", "wait", first.stdout.trim(), "--timeout", "30s")).code, 0)
        const second = yield* sluice("add", "--start", "--shell", "--", "echo two >> out")
        assert.notInclude(second.stderr, "no worker is alive")
        assert.strictEqual((yield* sluice("job", "wait", second.stdout.trim(), "--timeout", "30s")).code, 0)
        assert.strictEqual(readFileSync(path.join(folder, "out"), "utf8"), "one\ntwo\n")
        assert.lengthOf((yield* sluice("worker", "ls", "-q")).stdout.trim().split("\n"), 1)
      }).pipe(Effect.scoped),
    { timeout: 60_000 }
  )

  it.live("is refused for a store that no other process can open", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const { code, stderr, stdout } = yield* CliProcess.run(folder, [
        "--store",
        "memory:",
        "add",
        "--start",
        "--",
        "true"
      ])
      assert.deepStrictEqual([code, stdout], [2, ""])
      assert.match(stderr, /memory: lives in one process; name a file with --store/)
    }).pipe(Effect.scoped)
  )
})
