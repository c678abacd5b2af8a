import { spawn } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as ProcessGroup from "../../../../src/services/Queue/run/ProcessGroup.ts"
import * as ProcessRunnerLive from "../../../../src/services/Queue/run/ProcessRunnerLive.ts"
import { eventually, folder, isRunning, runnerSuite } from "./runnerSuite.ts"

runnerSuite("ProcessRunner in a thread", ProcessRunnerLive.layer)

const runFolder = new URL("../../../../src/services/Queue/run/", import.meta.url).href

/** A program of its own, hence with a main thread of its own; `body` is the rest of a generator. */
const program = (spawners: number, body: string) => `
import { readdirSync, renameSync, writeFileSync } from "node:fs"
import { Effect } from "effect"
import { ProcessRunner } from "${runFolder}ProcessRunner.ts"
import { layerWith } from "${runFolder}ProcessRunnerLive.ts"
import { current } from "${runFolder}Umask.ts"
const sh = (script, more) => ({ command: ["sh", "-c", script], cwd: "/tmp", env: { PATH: process.env.PATH }, umask: current(), ...more })
await Effect.runPromise(Effect.gen(function*() {
  const runner = yield* ProcessRunner
  ${body}
}).pipe(Effect.provide(layerWith({ spawners: ${spawners}, spawnFirst: true }))))
`

const started = (spawners: number, body: string, env: Readonly<Record<string, string>> = {}) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, ["--input-type=module", "-e", program(spawners, body)], {
        env: { ...process.env, ...env },
        stdio: ["ignore", "pipe", "inherit"]
      })
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

const outputOf = (spawners: number, body: string) =>
  Effect.gen(function* () {
    const child = yield* started(spawners, body)
    return yield* Effect.callback<string>((resume) => {
      let output = ""
      child.stdout.on("data", (chunk) => (output += chunk))
      child.once("close", () => resume(Effect.succeed(output)))
    })
  })

describe.each([0, 1])("ProcessRunner in a main thread with %d spawners", (spawners) => {
  it.live(
    "lets a command open /dev/stdout, /dev/stderr and /dev/stdin by name",
    () =>
      Effect.gen(function* () {
        const output = yield* outputOf(
          spawners,
          `
        const command = sh("cat /dev/stdin > /dev/stdout; echo e | tee /dev/stderr", { stdin: Buffer.from("in\\n") })
        const result = yield* runner.run(command)
        console.log(JSON.stringify([String(result.stdout), String(result.stderr)]))`
        )
        assert.deepStrictEqual(JSON.parse(output), ["in\ne\n", "e\n"])
      }),
    60_000
  )

  it.live(
    "keeps the output of many commands at once apart, and leaks no descriptor",
    () =>
      Effect.gen(function* () {
        const output = yield* outputOf(
          spawners,
          `
        const many = Effect.forEach(
          Array.from({ length: 60 }, (_, index) => index),
          (index) => runner.run(sh("echo " + index + "; echo " + index + " >&2; exit " + index)),
          { concurrency: 20 }
        )
        const descriptors = () => readdirSync("/proc/self/fd").length
        yield* many
        const before = descriptors()
        const results = yield* many
        yield* Effect.forEach(results, () => Effect.exit(runner.run({ ...sh(""), command: ["no-such-command"] })))
        yield* Effect.sleep("100 millis")
        const wrong = results.filter((result, index) =>
          result.exitCode !== index || String(result.stdout) !== index + "\\n" || String(result.stderr) !== index + "\\n")
        console.log(JSON.stringify({ wrong: wrong.length, leaked: descriptors() - before }))`
        )
        const { leaked, wrong } = JSON.parse(output)
        assert.strictEqual(wrong, 0)
        assert.isAtMost(leaked, 0)
      }),
    60_000
  )

  it.live(
    "is followed by command and grandchild, and by its pipes, when it is killed with -9",
    () =>
      Effect.gen(function* () {
        const cwd = yield* folder
        const record = join(cwd, "record.json")
        const read = (): { pid: number; grandchild: number } | undefined => {
          try {
            return JSON.parse(readFileSync(record, "utf8"))
          } catch {
            return undefined
          }
        }
        const worker = yield* started(
          spawners,
          `
        let pid
        yield* runner.run(sh("sleep 1000 & echo $!; wait"), {
          onStart: (started) => pid = started,
          onOutput: (chunk) => {
            writeFileSync("${record}.new", JSON.stringify({ pid, grandchild: Number(chunk) }))
            renameSync("${record}.new", "${record}")
          }
        })`,
          { TMPDIR: cwd }
        )
        yield* eventually("the command runs", () => read() !== undefined)
        const { grandchild, pid } = read()!
        assert.isTrue(isRunning(pid) && isRunning(grandchild))
        worker.kill("SIGSTOP")
        yield* Effect.sleep("300 millis")
        assert.isTrue(isRunning(pid) && isRunning(grandchild), "a process that is merely stopped is waited for")
        worker.kill("SIGKILL")
        yield* eventually("the group is gone", () => !ProcessGroup.isAlive(pid))
        assert.isFalse(isRunning(grandchild))
        yield* eventually("its pipes are gone", () => readdirSync(cwd).every((name) => name.startsWith("record")))
      }),
    60_000
  )
})
