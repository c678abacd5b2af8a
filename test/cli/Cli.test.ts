import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Argument, Command, Completions, Flag } from "effect/cli"
import { respell } from "../../src/cli/FlagSpelling.ts"
import { splitArguments, callersFolder } from "../../src/cli/Invocation.ts"
import * as CommandLine from "./CommandLine.ts"

/** The machine may be busy. */
const limit = { timeout: 60_000 }

const oneLine = (stderr: string) => assert.match(stderr, /^[^\n]+\n$/)

describe("the command line", () => {
  it.live("says in one line that a command cannot be loaded, and with --verbose why", () =>
    Effect.gen(function* () {
      const { call } = yield* CommandLine.make
      const load = () => Promise.reject(new Error("no module here\nand more", { cause: new Error("the disk") }))
      const commands = [{ group: "All", commands: [{ name: "broken", summary: "is not there", load }] }]
      const plain = yield* call(["broken"], { commands })
      assert.deepStrictEqual([plain.code, plain.stdout], [1, ""])
      oneLine(plain.stderr)
      assert.include(plain.stderr, "sluice: the command broken cannot be loaded (no module here)")
      const { stderr } = yield* call(["broken", "--verbose"], { commands })
      assert.include(stderr, "the disk")
    })
  )

  it.live(
    "shows every command in --help and ends with 0",
    () =>
      Effect.gen(function* () {
        const { call } = yield* CommandLine.make
        for (const args of [["--help"], []]) {
          const { code, stderr, stdout } = yield* call(args)
          assert.strictEqual(code, 0)
          assert.strictEqual(stderr, "")
          for (const name of [
            "run",
            "add",
            "map",
            "enqueue",
            "worker",
            "job",
            "queue",
            "dlq",
            "db",
            "doctor",
            "config",
            "completions",
            "demo",
            "bench"
          ]) {
            assert.match(stdout, new RegExp(`^  ${name} `, "m"))
          }
        }
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "says its version",
    () =>
      Effect.gen(function* () {
        const { call } = yield* CommandLine.make
        assert.deepInclude(yield* call(["--version"]), { code: 0, stdout: "sluice 1.2.3\n" })
      }).pipe(Effect.scoped),
    limit
  )

  for (const [args, said] of [
    [["jbo"], /unknown command "jbo"\. Did you mean "job"\?/],
    [["job", "lss"], /unknown command "lss"\. Did you mean ls\?/],
    [["job", "ls", "--sate", "failed"], /unknown flag "--sate"\. Did you mean --state\?/],
    [["job", "ls", "--state", "fialed"], /"fialed" does not fit --state: .*Did you mean "failed"\?/],
    [["job", "get"], /<job> is missing/],
    [["job", "get", "not-an-id"], /"not-an-id" does not fit <job>: a job.s id as/],
    [["job", "get", "00000000001", "x"], /"x" is one word too many/],
    [["run"], /no command; write it after --, as in sluice run -- make test/],
    [["run", "--timeout", "5", "--", "true"], /"5" does not fit --timeout: 5 needs a unit/],
    [["run", "--priority", "high", "--", "true"], /"high" does not fit --priority/],
    [["add", "--at", "tomorrow", "--", "true"], /"tomorrow" does not fit --at/],
    [["add", "--at", "2026-07-01T09:30:00Z", "--in", "5m", "--", "true"], /--at and --in both say when/],
    [["add", "--priority", "11", "--", "true"], /priority is 11; expected 1 \(first\) to 10/],
    [["add", "-g", "no group", "--", "true"], /group is "no group"; expected letters/],
    [["map", "echo 'x", ":::", "a"], /a ' is never closed/],
    [["map", "-j", "10001", "echo", ":::", "a"], /"10001" does not fit --jobs: at most 10000/],
    [["map", "--halt", "now", "echo", ":::", "a"], /"now" does not fit --halt: never, or soon or now with fail=N/],
    [["worker", "-g", "network"], /"network" does not fit --group: GROUP=N, like network=20/],
    [["queue", "limit", "network", "none"], /"none" is no limit; expected 1 to 100000/],
    [["job", "cancel"], /say which jobs to cancel: their ids, or a filter/],
    [["job", "edit", "00000000001"], /nothing to change; give --payload/],
    [["--store", "postgres://x", "job", "ls"], /store kind "postgres:" \(--store\) is not known here/],
    [["worker", "stop", "--all", "yes"], /"yes" does not fit <pid>/],
    [["completions", "tcsh"], /"tcsh" does not fit <shell>/]
  ] as ReadonlyArray<readonly [ReadonlyArray<string>, RegExp]>) {
    it.live(
      `answers "sluice ${args.join(" ")}" with one line and exit code 2`,
      () =>
        Effect.gen(function* () {
          const { call } = yield* CommandLine.make
          const { code, stderr, stdout } = yield* call(args)
          assert.match(stderr, said)
          oneLine(stderr)
          assert.strictEqual(stdout, "")
          assert.strictEqual(code, 2)
        }).pipe(Effect.scoped),
      limit
    )
  }

  it.live(
    "names the subcommands of a noun that is called alone, with exit code 2",
    () =>
      Effect.gen(function* () {
        const { call } = yield* CommandLine.make
        const { code, stderr, stdout } = yield* call(["queue"])
        assert.strictEqual(code, 2)
        assert.strictEqual(stdout, "")
        assert.match(stderr, /status[\s\S]*sluice queue: say what to do/)
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "never prints a stack, but its cause with --verbose",
    () =>
      Effect.gen(function* () {
        const { call } = yield* CommandLine.make
        const plain = yield* call(["job", "get", "00000000001"])
        assert.deepInclude(plain, {
          code: 3,
          stderr: "sluice: No job 00000000001: it never existed, or retention removed it\n"
        })
        const verbose = yield* call(["--verbose", "job", "get", "00000000001"])
        assert.match(verbose.stderr, /JobNotFound/)
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "makes hostile words safe in its errors",
    () =>
      Effect.gen(function* () {
        const { call } = yield* CommandLine.make
        for (const word of ["\x1b]0;pwned\x07", "__proto__", "a\0b", "\u202egnp.exe"]) {
          const { code, stderr } = yield* call([word])
          assert.strictEqual(code, 2)
          oneLine(stderr)
          assert.notMatch(stderr, CommandLine.control)
        }
      }).pipe(Effect.scoped),
    limit
  )
})

describe("splitArguments", () => {
  const split = (...words: ReadonlyArray<string>) => splitArguments(words)

  it("takes inputs after ::: verbatim, for map only", () => {
    assert.deepStrictEqual(split("map", "echo", ":::", "-j4", "--", ":::"), {
      words: ["map", "echo"],
      inputs: [":::", "-j4", "--", ":::"]
    })
    assert.deepStrictEqual(split("run", "--", "echo", ":::", "a"), {
      words: ["run", "--", "echo", ":::", "a"],
      inputs: undefined
    })
    assert.deepStrictEqual(split("map", "--", "echo", ":::", "a").inputs, [":::", "a"])
    assert.deepStrictEqual(split("map", "echo", "::::", "f", ":::+", "a").inputs, ["::::", "f", ":::+", "a"])
    assert.deepStrictEqual(split("--store", "map", "run", "--", "map", ":::", "a").inputs, undefined)
    assert.deepStrictEqual(split("--store", "run", "map", "echo", ":::", "a").inputs, [":::", "a"])
  })
})

describe("respell", () => {
  const map = Command.make("map", {
    keep: Flag.Boolean("keep").pipe(Flag.withAlias("k"), Flag.withDefault(false)),
    jobs: Flag.Int("jobs").pipe(Flag.withAlias("j")),
    words: Argument.String("words").pipe(Argument.variadic())
  })
  const root = Completions.fromCommand(
    Command.make("sluice").pipe(
      Command.withSubcommands([map, Command.make("noun").pipe(Command.withSubcommands([map]))])
    )
  )
  const spelled = (...words: ReadonlyArray<string>) => respell(words, root)

  it("takes -j4 apart and leaves what follows -- alone", () => {
    assert.deepStrictEqual(spelled("map", "-j4", "--", "make", "-j8"), ["map", "-j", "4", "--", "make", "-j8"])
    assert.deepStrictEqual(spelled("noun", "map", "-j4"), ["noun", "map", "-j", "4"])
    assert.deepStrictEqual(spelled("map", "-j=4", "-k", "--jobs=4"), ["map", "-j=4", "-k", "--jobs=4"])
  })

  it("keeps a word like true or 1 after a switch as an argument", () => {
    assert.deepStrictEqual(spelled("map", "-k", "true", "1"), ["map", "-k=true", "true", "1"])
    assert.deepStrictEqual(spelled("map", "--keep", "YES"), ["map", "--keep=true", "YES"])
    assert.deepStrictEqual(spelled("map", "-qk", "no"), ["map", "-qk=true", "no"])
    assert.deepStrictEqual(spelled("map", "--jobs", "1", "-q", "echo"), ["map", "--jobs", "1", "-q", "echo"])
  })
})

describe("callersFolder", () => {
  it("follows INIT_CWD through npm start of this package, and nowhere else", () => {
    const npm = { npm_lifecycle_event: "start", npm_package_name: "sluice", INIT_CWD: "/caller" }
    assert.strictEqual(callersFolder(npm, "/package"), "/caller")
    assert.strictEqual(callersFolder({ ...npm, npm_lifecycle_event: "build" }, "/package"), "/package")
    assert.strictEqual(callersFolder({ ...npm, npm_package_name: "other" }, "/package"), "/package")
    assert.strictEqual(callersFolder({}, "/here"), "/here")
  })
})
