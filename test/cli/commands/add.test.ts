import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { writeFileSync } from "node:fs"
import path from "node:path"
import * as CommandLine from "../CommandLine.ts"

const commandsIn = (cli: CommandLine.CommandLine, ids: ReadonlyArray<string>) =>
  Effect.forEach(ids, (id) =>
    Effect.map(cli.json(["job", "get", id, "--json"]), ([job]) => job.payload.command as ReadonlyArray<string>)
  )

describe("sluice add", () => {
  it.live("tells of a group that it makes, once, and of the one that may have been meant", () =>
    Effect.gen(function* () {
      const cli = yield* CommandLine.make
      const first = yield* cli.call(["add", "-g", "netwrok", "--", "true"])
      assert.strictEqual(first.code, 0)
      assert.match(
        first.stderr,
        /^sluice: group netwrok is new, 5 of its jobs run at a time \(.*queue limit netwrok N\)\. Did you mean "network"\?$/m
      )
      for (const args of [["-g", "netwrok"], ["-g", "network"], []])
        assert.notInclude((yield* cli.call(["add", ...args, "--", "true"])).stderr, "is new")
      assert.notInclude((yield* cli.call(["add", "-q", "-g", "other", "--", "true"])).stderr, "is new")
    }).pipe(Effect.scoped)
  )

  it.live("splits one quoted line into words and leaves several words alone", () =>
    Effect.gen(function* () {
      const cli = yield* CommandLine.make
      const added = (...words: ReadonlyArray<string>) =>
        Effect.flatMap(cli.call(["add", "--", ...words]), ({ lines }) => commandsIn(cli, lines))
      assert.deepStrictEqual(yield* added("echo 'a  b' c\\ d {}"), [["echo", "a  b", "c d", "{}"]])
      assert.deepStrictEqual(yield* added("echo {}"), [["echo", "{}"]])
      assert.deepStrictEqual(
        yield* added("'./my prog'"),
        [["'./my prog'"]].map(() => ["./my prog"])
      )
      assert.deepStrictEqual(yield* added("echo", "a  b"), [["echo", "a  b"]])
    }).pipe(Effect.scoped)
  )

  it.live("refuses a line that needs a shell or leaves a quote open, in one line with the remedy", () =>
    Effect.gen(function* () {
      const cli = yield* CommandLine.make
      for (const [line, says] of [
        ["echo a | wc -l", /no shell reads \| .*--shell/],
        ["echo $HOME", /no shell reads \$/],
        ["echo 'a b", /never closed/],
        ["  ", /the command is empty/]
      ] as const) {
        const { code, stderr, stdout } = yield* cli.call(["add", "--", line])
        assert.deepStrictEqual([code, stdout], [2, ""], line)
        assert.match(stderr, says)
        assert.strictEqual(stderr.split("\n").length, 2)
      }
    }).pipe(Effect.scoped)
  )

  it.live("adds a job per line of a file or of standard input, in order, and all or none", () =>
    Effect.gen(function* () {
      const cli = yield* CommandLine.make
      writeFileSync(path.join(cli.folder, "list"), "echo one\n\n  echo 'two words'\r\necho three")
      const { lines } = yield* cli.call(["add", "--from", "list"])
      assert.deepStrictEqual(yield* commandsIn(cli, lines), [
        ["echo", "one"],
        ["echo", "two words"],
        ["echo", "three"]
      ])
      const filled = yield* cli.call(["add", "--from", "-", "gzip -k -- {}"], { stdin: "a b\n$(c)\n" })
      assert.deepStrictEqual(yield* commandsIn(cli, filled.lines), [
        ["gzip", "-k", "--", "a b"],
        ["gzip", "-k", "--", "$(c)"]
      ])
      const shell = yield* cli.call(["add", "--shell", "--from", "-"], { stdin: "echo a | wc -l\n" })
      assert.deepStrictEqual(yield* commandsIn(cli, shell.lines), [["sh", "-c", "echo a | wc -l"]])

      const before = (yield* cli.json(["job", "ls", "--json"])).length
      const refused = yield* cli.call(["add", "--from", "-"], { stdin: "echo fine\necho 'open\n" })
      assert.strictEqual(refused.code, 2)
      assert.match(refused.stderr, /^sluice: - line 2: .*never closed/)
      for (const [flags, says] of [
        [["--from", "missing"], /missing cannot be read/],
        [["--from", "list", "--key", "k"], /--key/],
        [["--from", "list", "--stdin"], /--stdin/],
        [["--from", "-"], /nothing was added/]
      ] as const) {
        assert.match((yield* cli.call(["add", ...flags])).stderr, says)
      }
      assert.strictEqual((yield* cli.json(["job", "ls", "--json"])).length, before)
    }).pipe(Effect.scoped)
  )

  it.live("stores a thousand lines in one transaction", () =>
    Effect.gen(function* () {
      const cli = yield* CommandLine.make
      const stdin = Array.from({ length: 1000 }, (_, i) => `echo ${i}`).join("\n")
      const { lines } = yield* cli.call(["add", "--from", "-"], { stdin })
      assert.strictEqual(new Set(lines).size, 1000)
      const [first, last] = yield* commandsIn(cli, [lines[0]!, lines[999]!])
      assert.deepStrictEqual(
        [first, last],
        [
          ["echo", "0"],
          ["echo", "999"]
        ]
      )
    }).pipe(Effect.scoped)
  )
})
