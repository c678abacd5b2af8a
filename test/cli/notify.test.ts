/** `--notify`: a command for each finished job, and the desktop. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import path from "node:path"
import { environmentOf, linesOf, type Notice } from "../../src/cli/notify/Notice.ts"
import * as Notifier from "../../src/cli/notify/Notifier.ts"
import { respell } from "../../src/cli/FlagSpelling.ts"
import * as CliProcess from "./CliProcess.ts"
import * as CommandLine from "./CommandLine.ts"

const notice: Notice = {
  id: "1m8nzwwte03",
  state: "failed",
  exitCode: 3,
  task: "shell",
  group: "computation",
  what: "make <b>&\u202e test\0\n",
  durationMs: 90_061,
  error: "the command ended with exit code 3"
}

const surroundings = { env: { PATH: process.env.PATH }, cwd: "/" }

const tell = 'echo "$SLUICE_JOB_STATE $SLUICE_JOB_EXIT_CODE $SLUICE_JOB_TASK $SLUICE_JOB_COMMAND" >> told'

describe("a notice", () => {
  it("is variables without NUL, and two lines that no desktop takes for markup", () => {
    const variables = environmentOf(notice)
    assert.strictEqual(variables.SLUICE_JOB_SECONDS, "90.061")
    assert.strictEqual(variables.SLUICE_JOB_COMMAND, "make <b>&\u202e test\\0\n")
    assert.deepStrictEqual(linesOf(notice), [
      "sluice: failed with exit code 3 after 1 min 30 s",
      "make &lt;b&gt;&amp;\\u{202e} test\\0\\n"
    ])
    assert.isAtMost(environmentOf({ ...notice, what: "x".repeat(1e6) }).SLUICE_JOB_COMMAND!.length, 4096)
  })
})

describe("a notifier", () => {
  const make = () => {
    const said: Array<string> = []
    return { said, notifier: Notifier.make((line) => Effect.sync(() => void said.push(line))) }
  }

  it.live("that fails is told once, with what it said", () =>
    Effect.gen(function* () {
      const { notifier, said } = make()
      yield* notifier.tell("echo no mail here; exit 5", notice, surroundings)
      yield* notifier.tell("exit 6", notice, surroundings)
      assert.deepStrictEqual(said, ["sluice: the notifier ended with exit code 5: no mail here (told once)"])
    })
  )

  it.live("that cannot be started is told", () =>
    Effect.gen(function* () {
      const { notifier, said } = make()
      yield* notifier.tell("true", notice, { ...surroundings, cwd: "/nowhere" })
      assert.match(said[0]!, /^sluice: the notifier could not be started: /)
    })
  )

  it.effect("that hangs is ended after 10 s, with what it started", () =>
    Effect.gen(function* () {
      const folder = yield* CommandLine.temporaryFolder
      const { notifier, said } = make()
      const told = yield* Effect.forkChild(
        notifier.tell("sleep 600 & echo $! > pid.new; mv pid.new pid; wait", notice, { ...surroundings, cwd: folder })
      )
      const pidFile = path.join(folder, "pid")
      yield* Effect.promise(async () => {
        while (!existsSync(pidFile)) await new Promise((resolve) => setTimeout(resolve, 10))
      })
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(told)
      assert.deepStrictEqual(said, ["sluice: the notifier was not done within 10s and was ended (told once)"])
      const isAlive = () => {
        try {
          return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${readFileSync(pidFile, "utf8").trim()}/stat`, "utf8"))
        } catch {
          return false
        }
      }
      yield* Effect.promise(async () => {
        while (isAlive()) await new Promise((resolve) => setTimeout(resolve, 10))
      })
    }).pipe(Effect.scoped)
  )

  it.live("of the desktop is the system's program, given words and no program text", () =>
    Effect.gen(function* () {
      const folder = yield* CommandLine.temporaryFolder
      const { notifier, said } = make()
      const PATH = `${folder}:${process.env.PATH}`
      const program = process.platform === "darwin" ? "osascript" : "notify-send"
      writeFileSync(path.join(folder, program), `#!/bin/sh\nprintf '%s|' "$@" > told\n`, { mode: 0o755 })
      assert.isUndefined(Notifier.obstacle("desktop", { PATH }))
      assert.match(Notifier.obstacle("desktop", { PATH: "/nowhere" })!, new RegExp(`^${program} is not on PATH`))
      yield* notifier.tell("desktop", notice, { env: { PATH }, cwd: folder })
      const words = readFileSync(path.join(folder, "told"), "utf8").split("|").slice(0, -1)
      assert.deepStrictEqual(words.slice(-2), [...linesOf(notice)])
      assert.deepStrictEqual(said, [])
    }).pipe(Effect.scoped)
  )
})

describe("--notify", () => {
  it("without a value is the desktop", () => {
    const flag = { name: "notify", aliases: [], type: { _tag: "String" } } as any
    const root = { name: "sluice", flags: [], subcommands: [{ name: "run", flags: [flag], subcommands: [] }] } as any
    assert.deepStrictEqual(respell(["run", "--notify", "--", "true"], root), ["run", "--notify=desktop", "--", "true"])
    assert.deepStrictEqual(respell(["run", "--notify", "-p", "1"], root), ["run", "--notify=desktop", "-p", "1"])
    assert.deepStrictEqual(respell(["run", "--notify", "x", "true"], root), ["run", "--notify", "x", "true"])
  })

  it.live("of run and map tells of their end, which stays as it is", () =>
    Effect.gen(function* () {
      const { call, folder } = yield* CommandLine.make
      const told = () => readFileSync(path.join(folder, "told"), "utf8").split("\n").slice(0, -1)
      const ran = yield* call(["run", "--notify", tell, "--", "sh", "-c", "exit 3"])
      assert.deepStrictEqual([ran.code, ran.stderr], [3, ""])
      const mapped = yield* call(["map", "-q", "--notify", tell, "test {} = a", ":::", "a", "b"])
      assert.strictEqual(mapped.code, 1)
      assert.deepStrictEqual(told(), ["failed 3 shell sh -c exit 3", "failed 1 map test {} = a"])
      const broken = yield* call(["run", "--notify", "exit 9", "--", "true"])
      assert.strictEqual(broken.code, 0)
      assert.match(broken.stderr, /^sluice: the notifier ended with exit code 9 \(told once\)\n$/)
      const desktop = yield* call(["run", "--notify", "--", "true"], { env: { PATH: "/nowhere:/bin:/usr/bin" } })
      assert.strictEqual(desktop.code, 0)
      if (!existsSync("/usr/bin/notify-send")) assert.match(desktop.stderr, /notify-send is not on PATH/)
    }).pipe(Effect.scoped)
  )

  it.live(
    "of add and worker tells of each job that ended in the worker, add's in the surroundings it was added in",
    () =>
      Effect.gen(function* () {
        const { call, folder } = yield* CommandLine.make
        const added = path.join(folder, "added")
        mkdirSync(added)
        const own = yield* call(["add", "-q", "--retry", "0", "--notify", tell, "--", "false"], { cwd: added })
        assert.strictEqual(own.code, 0, own.stderr)
        yield* call(["add", "-q", "--", "true"])
        const worker = yield* CliProcess.run(folder, ["worker", "--once", "--notify", tell])
        assert.strictEqual(worker.code, 1, worker.stderr)
        const lines = (file: string) => readFileSync(file, "utf8").split("\n").slice(0, -1).sort()
        assert.deepStrictEqual(lines(path.join(folder, "told")), ["completed 0 shell true", "failed 1 shell false"])
        assert.deepStrictEqual(lines(path.join(added, "told")), ["failed 1 shell false"])
      }).pipe(Effect.scoped),
    30_000
  )
})
