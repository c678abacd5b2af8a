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

  it.live("spreads the jobs of --from over a time, in their order", () =>
    Effect.gen(function* () {
      const cli = yield* CommandLine.make
      const { lines } = yield* cli.call(["add", "--from", "-", "--spread", "10m", "--in", "1h"], {
        stdin: "echo a\necho b\necho c\necho d\n"
      })
      const dues = yield* Effect.forEach(lines, (id) =>
        Effect.map(cli.json(["job", "get", id, "--json"]), ([job]) => Date.parse(job.dueAt))
      )
      assert.deepStrictEqual(
        dues.map((due) => due - dues[0]!),
        [0, 150_000, 300_000, 450_000]
      )
    }).pipe(Effect.scoped)
  )

  it.live("keeps calls of a key together with --debounce, until the last one or --max-delay", () =>
    Effect.gen(function* () {
      const cli = yield* CommandLine.make
      const call = (...more: ReadonlyArray<string>) =>
        cli.call(["add", "--key", "k", "--debounce", "10m", ...more, "--", "true"])
      const [first] = (yield* call()).lines
      const job = Effect.map(cli.json(["job", "get", first!, "--json"]), ([found]) => found)
      const waits = Effect.map(job, ({ dueAt, enqueuedAt }) => Date.parse(dueAt) - Date.parse(enqueuedAt))
      assert.isAtMost(yield* waits, 600_000)
      const second = yield* call("--max-delay", "10m")
      assert.deepStrictEqual(second.lines, [first])
      assert.match(second.stderr, /^sluice: the waiting job of this key took this one's place$/m)
      assert.strictEqual(yield* waits, 600_000, "no later than ten minutes after the first call")
      yield* call()
      assert.isAbove(yield* waits, 600_000)
    }).pipe(Effect.scoped)
  )

  it.live("says with --keep how long a job stays, state by state", () =>
    Effect.gen(function* () {
      const cli = yield* CommandLine.make
      const added = (...flags: ReadonlyArray<string>) =>
        Effect.flatMap(cli.call(["add", ...flags, "--", "true"]), ({ lines }) =>
          Effect.map(cli.json(["job", "get", lines[0]!, "--json"]), ([job]) => job.retention)
        )
      const none = { ageMs: 0 }
      assert.strictEqual(yield* added(), null)
      assert.deepStrictEqual(yield* added("--keep", "none"), { completed: none, failed: none, cancelled: none })
      assert.deepStrictEqual(yield* added("--keep", "completed=none", "--keep", "failed=1h30m"), {
        completed: none,
        failed: { ageMs: 5_400_000 }
      })
      assert.deepStrictEqual(yield* added("--keep", "1d", "--keep", "failed=none"), {
        completed: { ageMs: 86_400_000 },
        failed: none,
        cancelled: { ageMs: 86_400_000 }
      })
      const { stdout } = yield* cli.call(["job", "get", "last"])
      assert.match(stdout, /^stays +completed 1 d; failed no history; cancelled 1 d$/m)
      yield* cli.call(["worker", "--once", "-q"])
      assert.strictEqual((yield* cli.json(["job", "ls", "--json"])).length, 2, "those without history are gone")
    }).pipe(Effect.scoped)
  )

  it.live("refuses in one line what of these contradicts itself, and adds nothing", () =>
    Effect.gen(function* () {
      const cli = yield* CommandLine.make
      for (const [flags, says] of [
        [["--spread", "1m"], /--spread is for the many jobs of --from/],
        [["--debounce", "5s"], /--debounce needs a --key/],
        [["--max-delay", "5s", "--key", "k"], /--max-delay limits what --debounce puts off/],
        [["--debounce", "5s", "--max-delay", "4s", "--key", "k"], /--max-delay is 4s; expected at least the 5s/],
        [["--debounce", "5s", "--in", "4s", "--key", "k"], /--debounce says when already/],
        [["--keep", "forever"], /none or a time like 1h/],
        [["--keep", "running=1h"], /none or a time like 1h/],
        [["--keep", "=1h"], /none or a time like 1h/],
        [["--keep", "failed="], /none or a time like 1h/]
      ] as const) {
        const { code, stderr, stdout } = yield* cli.call(["add", ...flags, "--", "true"])
        assert.deepStrictEqual([code, stdout], [2, ""], flags.join(" "))
        assert.match(stderr, says)
        assert.strictEqual(stderr.split("\n").length, 2, stderr)
      }
      assert.deepStrictEqual(yield* cli.json(["job", "ls", "--json"]), [])
    }).pipe(Effect.scoped)
  )
})
