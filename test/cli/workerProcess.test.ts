import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { ProcessIdentity } from "../../src/services/Queue/index.ts"
import * as CliProcess from "./CliProcess.ts"
import * as CommandLine from "./CommandLine.ts"

const limit = { timeout: 120_000 }

describe("sluice worker, as a process", () => {
  it.live(
    "stays in the background until it is stopped, with its files for this user alone",
    () =>
      Effect.gen(function* () {
        const { call, folder } = yield* CommandLine.make
        const started = yield* CliProcess.run(folder, ["worker", "-d"])
        assert.strictEqual(started.code, 0, started.stderr)
        const pid = Number(started.stdout)
        yield* Effect.addFinalizer(() =>
          Effect.sync(() => {
            try {
              process.kill(pid, "SIGKILL")
            } catch {
              // It was stopped, as it should be.
            }
          })
        )
        const workers = path.join(folder, "state/sluice/workers")
        assert.strictEqual(statSync(workers).mode & 0o777, 0o700)
        for (const name of readdirSync(workers))
          assert.strictEqual(statSync(path.join(workers, name)).mode & 0o777, 0o600)
        const id = (yield* call(["add", "--", "touch", "done"])).stdout.trim()
        assert.strictEqual((yield* call(["job", "wait", "--timeout", "20s", id])).code, 0)
        assert.isTrue(existsSync(path.join(folder, "done")))
        assert.match((yield* call(["worker", "ls", "--json"])).stdout, new RegExp(`"pid":${pid}`))
        assert.deepInclude(yield* call(["worker", "stop"]), {
          code: 0,
          stdout: `worker ${pid} has stopped\n`
        })
        assert.isFalse(ProcessIdentity.isAlive(pid))
        assert.strictEqual((yield* call(["worker", "ls", "-q"])).stdout, "")
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "never ends with 0 when a handler ends the process, and names the job",
    () =>
      Effect.gen(function* () {
        const { call, folder } = yield* CommandLine.make
        const queue = JSON.stringify(path.resolve(import.meta.dirname, "../../src/services/Queue/index.ts"))
        const effect = JSON.stringify(fileURLToPath(import.meta.resolve("effect")))
        writeFileSync(
          path.join(folder, "tasks.ts"),
          `import { Effect, Schema } from ${effect}
import { Task } from ${queue}
const Ends = Task.make("ends", { retry: "none", payload: Schema.Struct({ code: Schema.Int, later: Schema.Boolean }) })
export default Ends.toLayer(({ code, later }) =>
  Effect.andThen(later ? Effect.sleep(20) : Effect.void, Effect.sync(() => process.exit(code)))
)
`
        )
        for (const [code, later] of [
          [0, false],
          [0, true],
          [3, false]
        ] as const) {
          const payload = JSON.stringify({ code, later })
          const args = ["enqueue", "-q", "--tasks", "tasks.ts", "ends", "--payload", payload]
          const added = yield* call(args)
          assert.strictEqual(added.code, 0, added.stderr)
          const once = yield* CliProcess.run(folder, ["worker", "-q", "--once", "--tasks", "tasks.ts"])
          assert.strictEqual(once.code, code === 0 ? 1 : code)
          assert.strictEqual(
            once.stderr,
            `sluice: the process was ended from within (process.exit) while ${added.stdout.trim()} ends ran; the attempt is lost\n`
          )
        }
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "says in one line why it cannot begin, in the foreground and in the background",
    () =>
      Effect.gen(function* () {
        const { call, folder } = yield* CommandLine.make
        writeFileSync(path.join(folder, "wrong.ts"), 'export default { not: "a layer" }\n')
        writeFileSync(path.join(folder, "throws.ts"), 'throw new Error("no database\\nat all")\n')
        for (const [args, code, said] of [
          [["--tasks", "missing.ts"], 3, /no module .*missing\.ts/],
          [["--tasks", "wrong.ts"], 2, /its default export is object; expected the layer of your handlers/],
          [["--tasks", "throws.ts"], 2, /throws\.ts cannot be loaded: no database/],
          [["--no-shell"], 2, /nothing to serve/]
        ] as const) {
          for (const background of [false, true]) {
            const words = ["worker", ...(background ? ["-d"] : []), ...args]
            const ended = yield* background ? CliProcess.run(folder, words) : call(words)
            assert.strictEqual(ended.code, code, ended.stderr)
            assert.match(ended.stderr, said)
            assert.match(ended.stderr, /^sluice: [^\n]+\n$/)
          }
        }
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "runs no jobs where it is there to scale others, and only where it may lead",
    () =>
      Effect.gen(function* () {
        const { call, folder } = yield* CommandLine.make
        const args = ["worker", "--no-shell", "--group", "*=0"]
        const env = { SLUICE_SCALE_COMMAND: "true" }
        const scaling = yield* CliProcess.start(folder, args, { env })
        yield* scaling.shows(/runs no jobs and scales others; Ctrl-C stops it/)
        yield* scaling.kill("SIGTERM")
        assert.strictEqual((yield* scaling.ended).code, 0)
        for (const off of [{ SLUICE_SCALING: "off" }, { SLUICE_SCALE_COMMAND: "" }]) {
          const ended = yield* call(args, { env: { ...env, ...off } })
          assert.strictEqual(ended.code, 2)
          assert.match(ended.stderr, /nothing to serve: .*SLUICE_SCALE_WORKLOAD/)
        }
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "stops gracefully at SIGTERM with 0, and hands jobs back unspent at the second signal",
    () =>
      Effect.gen(function* () {
        const { call, folder } = yield* CommandLine.make
        const id = (yield* call(["add", "-q", "--", "sh", "-c", "touch up; exec sleep 600"])).stdout.trim()
        const worker = yield* CliProcess.start(folder, ["worker"])
        yield* CliProcess.until(() => existsSync(path.join(folder, "up")))
        yield* worker.kill("SIGTERM")
        yield* worker.shows(/stopping; 1 running job has 10s to finish/)
        yield* worker.kill("SIGTERM")
        assert.strictEqual((yield* worker.ended).code, 143)
        const job = JSON.parse((yield* call(["job", "get", "--json", id])).stdout)
        assert.deepInclude(job, { state: "pending", attempt: 0 })

        const idle = yield* CliProcess.start(folder, ["worker", "-g", "computation=0"])
        yield* idle.shows(/Ctrl-C stops it/)
        yield* idle.kill("SIGTERM")
        assert.strictEqual((yield* idle.ended).code, 0)
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "keeps its processes alive, each started again when it is killed",
    () =>
      Effect.gen(function* () {
        const { call, folder } = yield* CommandLine.make
        const supervisor = yield* CliProcess.start(folder, ["worker", "--processes", "2"])
        const pids = Effect.map(call(["worker", "ls", "--json"]), ({ stdout }) =>
          stdout
            .trimEnd()
            .split("\n")
            .filter((line) => line !== "")
            .map((line) => JSON.parse(line).pid as number)
        )
        const two = Effect.gen(function* () {
          for (;;) {
            const alive = (yield* pids).filter((pid) => {
              try {
                process.kill(pid, 0)
                return true
              } catch {
                return false
              }
            })
            if (alive.length === 2) return alive
          }
        })
        const before = yield* two
        process.kill(before[0]!, "SIGKILL")
        yield* supervisor.shows(/was ended by SIGKILL; it starts again now/)
        yield* CliProcess.until(() => {
          try {
            process.kill(before[0]!, 0)
            return false
          } catch {
            return true
          }
        })
        const after = yield* two
        assert.include(after, before[1]!)
        assert.notInclude(after, before[0]!)
        yield* supervisor.kill("SIGTERM")
        assert.strictEqual((yield* supervisor.ended).code, 0)
        for (const pid of after) assert.throws(() => process.kill(pid, 0))
      }).pipe(Effect.scoped),
    limit
  )
})
