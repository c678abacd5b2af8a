/** What `sluice job logs` prints of commands, by its flags, and when a log is gone. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readdirSync, rmSync } from "node:fs"
import path from "node:path"
import * as CommandLine from "./CommandLine.ts"

const limit = { timeout: 60_000 }

const program = [
  'echo "try $SLUICE_ATTEMPT"',
  "for i in 1 2 3; do echo out $i; echo err $i >&2; sleep 0.02; done",
  "printf last",
  'test "$SLUICE_ATTEMPT" = 2'
].join("; ")

/** Logs of all jobs, as somebody removes them who needs the room. */
const removeLogs = (folder: string) => {
  const outputs = path.join(folder, "state/sluice/queue.db.outputs")
  for (const name of readdirSync(outputs)) rmSync(path.join(outputs, name), { recursive: true })
}

const both = (logs: { readonly stdout: string; readonly stderr: string }) => [logs.stdout, logs.stderr]

describe("job logs", () => {
  it.live(
    "prints the streams, attempts and lines that are asked for",
    () =>
      Effect.gen(function* () {
        const { call } = yield* CommandLine.make
        assert.strictEqual((yield* call(["run", "-q", "--retry", "1", "--shell", "--", program])).code, 0)
        const logs = (...flags: ReadonlyArray<string>) => Effect.map(call(["job", "logs", "last", ...flags]), both)
        const out = "out 1\nout 2\nout 3\nlast"
        const err = "err 1\nerr 2\nerr 3\n"
        assert.deepStrictEqual(yield* logs(), [`try 2\n${out}`, err])
        assert.deepStrictEqual(yield* logs("-f"), [`try 2\n${out}`, err])
        assert.deepStrictEqual(yield* logs("--attempt", "2"), [`try 2\n${out}`, err])
        assert.deepStrictEqual(yield* logs("--attempt", "1", "--follow"), [`try 1\n${out}`, err])
        assert.deepStrictEqual(yield* logs("--stdout"), [`try 2\n${out}`, ""])
        assert.deepStrictEqual(yield* logs("--stderr"), ["", err])
        assert.deepStrictEqual(yield* logs("--stdout", "--stderr"), [`try 2\n${out}`, err])
        assert.deepStrictEqual(yield* logs("-n", "2", "--stdout"), ["out 3\nlast", ""])
        assert.deepStrictEqual(yield* logs("-n2", "--stderr", "--attempt=1"), ["", "err 2\nerr 3\n"])
        assert.deepStrictEqual(yield* logs("--lines", "0"), ["", ""])
        assert.deepStrictEqual(yield* logs("--lines", "100"), [`try 2\n${out}`, err])
        for (const [flags, code, said] of [
          [["--attempt", "3"], 3, /has no attempt 3; it has 2/],
          [["--attempt", "0"], 2, /--attempt is 0; attempts count from 1/],
          [["--lines=-1"], 2, /--lines is -1; expected 0 or more/]
        ] as const) {
          const refused = yield* call(["job", "logs", "last", ...flags])
          assert.strictEqual(refused.code, code)
          assert.match(refused.stderr, said)
        }
      }),
    limit
  )

  it.live(
    "says that a log is no longer kept, and shows what the job itself has of it",
    () =>
      Effect.gen(function* () {
        const { call, folder } = yield* CommandLine.make
        yield* call(["run", "-q", "--retry", "1", "--shell", "--", program])
        yield* call(["run", "-q", "--retry", "0", "--", "sh", "-c", "echo oops >&2; exit 3"])
        yield* call(["run", "-q", "--retry", "0", "--", "no-such-program"])
        yield* call(["run", "-q", "--", "true"])
        const { lines: ids } = yield* call(["job", "ls", "-q", "--oldest"])
        const logs = (i: number, ...flags: ReadonlyArray<string>) =>
          Effect.map(call(["job", "logs", ids[i]!, ...flags]), both)
        assert.match((yield* logs(2))[1]!, /^sluice: .*command not found/)
        removeLogs(folder)
        const kept = "sluice: its log is no longer kept; this is what the job itself has of it\n"
        assert.deepStrictEqual(yield* logs(0), ["try 2\nout 1\nout 2\nout 3\nlast", `${kept}err 1\nerr 2\nerr 3\n`])
        assert.deepStrictEqual(yield* logs(0, "--attempt", "1"), [
          "",
          "sluice: what attempt 1 wrote, if anything, is no longer kept: the command ended with exit code 1\n"
        ])
        assert.deepStrictEqual(yield* logs(1), ["", `${kept}oops\n`])
        assert.match((yield* logs(2))[1]!, /^sluice: what attempt 1 wrote, if anything, is no longer kept: .*not found/)
        assert.deepStrictEqual(yield* logs(3), ["", ""], "it never wrote anything")
      }),
    limit
  )
})
