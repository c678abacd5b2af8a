/** Everyday control of jobs through the launcher: signals, short ids, what ends with which code. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import path from "node:path"
import * as CliProcess from "./CliProcess.ts"
import * as CommandLine from "./CommandLine.ts"
import { temporaryFolder } from "./CommandLine.ts"
import { cacheHome, launcher } from "../support/cli/Launcher.ts"

const limit = { timeout: 180_000 }

describe("signals", () => {
  it.live(
    "of the caller reach the command of sluice run, once, and it is not retried",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const script = "trap 'echo got INT; exit 3' INT; echo ready; while :; do sleep 0.02; done"
        const run = yield* CliProcess.start(folder, ["run", "--retry", "3", "--shell", "--", script])
        yield* run.shows(/ready/)
        yield* run.kill("SIGINT")
        const { code, stderr, stdout } = yield* run.ended
        assert.deepStrictEqual([code, stdout], [130, "ready\ngot INT\n"])
        assert.match(stderr, /the command was told \(SIGINT\) and has 10s to finish/)
        assert.strictEqual((yield* CliProcess.run(folder, ["job", "ls", "-q", "--state", "running"])).stdout, "")
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "stop, continue and end a command that another process runs",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const script = "trap 'echo got USR1 > signalled; exit 7' USR1; while :; do echo . >> ticks; sleep 0.02; done"
        const run = yield* CliProcess.start(folder, ["run", "--shell", "--", script])
        yield* CliProcess.until(() => existsSync(path.join(folder, "ticks")))
        const job = (...args: ReadonlyArray<string>) => CliProcess.run(folder, ["job", ...args])
        assert.strictEqual((yield* job("pause", "last")).code, 0)
        const ticks = () => readFileSync(path.join(folder, "ticks"), "utf8").length
        const before = ticks()
        assert.match((yield* job("get", "last")).stdout, /process +\d+, stopped/)
        assert.strictEqual(ticks(), before)
        assert.strictEqual((yield* job("resume", "last")).code, 0)
        yield* CliProcess.until(() => ticks() > before)
        assert.strictEqual((yield* job("kill", "-s", "usr1", "last")).code, 0)
        assert.strictEqual((yield* run.ended).code, 7)
        assert.strictEqual(readFileSync(path.join(folder, "signalled"), "utf8"), "got USR1\n")
        assert.deepInclude(yield* job("kill", "last"), { code: 6, stdout: "" })
        assert.match((yield* job("kill", "-s", "FOO", "last")).stderr, /"FOO" does not fit --signal/)
      }).pipe(Effect.scoped),
    limit
  )
})

describe("standard input of sluice run", () => {
  it.live(
    "that is a pipe and is not passed on is told, and is not where --stdin passes it on",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const run = (flags: string) => {
          const env = {
            PATH: process.env.PATH,
            HOME: folder,
            XDG_CACHE_HOME: cacheHome,
            XDG_STATE_HOME: path.join(folder, "state")
          }
          const call = `echo x | "${process.execPath}" "${launcher}" run ${flags} -- cat`
          const { status, stderr, stdout } = spawnSync("sh", ["-c", call], { cwd: folder, encoding: "utf8", env })
          return { status, stderr, stdout }
        }
        const dropped = "sluice: what is piped in is not passed to the command; --stdin passes it on\n"
        assert.deepStrictEqual(run(""), { status: 0, stderr: dropped, stdout: "" })
        assert.deepStrictEqual(run("--stdin"), { status: 0, stderr: "", stdout: "x\n" })
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "that is no terminal is refused by --tty, as is more than one command at a time",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const run = yield* CliProcess.run(folder, ["run", "--tty", "--", "true"])
        const said = "sluice: --tty gives the command the terminal, and standard input is none; leave it out\n"
        assert.deepInclude(run, { code: 2, stderr: said })
        const map = yield* CliProcess.run(folder, ["map", "--tty", "-j", "2", "echo {}", ":::", "a"])
        assert.deepInclude(map, { code: 2, stdout: "" })
      }).pipe(Effect.scoped),
    limit
  )
})

describe("a nested sluice", () => {
  it.live(
    "runs in the slot of its outer job, also where the group is full and paused",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const inner = `"${process.execPath}" "${launcher}"`
        yield* CliProcess.run(folder, ["queue", "limit", "computation", "1"])
        const outer = yield* CliProcess.run(folder, [
          "run",
          "--shell",
          "--",
          `${inner} queue pause computation >&2; ${inner} run -- echo one; ${inner} map -q -k echo ::: two three`
        ])
        assert.deepStrictEqual([outer.code, outer.stdout], [0, "one\ntwo\nthree\n"])
      }).pipe(Effect.scoped),
    limit
  )
})

describe("sluice map -j", () => {
  it.live(
    "raises a limit that nobody set, and one that was set holds and is told",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        // Each waits for all six: they run together or never end.
        const together = "touch go.{}; until [ $(ls go.* | wc -l) = 6 ]; do sleep 0.02; done"
        const inputs = [":::", "1", "2", "3", "4", "5", "6"]
        const raised = yield* CliProcess.run(folder, ["map", "-j", "6", "--shell", together, ...inputs])
        assert.strictEqual(raised.code, 0)
        assert.notMatch(raised.stderr, /was limited/)
        yield* CliProcess.run(folder, ["queue", "limit", "computation", "2"])
        const most = "echo x > $$.now; ls *.now | wc -l; sleep 0.1; rm $$.now; : {}"
        const held = yield* CliProcess.run(folder, ["map", "-j", "6", "--shell", most, ...inputs])
        assert.strictEqual(held.code, 0)
        assert.match(held.stderr, /group computation was limited to 2 at a time over all workers, fewer than -j 6/)
        assert.deepStrictEqual(
          held.stdout.split("\n").filter((count) => Number(count) > 2),
          []
        )
      }).pipe(Effect.scoped),
    limit
  )
})

describe("jobs", () => {
  it.live("are named by their id, its beginning, or last", () =>
    Effect.gen(function* () {
      const { call } = yield* CommandLine.make
      const add = (...args: ReadonlyArray<string>) =>
        Effect.map(call(["add", "-q", ...args, "--", "true"]), ({ lines }) => lines[0]!)
      assert.strictEqual((yield* call(["job", "get", "last"])).code, 3)
      const first = yield* add()
      const second = yield* add("--after", "last")
      const named = (reference: string) => call(["job", "get", "-q", reference])
      assert.deepInclude(yield* named(first), { code: 0, stdout: `${first}\n` })
      assert.deepInclude(yield* named("last"), { code: 0, stdout: `${second}\n` })
      const common = [...first].findIndex((letter, i) => letter !== second[i])
      assert.deepInclude(yield* named(second.slice(0, common + 1)), { code: 0, stdout: `${second}\n` })
      const both = yield* named(first.slice(0, common))
      assert.strictEqual(both.code, 2)
      assert.include(both.stderr, `2 jobs begin with ${first.slice(0, common)}; give more of the id, like ${first}`)
      assert.deepInclude(yield* named("zzz"), { code: 3, stdout: "" })
      assert.match((yield* named("nosuchid123")).stderr, /no job nosuchid123; see: sluice job ls/)
      assert.strictEqual((yield* named("not-an-id")).code, 2)
      assert.deepInclude(yield* call(["job", "cancel", "-q", "last", first]), {
        code: 0,
        stdout: `${second}\n${first}\n`
      })
    }).pipe(Effect.scoped)
  )

  it.live(
    "that failed make worker --once end with 1",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        yield* CliProcess.run(folder, ["add", "--", "true"])
        const well = yield* CliProcess.run(folder, ["worker", "--once"])
        assert.strictEqual(well.code, 0)
        assert.notMatch(well.stderr, /Ctrl-C/)
        yield* CliProcess.run(folder, ["add", "--retry", "0", "--", "false"])
        const ended = yield* CliProcess.run(folder, ["worker", "--once"])
        assert.strictEqual(ended.code, 1)
        assert.match(ended.stderr, /1 job failed; see: sluice dlq ls/)
      }).pipe(Effect.scoped),
    limit
  )
})
