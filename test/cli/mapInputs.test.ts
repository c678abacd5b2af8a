/**
 * Input of `sluice map` as people have it, through the launcher: pipes that stay open, lists that go on, bytes, hostile
 * strings.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import path from "node:path"
import { hostileStrings } from "../support/hostile/HostileBytes.ts"
import * as CliProcess from "./CliProcess.ts"
import { temporaryFolder } from "./CommandLine.ts"

const limit = { timeout: 120_000 }

describe("the input of sluice map", () => {
  it.live(
    "is worked on as it comes: the first line is done before the second is there",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const map = yield* CliProcess.start(folder, ["map", "-q", "echo got {}"], {
          input: "a\n",
          inputStaysOpen: true
        })
        yield* map.shows(/got a/)
        map.child.stdin!.write("b\n")
        yield* map.shows(/got b/)
        map.child.stdin!.end("c")
        const { code, stdout } = yield* map.ended
        assert.deepStrictEqual([code, stdout], [0, "got a\ngot b\ngot c\n"])
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "that never ends is left by Ctrl-C, and gone on with as far as it is the same",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const args = ["map", "-j1", "sh -c 'echo $0 >> ledger; echo $0'"]
        const first = yield* CliProcess.start(folder, args, { input: "1\n2\n3\n", inputStaysOpen: true })
        yield* first.shows(/3\n/)
        yield* first.kill("SIGINT")
        const { code, stderr } = yield* first.ended
        assert.strictEqual(code, 130)
        assert.match(stderr, /3 are done, and the input had not ended; the same command goes on with the rest/)
        const second = yield* CliProcess.run(folder, args, { input: "1\n2\nthree\n4\n" })
        assert.strictEqual(second.code, 0)
        assert.match(second.stderr, /going on where the last run stopped: 3 are done/)
        assert.match(second.stderr, /from line 3 on the input is another than that of the last run/)
        assert.strictEqual(readFileSync(path.join(folder, "ledger"), "utf8"), "1\n2\n3\nthree\n4\n")
        assert.deepStrictEqual(readdirSync(path.join(folder, "state/sluice/maps")), [])
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "of a killed map is gone on with, and what it left in the queue for other lines never runs",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const args = ["map", "-q", "-j1", "--", "sh", "-c", "echo $0 >> ledger; while [ ! -e go ]; do sleep 0.02; done"]
        const killed = yield* CliProcess.start(folder, args, { input: "1\n2\n3\n4\n", inputStaysOpen: true })
        yield* CliProcess.until(() => existsSync(path.join(folder, "ledger")))
        yield* killed.kill("SIGKILL")
        yield* killed.ended
        writeFileSync(path.join(folder, "go"), "")
        const again = yield* CliProcess.run(folder, args, { input: "1\n2\nother\n" })
        assert.strictEqual(again.code, 0)
        const lines = readFileSync(path.join(folder, "ledger"), "utf8").trimEnd().split("\n")
        assert.deepStrictEqual(lines.sort(), ["1", "1", "2", "other"])
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "that became another list twice has none of its lines taken for one of the list before",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const ledger = () => readFileSync(path.join(folder, "ledger"), "utf8").trimEnd().split("\n")
        const script = "echo $1 >> ledger; case $1 in wait*) while [ ! -e go ]; do sleep 0.02; done ;; esac"
        // A command that names its slot waits for one outside the queue.
        const args = ["map", "-q", "-j1", "--", "sh", "-c", script, "{%}", "{}"]
        for (const [input, last] of [
          ["1\n2\n3\nwait\n", "wait"],
          ["1\nwait-again\nthree\nfour\n", "wait-again"]
        ] as const) {
          const killed = yield* CliProcess.start(folder, args, { input })
          yield* CliProcess.until(() => existsSync(path.join(folder, "ledger")) && ledger().at(-1) === last)
          yield* killed.kill("SIGKILL")
          yield* killed.ended
        }
        writeFileSync(path.join(folder, "go"), "")
        const again = yield* CliProcess.run(folder, args, { input: "1\nwait-again\nthree\nfour\n" })
        assert.strictEqual(again.code, 0)
        assert.deepStrictEqual(ledger(), ["1", "2", "3", "wait", "wait-again", "wait-again", "three", "four"])
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "comes from a pipe with a name, from --from - and ::::, and a folder is refused",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        execFileSync("mkfifo", [path.join(folder, "pipe")], { env: { PATH: process.env.PATH } })
        const map = yield* CliProcess.start(folder, ["map", "-q", "-k", "--from", "pipe", "echo"])
        yield* Effect.promise(() =>
          import("node:fs/promises").then(({ writeFile }) => writeFile(path.join(folder, "pipe"), "a\nb\n"))
        )
        assert.deepInclude(yield* map.ended, { code: 0, stdout: "a\nb\n" })
        for (const words of [
          ["--from", "-", "echo"],
          ["--from", "/dev/stdin", "echo"],
          ["echo", "::::", "-"]
        ]) {
          assert.deepInclude(yield* CliProcess.run(folder, ["map", "-q", "-k", ...words], { input: "x\ny\n" }), {
            code: 0,
            stdout: "x\ny\n"
          })
        }
        assert.deepInclude(yield* CliProcess.run(folder, ["map", "--from", ".", "echo"]), { code: 2, stdout: "" })
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "fails a line alone that no command can be made of",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const ended = yield* CliProcess.run(folder, ["map", "-k", "echo"], { input: Buffer.from("a\nb\0b\nc\n") })
        assert.deepInclude(ended, { code: 1, stdout: "a\nc\n" })
        assert.match(
          ended.stderr,
          /1 of 3 failed\n {2}line 2: .*: cannot build the command \(column 2\): the input holds a NUL/
        )
        const records = yield* CliProcess.run(folder, ["map", "-k", "--ndjson", "echo {a}"], {
          input: '{"a":1}\n{"b":2}\nno\n{"a":3}\n'
        })
        assert.deepInclude(records, { code: 1, stdout: "1\n3\n" })
        assert.match(records.stderr, /line 2: .*\{a\}.*the record has no such field/)
        assert.match(records.stderr, /line 3: no: it is not JSON/)
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "arrives byte for byte, also where it is not UTF-8 (a sample; all of it in the long tests)",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const strings = hostileStrings(97, 1).filter((_, i) => i % 6 === 3)
        const input = Buffer.concat(strings.flatMap((text) => [text, Buffer.of(0)]))
        const args = ["map", "-q", "-k", "-0", "--shell", "printf '%s' {} | od -An -v -tx1 | tr -d ' \\n'; echo"]
        const { code, stdout } = yield* CliProcess.run(folder, args, { input })
        assert.strictEqual(code, 0)
        assert.deepStrictEqual(
          stdout.trimEnd().split("\n"),
          strings.map((text) => text.toString("hex"))
        )
      }).pipe(Effect.scoped),
    limit
  )
})
