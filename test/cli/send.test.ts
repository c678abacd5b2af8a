/** `job send` to the standard input of a running command. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import path from "node:path"
import * as CliProcess from "./CliProcess.ts"
import * as CommandLine from "./CommandLine.ts"

/** A worker, and a job of it that has begun. */
const running = (script: string) =>
  Effect.gen(function* () {
    const cli = yield* CommandLine.make
    const file = (name: string) => path.join(cli.folder, name)
    const text = (name: string) => (existsSync(file(name)) ? readFileSync(file(name), "utf8") : "")
    yield* CliProcess.start(cli.folder, ["worker"])
    const add = ["add", "-q", "--retry", "0", "--stdin-open", "--", "sh", "-c", `touch begun; ${script}`]
    const id = (yield* cli.call(add)).lines[0]!
    yield* CliProcess.until(() => existsSync(file("begun")))
    return { ...cli, id, text, send: (...words: ReadonlyArray<string>) => cli.call(["job", "send", id, ...words]) }
  })

describe.skipIf(process.platform === "win32")("job send", () => {
  it.live(
    "gives a running command lines, bytes and the end of its input, each when it is sent",
    () =>
      Effect.gen(function* () {
        const { call, folder, id, send, text } = yield* running("read a; echo $a > first; cat > rest; echo over > over")
        const sent = yield* send("yes ü")
        assert.deepStrictEqual([sent.code, sent.stdout, sent.stderr], [0, `${id} was sent 7 bytes\n`, ""])
        yield* CliProcess.until(() => text("first") === "yes ü\n")
        assert.strictEqual((yield* send("-n", "--", "-n")).code, 0)
        const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 251))
        const piped = yield* call(["job", "send", id, "-"], { stdin: bytes })
        assert.strictEqual(piped.code, 0, piped.stderr)
        assert.strictEqual(text("over"), "", "its input is open")
        assert.strictEqual((yield* send("--eof")).code, 0)
        yield* CliProcess.until(() => text("over") === "over\n")
        assert.deepStrictEqual(readFileSync(path.join(folder, "rest")), Buffer.concat([Buffer.from("-n"), bytes]))
        yield* call(["job", "wait", id])
        const left = readdirSync(path.join(folder, "state/sluice/queue.db.outputs"))
        assert.deepStrictEqual(
          left.filter((name) => name.endsWith(".in")),
          []
        )
      }).pipe(Effect.scoped),
    30_000
  )

  it.live(
    "is told when the command has closed its input, or its end was sent",
    () =>
      Effect.gen(function* () {
        const closed = yield* running("exec <&-; touch closed; sleep 60")
        yield* CliProcess.until(() => existsSync(path.join(closed.folder, "closed")))
        // The worker hears a moment later that the command has begun, and until then it could read itself.
        let refused = yield* closed.send("x")
        while (refused.code === 0) refused = yield* closed.send("x")
        assert.strictEqual(refused.code, 6)
        assert.match(refused.stderr, /^sluice: the command of job \w{11} reads no input any more: .*\n$/)
        yield* closed.call(["job", "cancel", closed.id])
      }).pipe(Effect.scoped),
    30_000
  )

  it.live("refuses a job that takes no input, one that does not run, and nothing to send", () =>
    Effect.gen(function* () {
      const { call } = yield* CommandLine.make
      const add = (...words: ReadonlyArray<string>) =>
        Effect.map(call(["add", "-q", ...words, "--", "cat"]), ({ lines }) => lines[0]!)
      const plain = yield* call(["job", "send", yield* add(), "x"])
      assert.deepStrictEqual([plain.code, plain.stderr.includes("takes no input; add it with --stdin-open")], [6, true])
      const waiting = yield* call(["job", "send", yield* add("--stdin-open"), "x"])
      assert.deepStrictEqual([waiting.code, waiting.stderr.includes("is pending, not running")], [6, true])
      assert.strictEqual((yield* call(["job", "send", "last"])).code, 2)
      assert.strictEqual((yield* call(["add", "--stdin", "--stdin-open", "--", "cat"])).code, 2)
    }).pipe(Effect.scoped)
  )

  it.live(
    "reaches the command of run, and the next attempt of a job anew",
    () =>
      Effect.gen(function* () {
        const { call, folder } = yield* CommandLine.make
        const begun = (n: number) => existsSync(path.join(folder, `begun-${n}`))
        const script = "touch begun-$SLUICE_ATTEMPT; read a; echo got $a; exit $a"
        const args = ["run", "-q", "--retry", "1", "--stdin-open", "--", "sh", "-c", script]
        const run = yield* CliProcess.start(folder, args)
        yield* CliProcess.until(() => begun(1))
        assert.strictEqual((yield* call(["job", "send", "last", "3"])).code, 0)
        yield* CliProcess.until(() => begun(2))
        assert.strictEqual((yield* call(["job", "send", "last", "0"])).code, 0)
        const { code, stdout } = yield* run.ended
        assert.deepStrictEqual([code, stdout], [0, "got 3\ngot 0\n"])
      }).pipe(Effect.scoped),
    30_000
  )
})
