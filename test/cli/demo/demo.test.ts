import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawn, spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { PassThrough } from "node:stream"
import { gzipSync } from "node:zlib"
import * as Cli from "../../../src/cli/Cli.ts"
import type { DemoSummary } from "../../../src/cli/demo/DemoSummary.ts"
import { Invocation } from "../../../src/cli/Invocation.ts"
import { makeReceiver, Signals } from "../../../src/cli/Signals.ts"
import type { Screen } from "../../../src/cli/terminal/Screen.ts"
import { Sluice, TaskQueue } from "../../../src/services/Queue/index.ts"
import * as CommandLine from "../CommandLine.ts"
import { cacheHome, launcher } from "../../support/cli/Launcher.ts"

/** A demo of a few files takes about a second, on a busy machine several. */
const limit = 60_000

/** A folder of files beside a state folder, both gone at the end. */
const surroundings = Effect.acquireRelease(
  Effect.sync(() => {
    const root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "sluice-demo-")))
    const folder = path.join(root, "files")
    fs.mkdirSync(folder)
    return { root, folder, state: path.join(root, "state") }
  }),
  ({ root }) => Effect.sync(() => fs.rmSync(root, { recursive: true }))
)
type Surroundings = Effect.Success<typeof surroundings>

const write = (folder: string, files: { readonly [name: string]: string | Buffer }) => {
  for (const [name, content] of Object.entries(files)) {
    fs.mkdirSync(path.join(folder, path.dirname(name)), { recursive: true })
    fs.writeFileSync(path.join(folder, name), content)
  }
}

const environment = (at: Surroundings, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => {
  const { SLUICE_STORE: _, ...env } = process.env
  return { ...env, XDG_CACHE_HOME: cacheHome, XDG_STATE_HOME: at.state, npm_lifecycle_event: "test", ...more }
}

const sluice = (at: Surroundings, args: ReadonlyArray<string>, more: NodeJS.ProcessEnv = {}) =>
  Effect.callback<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>((resume) => {
    const child = spawn(process.execPath, [launcher, ...args], { cwd: at.folder, env: environment(at, more) })
    let stdout = ""
    let stderr = ""
    child.stdout.on("data", (chunk) => {
      stdout += chunk
    })
    child.stderr.on("data", (chunk) => {
      stderr += chunk
    })
    child.on("close", (code) => resume(Effect.succeed({ code, stdout, stderr })))
    return Effect.sync(() => child.kill("SIGKILL"))
  })

const inProcess = (at: Surroundings, args: ReadonlyArray<string>) =>
  Effect.flatMap(CommandLine.make, ({ call }) => call(args, { cwd: at.folder, env: { XDG_STATE_HOME: at.state } }))

const summaryOf = ({
  code,
  stderr,
  stdout
}: {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}): DemoSummary => {
  assert.strictEqual(code, 0, stderr)
  return JSON.parse(stdout)
}

const inStore = <A, E>(file: string, effect: Effect.Effect<A, E, TaskQueue>) =>
  Effect.provide(effect, Sluice.layerSqlite({ path: file, thread: false }))

describe("sluice demo", () => {
  it.live(
    "does real work on every kind of file, and the store it names holds the results",
    () =>
      Effect.gen(function* () {
        const at = yield* surroundings
        const files: { readonly [name: string]: string | Buffer } = {
          empty: "",
          "binary.bin": Buffer.from([1, 2, 0, 3, 4]),
          "text.txt": "one two\n  three\tfour\n",
          "deep/er/ünï çödé.txt": "fünf",
          "a\nb\u001b[31m.txt": "x y",
          "large.txt": "word ".repeat(500_000)
        }
        write(at.folder, files)
        const summary = summaryOf(yield* sluice(at, ["demo", "--json"]))
        assert.deepInclude(summary, { folder: at.folder, files: 6, jobs: 24, failed: 0, retries: 0, failures: [] })
        const bytes = Object.values(files).reduce((sum, content) => sum + Buffer.byteLength(content), 0)
        assert.deepStrictEqual(summary.results, {
          hashed: { files: 6, bytes },
          compressed: {
            files: 6,
            bytes,
            compressedBytes: Object.values(files).reduce((sum, content) => sum + gzipSync(content).length, 0)
          },
          counted: { files: 6, binaryFiles: 1, words: 500_000 + 4 + 1 + 2 },
          fetched: { files: 6, bytes, changedFiles: 0 }
        })
        assert.deepStrictEqual(
          summary.groups.map(({ completed, group }) => [group, completed]),
          [
            ["filesystem", 6],
            ["computation", 6],
            ["memory-intensive", 6],
            ["network", 6]
          ]
        )
        for (const { runMs, waitMs } of summary.groups) {
          for (const { p50, p95, p99 } of [runMs, waitMs])
            assert.isTrue(0 <= p50 && p50 <= p95 && p95 <= p99 && p99 < limit)
          assert.isAbove(runMs.p50, 0)
        }
        assert.isTrue(summary.store.startsWith(path.join(at.state, "sluice/demo/")))
        assert.strictEqual(fs.statSync(summary.store).mode & 0o777, 0o600)
        assert.strictEqual(fs.statSync(path.dirname(summary.store)).mode & 0o777, 0o700)

        const hashes = yield* inStore(
          summary.store,
          Effect.flatMap(TaskQueue, (queue) => queue.list({ tasks: ["demo.hash"] }))
        )
        const digests = new Map(
          hashes.jobs.map(({ payload, result }) => [
            (payload as { readonly file: string }).file,
            (result as { readonly digest: string }).digest
          ])
        )
        for (const [name, content] of Object.entries(files)) {
          assert.strictEqual(
            digests.get(path.join(at.folder, name)),
            createHash("sha256").update(content).digest("hex")
          )
        }
      }),
    limit
  )

  it.live(
    "is what npm start does, in the caller's folder, and ends in commands that work",
    () =>
      Effect.gen(function* () {
        const at = yield* surroundings
        write(at.folder, { "a.txt": "one two three\n" })
        const npmStart = {
          npm_lifecycle_event: "start",
          npm_package_name: "sluice",
          npm_package_json: path.resolve(launcher, "../../package.json"),
          INIT_CWD: at.folder
        }
        const first = yield* sluice({ ...at, folder: at.root }, [], npmStart)
        assert.strictEqual(first.code, 0, first.stderr)
        assert.include(first.stderr, `1 file, 14 B, in ${at.folder}\n`)
        assert.match(first.stdout, /4 jobs in .*none failed, no retries/)
        assert.match(first.stdout, /network +demo\.fetch +1/)
        const commands = first.stdout
          .split("Look further:\n")[1]!
          .trim()
          .split("\n")
          .map((line) => line.trim())
        assert.isAtLeast(commands.length, 4)
        for (const command of commands) {
          const start = `npm --prefix ${path.resolve(launcher, "../..")} start --`
          assert.isTrue(command.startsWith(start), command)
          // What the shell would hand over, without npm in between.
          const run = spawnSync("sh", ["-c", `"$NODE" "$LAUNCHER"${command.slice(start.length)}`], {
            cwd: at.folder,
            encoding: "utf8",
            env: environment(at, { NODE: process.execPath, LAUNCHER: launcher })
          })
          assert.strictEqual(run.status, 0, `${command}\n${run.stderr}`)
          assert.notStrictEqual(run.stdout, "", command)
        }
      }),
    limit
  )

  it.live(
    "takes 500 files of a folder and says what it left out",
    () =>
      Effect.gen(function* () {
        const at = yield* surroundings
        for (let i = 0; i < 503; i++) fs.writeFileSync(path.join(at.folder, `${i}.txt`), `file ${i}\n`)
        const run = yield* sluice(at, ["demo", "--json"])
        const summary = summaryOf(run)
        assert.deepInclude(summary, { files: 500, jobs: 2000, failed: 0 })
        assert.include(run.stderr, "left out, beyond the number of files: 3 files")
        assert.deepInclude(summary.leftOut[0]!, { reason: "too-many-files", files: 3 })
        assert.strictEqual(summary.results.fetched.files, 500)
      }),
    2 * limit
  )

  it.live(
    "ends well in an empty folder",
    () =>
      Effect.gen(function* () {
        const at = yield* surroundings
        const run = yield* inProcess(at, ["demo", "--json"])
        const summary = summaryOf(run)
        assert.deepInclude(summary, { files: 0, jobs: 0, failed: 0, jobsPerSecond: null })
        assert.include(run.stderr, "no file to work on here")
      }),
    limit
  )

  it.live(
    "removes the stores of demos a week old, and nothing else",
    () =>
      Effect.gen(function* () {
        const at = yield* surroundings
        const demos = path.join(at.state, "sluice/demo")
        write(demos, {
          "20200101-000000/queue.db": "old",
          "20200102-000000-2/queue.db": "old",
          "20200101-000001/other": "",
          "mine/queue.db": ""
        })
        const weekAgo = new Date("2020-01-01")
        for (const name of ["20200101-000000", "20200102-000000-2", "mine"])
          fs.utimesSync(path.join(demos, name, "queue.db"), weekAgo, weekAgo)
        const { store } = summaryOf(yield* inProcess(at, ["demo", "--json"]))
        assert.sameMembers(fs.readdirSync(demos), ["20200101-000001", "mine", path.basename(path.dirname(store))])
      }),
    limit
  )

  it.live(
    "begins a store of its own: one that is there already or in memory is refused",
    () =>
      Effect.gen(function* () {
        const at = yield* surroundings
        write(at.folder, { "a.txt": "a", "jobs.db": "precious" })
        const taken = yield* inProcess(at, ["demo", "--store", "jobs.db"])
        assert.strictEqual(taken.code, 6)
        assert.match(taken.stderr, /jobs\.db is there already; .*name another or none\n$/)
        assert.strictEqual(fs.readFileSync(path.join(at.folder, "jobs.db"), "utf8"), "precious")
        assert.strictEqual((yield* inProcess(at, ["demo", "--store", "memory:"])).code, 2)
      }),
    limit
  )

  it.live(
    "ends at Ctrl-C with 130 when running jobs have finished, and keeps the store",
    () =>
      Effect.gen(function* () {
        const at = yield* surroundings
        for (let i = 0; i < 400; i++)
          fs.writeFileSync(path.join(at.folder, `${i}.txt`), "some words here\n".repeat(2000))
        const end = yield* Effect.callback<{ readonly code: number | null; readonly stderr: string }>((resume) => {
          const child = spawn(process.execPath, [launcher, "demo"], {
            cwd: at.folder,
            env: environment(at),
            stdio: ["ignore", "ignore", "pipe"]
          })
          let stderr = ""
          let asked = false
          child.stderr.on("data", (chunk) => {
            stderr += chunk
            // The first tenth of some group is done: jobs run.
            if (!asked && stderr.includes(" %, ")) asked = child.kill("SIGINT")
          })
          child.on("close", (code) => resume(Effect.succeed({ code, stderr })))
          return Effect.sync(() => child.kill("SIGKILL"))
        })
        assert.strictEqual(end.code, 130, end.stderr)
        const [, done, store] =
          /stopped with ([\d,]+) of 1,600 jobs done; the rest waits in (.+)\n$/.exec(end.stderr) ?? []
        const counts = yield* inStore(
          store!,
          Effect.flatMap(TaskQueue, (queue) =>
            Effect.all({
              completed: queue.count({ states: ["completed"] }),
              running: queue.count({ states: ["running"] }),
              waiting: queue.count({ states: ["pending", "scheduled"] })
            })
          )
        )
        assert.strictEqual(counts.completed.count, Number(done!.replace(",", "")))
        assert.strictEqual(counts.running.count, 0)
        assert.strictEqual(counts.completed.count + counts.waiting.count, 1600)
      }),
    limit
  )

  it.live(
    "ends with 1 and names the file when one has vanished meanwhile",
    () =>
      Effect.gen(function* () {
        const at = yield* surroundings
        write(at.folder, { "stays.txt": "a b", "vanishes.txt": "c d" })
        const written = { stdout: "", stderr: "" }
        const screen = (stream: "stdout" | "stderr"): Screen => ({
          isTerminal: false,
          columns: () => 80,
          rows: () => 24,
          writeBytes: () => Effect.succeed(true),
          write: (text) =>
            Effect.sync(() => {
              written[stream] += text
              // The listing is done, the jobs are not there yet.
              if (text.startsWith("store: ")) fs.rmSync(path.join(at.folder, "vanishes.txt"))
            })
        })
        const code = yield* Cli.run("0.0.0").pipe(
          Effect.provideService(Signals, makeReceiver().signals),
          Effect.provideService(Invocation, {
            arguments: { words: ["demo"], inputs: undefined },
            env: { XDG_STATE_HOME: at.state },
            cwd: at.folder,
            stdin: new PassThrough(),
            stdout: screen("stdout"),
            stderr: screen("stderr")
          })
        )
        assert.strictEqual(code, 1)
        assert.match(written.stderr, /sluice: 4 of 8 jobs failed; the reasons are above and in .*queue\.db\n$/)
        assert.match(written.stdout, /demo\.hash \w{11} failed for .*vanishes\.txt: ENOENT/)
        assert.match(written.stdout, /demo\.compress \w{11} failed for .*vanishes\.txt: ENOENT/)
        assert.include(written.stdout, "no retries")
      }),
    limit
  )
})
