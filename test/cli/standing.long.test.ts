/**
 * What terminals and laptops do to a process, done to `run`, `map` and `worker`: stopped beyond the lease, alone or
 * with their jobs, while another worker looks after the store; Ctrl-Z and `fg`; a closed terminal; `nohup`; a hung
 * process. Nothing is lost, and nothing runs twice that nobody had to take.
 *
 * Reduced: a lease of 3 s and stops of 7 s, instead of 30 s and 35 s, and every other combination.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { spawn, spawnSync } from "node:child_process"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { commandsOf, isGone, isStopped, signalGroup } from "../support/faults/ProcessTree.ts"
import * as CliProcess from "./CliProcess.ts"
import { temporaryFolder } from "./CommandLine.ts"
import { launcher } from "../support/cli/Launcher.ts"

const isReduced = process.env.SLUICE_LONG === "reduced"
const leaseMs = isReduced ? 3000 : 30_000
const stopMs = isReduced ? 7000 : 35_000
const jobSeconds = isReduced ? 8 : 40
const env = { SLUICE_LEASE: `${leaseMs}ms`, SLUICE_SWEEP_INTERVAL: "1s", SLUICE_POLL_INTERVAL: "200ms" }

/** Lines the command has written to a file of the folder. */
const linesOf = (file: string): ReadonlyArray<string> =>
  existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n") : []

const jobsOf = (folder: string) =>
  Effect.map(CliProcess.run(folder, ["job", "ls", "--json"], { env }), ({ stdout }) =>
    stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { readonly state: string; readonly attempt: number })
  )

const kinds = ["run", "map", "worker"] as const
type Kind = (typeof kinds)[number]

/** Starts a command of each kind that runs for `jobSeconds` and writes down when it starts and ends. */
const begin = (folder: string, kind: Kind) =>
  Effect.gen(function* () {
    const script = `echo start >> ledger; sleep ${jobSeconds}; echo end >> ledger; echo said`
    switch (kind) {
      case "run":
        return yield* CliProcess.start(folder, ["run", "--", "sh", "-c", script], { env })
      case "map":
        return yield* CliProcess.start(folder, ["map", "-q", "--shell", `: {}; ${script}`, ":::", "1"], { env })
      case "worker":
        assert.strictEqual((yield* CliProcess.run(folder, ["add", "--", "sh", "-c", script], { env })).code, 0)
        return yield* CliProcess.start(folder, ["worker", "--once"], { env })
    }
  })

/** Stopped for longer than its lease and continued. `withJobs`: so is what it runs. */
const standStill = (options: { readonly kind: Kind; readonly withJobs: boolean; readonly watched: boolean }) =>
  Effect.gen(function* () {
    const folder = yield* temporaryFolder
    const started = yield* begin(folder, options.kind)
    yield* CliProcess.until(() => linesOf(path.join(folder, "ledger")).length === 1)
    if (options.watched) {
      // It sweeps, and takes over what has no owner any more.
      const other = yield* CliProcess.start(folder, ["worker"], { env })
      yield* other.shows(/Ctrl-C stops it/)
    }
    // The watchdog is one of them for a moment, until it has become what it is.
    yield* CliProcess.until(() => commandsOf(started.pid).length === 1)
    const groups = options.withJobs ? commandsOf(started.pid) : []
    started.child.kill("SIGSTOP")
    for (const group of groups) signalGroup(group, "SIGSTOP")
    yield* Effect.sleep(stopMs)
    for (const group of groups) signalGroup(group, "SIGCONT")
    started.child.kill("SIGCONT")
    const ended = yield* started.ended
    const what = JSON.stringify(options)
    assert.strictEqual(ended.code, 0, `${what}: ${ended.stderr}`)
    assert.deepStrictEqual(linesOf(path.join(folder, "ledger")), ["start", "end"], what)
    if (options.kind !== "worker") assert.strictEqual(ended.stdout, "said\n", what)
    const jobs = yield* jobsOf(folder)
    assert.deepStrictEqual(
      jobs.map(({ attempt, state }) => [state, attempt]),
      [["completed", 1]],
      what
    )
  }).pipe(Effect.scoped)

/** `bash` with job control at a terminal of its own. `type` is what somebody types. */
const terminal = (folder: string, command: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn("script", ["-qfc", command, "/dev/null"], {
        cwd: folder,
        env: {
          PATH: process.env.PATH,
          HOME: folder,
          XDG_STATE_HOME: path.join(folder, "state"),
          NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
          TERM: "dumb",
          HISTFILE: "/dev/null",
          ...env
        },
        stdio: ["pipe", "pipe", "ignore"]
      })
      let text = ""
      child.stdout.setEncoding("utf8").on("data", (more: string) => {
        text += more
      })
      child.stdin.on("error", () => undefined)
      return {
        child,
        type: (keys: string) => child.stdin.write(keys),
        shows: (pattern: RegExp) => CliProcess.until(() => pattern.test(text)),
        text: () => text
      }
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
  )

const notRun = (what: string) => Effect.sync(() => console.log(`not run: ${what}`))
const hasScript =
  process.platform === "linux" && spawnSync("script", ["-qfc", "true", "/dev/null"], { stdio: "ignore" }).status === 0

/** At a terminal; said, and no failure, where none can be had. */
const atTerminal = (body: (folder: string) => Effect.Effect<void, unknown, Scope.Scope>) =>
  Effect.gen(function* () {
    if (!hasScript) return yield* notRun("needs script(1) of util-linux")
    yield* body(yield* temporaryFolder)
  }).pipe(Effect.scoped)

/** What hangs here waits for nobody. */
const limit = { timeout: 180_000 }

const sluice = `${process.execPath} ${launcher}`

describe("stopped beyond the lease and continued", () => {
  it.live("run, map and worker end well, after one attempt", () =>
    Effect.forEach(
      kinds
        .flatMap((kind) => [false, true].map((withJobs) => ({ kind, withJobs })))
        .flatMap((each) => [false, true].map((watched) => ({ ...each, watched })))
        .filter(({ watched, withJobs }) => !isReduced || watched !== withJobs),
      standStill,
      { concurrency: 6, discard: true }
    )
  )

  it.live("a map that is stopped between two lines keeps its lines from other workers", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const args = [
        "map",
        "-q",
        "-j1",
        "--shell",
        "echo {} $PPID $(ps -o ppid= -p $PPID) >> ledger; sleep 0.5",
        ":::",
        "1",
        "2",
        "3",
        "4"
      ]
      const map = yield* CliProcess.start(folder, args, { env })
      yield* CliProcess.until(() => linesOf(path.join(folder, "ledger")).length === 1)
      map.child.kill("SIGSTOP")
      const other = yield* CliProcess.start(folder, ["worker"], { env })
      yield* other.shows(/Ctrl-C stops it/)
      yield* Effect.sleep(leaseMs + 2000)
      assert.strictEqual(linesOf(path.join(folder, "ledger")).length, 1)
      const again = yield* CliProcess.run(folder, args, { env })
      assert.strictEqual(again.code, 6)
      assert.include(again.stderr, `process ${map.pid}, which runs this map, is stopped; continue it with: kill -CONT`)
      const listed = (yield* CliProcess.run(folder, ["worker", "ls", "--json"], { env })).stdout
      assert.match(listed, new RegExp(`"name":"map:${map.pid}","state":"suspended"`))
      map.child.kill("SIGCONT")
      assert.strictEqual((yield* map.ended).code, 0)
      // By the map itself or by the process that starts commands for it.
      const ran = linesOf(path.join(folder, "ledger")).map((line) => line.split(/\s+/))
      assert.deepStrictEqual(
        ran.map(([line, ...processes]) => [line, processes.includes(String(map.pid))]),
        ["1", "2", "3", "4"].map((line) => [line, true])
      )
    }).pipe(Effect.scoped)
  )
})

describe("a process that is gone, or as good as gone", () => {
  it.live("a map whose process is a zombie goes on at once, and its worker is told as gone", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const args = ["map", "-q", "--shell", "echo {} >> ledger; sleep 1", ":::", "1", "2"]
      // A first process that collects nobody, as in many containers.
      const line = `${sluice} ${args.map((arg) => `'${arg}'`).join(" ")} & echo $! > pid; exec sleep 600`
      const parent = yield* Effect.acquireRelease(
        Effect.sync(() =>
          spawn("sh", ["-c", line], {
            cwd: folder,
            env: { PATH: process.env.PATH, HOME: folder, XDG_STATE_HOME: path.join(folder, "state"), ...env },
            stdio: "ignore"
          })
        ),
        (child) => Effect.sync(() => child.kill("SIGKILL"))
      )
      yield* CliProcess.until(() => linesOf(path.join(folder, "ledger")).length >= 1)
      const pid = Number(readFileSync(path.join(folder, "pid"), "utf8"))
      process.kill(pid, "SIGKILL")
      yield* CliProcess.until(() => isGone(pid))
      assert.doesNotThrow(() => process.kill(pid, 0))
      const listed = (yield* CliProcess.run(folder, ["worker", "ls", "--json"], { env })).stdout
      assert.match(listed, /"state":"gone"/)
      const added = yield* CliProcess.run(folder, ["add", "--", "true"], { env })
      assert.include(added.stderr, "no worker is alive")
      const again = yield* CliProcess.run(folder, args, { env })
      assert.deepStrictEqual([again.code, again.stderr], [0, ""])
      assert.strictEqual(new Set(linesOf(path.join(folder, "ledger"))).size, 2)
      assert.isNull(parent.exitCode)
    }).pipe(Effect.scoped)
  )

  it.live("the jobs of a worker that hangs beyond its limits run elsewhere", () =>
    Effect.gen(function* () {
      // A worker looks after collections too, whose limit is a minute.
      if (isReduced) return yield* notRun("takes more than a minute; the store's own tests hold the rule")
      const folder = yield* temporaryFolder
      writeFileSync(
        path.join(folder, "tasks.ts"),
        `import { Effect, Schema } from ${JSON.stringify(fileURLToPath(import.meta.resolve("effect")))}
import { Task } from ${JSON.stringify(fileURLToPath(new URL("../../src/services/Queue/index.ts", import.meta.url)))}
const Hang = Task.make("hang", { payload: Schema.Struct({}), retry: "none" })
export default Hang.toLayer(() => Effect.sync(() => { for (;;); }))
`
      )
      const limits = { ...env, SLUICE_LEASE: "2s", SLUICE_SOFT_LIMIT: "1s", SLUICE_HARD_LIMIT: "2s" }
      const script = "echo run >> ledger; sleep 4"
      const id = (yield* CliProcess.run(folder, ["add", "-q", "--", "sh", "-c", script], { env: limits })).stdout.trim()
      const hangs = yield* CliProcess.start(folder, ["worker", "--tasks", "tasks.ts"], { env: limits })
      yield* CliProcess.until(() => linesOf(path.join(folder, "ledger")).length === 1)
      const hang = ["enqueue", "-q", "hang", "--payload", "{}", "--tasks", "tasks.ts"]
      assert.strictEqual((yield* CliProcess.run(folder, hang, { env: limits })).code, 0)
      const other = yield* CliProcess.start(folder, ["worker"], { env: limits })
      yield* other.shows(/Ctrl-C stops it/)
      const began = performance.now()
      const waited = yield* CliProcess.run(folder, ["job", "wait", "--timeout", "200s", id], { env: limits })
      assert.strictEqual(waited.code, 0, waited.stderr)
      // The limit, a lease, one lease more since it runs, a sweep, a poll, the run; and twice that for a busy machine.
      assert.isAtMost(performance.now() - began, 2 * (60_000 + 2 * 2000 + 1000 + 1000 + 4000))
      assert.isNull(hangs.child.exitCode)
      assert.strictEqual(linesOf(path.join(folder, "ledger")).length, 2)
    }).pipe(Effect.scoped)
  )
})

describe("at a terminal", () => {
  it.live(
    "Ctrl-Z stops the jobs too and leaves the store to others; fg continues them",
    () =>
      atTerminal((folder) =>
        Effect.gen(function* () {
          const { shows, text, type } = yield* terminal(folder, "bash --norc --noprofile -i")
          const loop = "for i in 1 2 3 4 5 6 7 8 9; do echo tick$i; sleep 0.2; done; echo pid $$ >> ledger"
          // Shown in one piece only when it is done, not as it is typed.
          type(`${sluice} run --shell -- '${loop}'; echo co''de:$?\n`)
          yield* shows(/tick3/)
          const pid = () =>
            Number(spawnSync("pgrep", ["-f", `${launcher} run --shell`], { encoding: "utf8" }).stdout.split("\n")[0])
          const sluicePid = pid()
          const [group] = commandsOf(sluicePid)
          type("\x1a")
          yield* CliProcess.until(() => isStopped(sluicePid) && isStopped(group!))
          yield* shows(/code:14\d/)
          const added = yield* CliProcess.run(folder, ["add", "-q", "--", "true"], { env })
          assert.strictEqual(added.code, 0, added.stderr)
          const ticked = text().match(/tick\d\r/g)!.length
          yield* Effect.sleep(isReduced ? 1000 : stopMs)
          assert.isTrue(isStopped(sluicePid) && isStopped(group!))
          assert.strictEqual(text().match(/tick\d\r/g)!.length, ticked)
          type("fg\n")
          yield* CliProcess.until(() => linesOf(path.join(folder, "ledger")).length === 1)
          yield* CliProcess.until(() => isGone(sluicePid))
          assert.deepStrictEqual(
            text()
              .match(/tick\d\r/g)!
              .map((tick) => tick[4]),
            ["1", "2", "3", "4", "5", "6", "7", "8", "9"]
          )
        })
      ),
    limit
  )

  it.live(
    "Ctrl-Z stops worker processes with their jobs, and fg continues them",
    () =>
      atTerminal((folder) =>
        Effect.gen(function* () {
          const { shows, type } = yield* terminal(folder, "bash --norc --noprofile -i")
          yield* CliProcess.run(
            folder,
            ["add", "-q", "--", "sh", "-c", "echo $$ >> ledger; sleep 3; echo end >> ledger"],
            {
              env
            }
          )
          type(`${sluice} worker --processes 1 --once; echo co''de:$?\n`)
          yield* CliProcess.until(() => linesOf(path.join(folder, "ledger")).length === 1)
          const job = Number(linesOf(path.join(folder, "ledger"))[0])
          type("\x1a")
          yield* CliProcess.until(() => isStopped(job))
          yield* shows(/code:14\d/)
          type("fg\n")
          yield* CliProcess.until(() => linesOf(path.join(folder, "ledger")).length === 2)
          yield* CliProcess.until(() => isGone(job))
          const jobs = yield* jobsOf(folder)
          assert.deepStrictEqual(jobs[0]!.attempt, 1)
        })
      ),
    limit
  )

  it.live(
    "a closed terminal stops a worker gently: its jobs are handed back unspent",
    () =>
      atTerminal((folder) =>
        Effect.gen(function* () {
          yield* CliProcess.run(folder, ["add", "-q", "--retry", "0", "--", "sh", "-c", "echo $$ > job; sleep 60"], {
            env
          })
          const { child } = yield* terminal(folder, `echo $$ > worker; SLUICE_GRACE=100ms exec ${sluice} worker`)
          yield* CliProcess.until(() => existsSync(path.join(folder, "job")))
          const worker = Number(readFileSync(path.join(folder, "worker"), "utf8"))
          child.kill("SIGKILL")
          yield* CliProcess.until(() => isGone(worker))
          const [job] = yield* jobsOf(folder)
          assert.deepStrictEqual([job!.state, job!.attempt], ["pending", 0])
        })
      ),
    limit
  )

  it.live(
    "a hang-up ends run with 129",
    () =>
      atTerminal((folder) =>
        Effect.gen(function* () {
          const script = `${sluice} run -- sh -c 'echo $PPID > sluice; sleep 60'; echo $? > code`
          writeFileSync(path.join(folder, "script.sh"), script)
          yield* terminal(folder, "SLUICE_GRACE=100ms sh script.sh")
          yield* CliProcess.until(() => existsSync(path.join(folder, "sluice")))
          process.kill(Number(readFileSync(path.join(folder, "sluice"), "utf8")), "SIGHUP")
          yield* CliProcess.until(() => linesOf(path.join(folder, "code"))[0] !== undefined)
          assert.deepStrictEqual(linesOf(path.join(folder, "code")), ["129"])
        })
      ),
    limit
  )

  it.live(
    "without a terminal, as under nohup, a hang-up is nothing",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const map = yield* CliProcess.start(
          folder,
          ["map", "-q", "--shell", "echo {} >> ledger; sleep 1; echo {}", ":::", "1", "2"],
          { env }
        )
        yield* CliProcess.until(() => linesOf(path.join(folder, "ledger")).length >= 1)
        yield* map.kill("SIGHUP")
        const { code, stdout } = yield* map.ended
        assert.deepStrictEqual([code, stdout.split("\n").sort()], [0, ["", "1", "2"]])
      }).pipe(Effect.scoped),
    limit
  )
})
