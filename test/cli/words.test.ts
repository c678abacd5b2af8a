/** What commands say when something was not as they were told: true, and what to do. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync } from "node:fs"
import path from "node:path"
import { checkFree } from "../../src/cli/StoreSpace.ts"
import * as CliProcess from "./CliProcess.ts"
import * as CommandLine from "./CommandLine.ts"
import { cacheHome, launcher } from "../support/cli/Launcher.ts"

const limit = { timeout: 60_000 }
describe("words of commands", () => {
  it.live(
    "dlq redrive and rm ask for filters that they have",
    () =>
      Effect.gen(function* () {
        const { call } = yield* CommandLine.make
        yield* call(["run", "-q", "--retry", "0", "--", "false"])
        for (const verb of ["redrive", "rm"]) {
          const { code, stderr } = yield* call(["dlq", verb])
          assert.strictEqual(code, 2)
          assert.match(stderr, /their ids, or a filter like --since 1h, or --all$/m)
        }
        assert.strictEqual((yield* call(["dlq", "redrive", "--since", "1h", "--dry-run"])).code, 0)
        assert.match((yield* call(["job", "cancel"])).stderr, /a filter like --state failed/)
      }),
    limit
  )

  it("the check of the disk says that jobs may be refused, not that they are", () => {
    const megabyte = 1024 ** 2
    assert.deepInclude(checkFree(25 * megabyte), {
      state: "problem",
      advice: "jobs may soon be refused; make room, or move the store"
    })
    assert.deepInclude(checkFree(500 * megabyte), { state: "warning", advice: "make room before jobs are refused" })
    assert.deepInclude(checkFree(5000 * megabyte), { state: "ok" })
  })

  it.live(
    "a removed folder is told in one line, whatever was called",
    () =>
      Effect.gen(function* () {
        const folder = yield* CommandLine.temporaryFolder
        const gone = path.join(folder, "gone")
        for (const words of ["job ls", "run -- true", "--help"]) {
          mkdirSync(gone, { recursive: true })
          const ended = spawnSync(
            "sh",
            ["-c", `cd ${gone} && rmdir ${gone} && exec ${process.execPath} ${launcher} ${words}`],
            {
              env: { PATH: process.env.PATH, HOME: folder, XDG_CACHE_HOME: cacheHome },
              encoding: "utf8"
            }
          )
          assert.deepInclude(ended, {
            status: 3,
            stdout: "",
            stderr: "sluice: the folder you are in was removed; go to another one\n"
          })
        }
      }),
    limit
  )

  it.live(
    "run tells that what is piped in is not passed on, and only then",
    () =>
      Effect.gen(function* () {
        const folder = yield* CommandLine.temporaryFolder
        const note = "sluice: what is piped in is not passed to the command; --stdin passes it on\n"
        const piped = (words: string) =>
          spawnSync("sh", ["-c", words.replace("sluice", `${process.execPath} ${launcher}`)], {
            env: { PATH: process.env.PATH, HOME: folder, XDG_CACHE_HOME: cacheHome },
            cwd: folder,
            encoding: "utf8"
          })
        assert.deepInclude(piped("echo x | sluice run -- cat"), { status: 0, stdout: "", stderr: note })
        assert.deepInclude(piped("echo x | sluice run --stdin -- cat"), { status: 0, stdout: "x\n", stderr: "" })
        assert.deepInclude(piped("sluice run -- cat < /dev/null"), { status: 0, stdout: "", stderr: "" })
      }),
    limit
  )

  it.live(
    "explain says why a job was cancelled or gave up",
    () =>
      Effect.gen(function* () {
        const { call } = yield* CommandLine.make
        const add = (...args: ReadonlyArray<string>) =>
          Effect.map(call(["add", "-q", ...args]), (it) => it.stdout.trim())
        const parent = yield* add("--retry", "0", "--", "false")
        const child = yield* add("--after", parent, "--", "true")
        yield* call(["worker", "--once", "-q"])
        assert.strictEqual(
          (yield* call(["job", "explain", parent])).lines[0],
          `it is failed (the command ended with exit code 1); sluice job retry ${parent} runs it again`
        )
        assert.match(
          (yield* call(["job", "explain", child])).stdout,
          new RegExp(`^it is cancelled \\(.*${parent}.*\\); sluice job retry ${child} runs it again$`, "m")
        )
        assert.match((yield* call(["job", "logs", child])).stderr, /^$/)
      }),
    limit
  )

  it.live("map knows how GNU parallel spells its flags, and takes no letter for another", () =>
    Effect.gen(function* () {
      const { call } = yield* CommandLine.make
      for (const [words, said] of [
        [["map", "-a", "list", "echo"], 'unknown flag "-a". Here it is --from. See'],
        [["map", "--retries", "2", "echo"], 'unknown flag "--retries". Did you mean --retry? See'],
        [["run", "--retries", "2", "--", "x"], 'unknown flag "--retries". Did you mean --retry? See'],
        [["map", "-n", "2", "echo"], 'unknown flag "-n". Here it is -N. See'],
        [["run", "-n", "2", "--", "x"], 'unknown flag "-n". See'],
        [["map", "-y", "echo"], 'unknown flag "-y". See'],
        [["map", "--keep-ordr", "echo"], "Did you mean --keep-order? See"]
      ] as const) {
        const { code, stderr } = yield* call(words)
        assert.strictEqual(code, 2)
        assert.include(stderr, said)
      }
    })
  )

  it.live(
    "map offers --retry-failed where a run is remembered only, and says what it runs",
    () =>
      Effect.gen(function* () {
        const { call } = yield* CommandLine.make
        const offer = "sluice: the same command with --retry-failed runs them again"
        const failing = ["map", "-j1", "false", ":::", "a"]
        assert.include((yield* call(failing)).stderr, offer)
        assert.notInclude((yield* call(["--store", "memory:", ...failing])).stderr, offer)
        assert.match((yield* call(["map", "--help"])).stdout, /--retry-failed .*failed lines .*and those it left/)
      }),
    limit
  )

  it.live(
    "run beside a busy group says that it is full, and nothing of workers without slots",
    () =>
      Effect.gen(function* () {
        const { call, folder } = yield* CommandLine.make
        yield* call(["queue", "limit", "computation", "1"])
        yield* CliProcess.start(folder, [
          "run",
          "-q",
          "--shell",
          "--",
          "touch up; while [ ! -e go ]; do sleep 0.02; done"
        ])
        yield* CliProcess.until(() => existsSync(path.join(folder, "up")))
        const second = yield* CliProcess.start(folder, ["run", "--", "touch", "go"])
        yield* second.shows(/is full/)
        const { stderr } = yield* Effect.andThen(call(["queue", "limit", "computation", "2"]), second.ended)
        assert.match(stderr, /^sluice: waiting, group computation is full: 1 of 1 run \(.*\)\n$/)
      }).pipe(Effect.scoped),
    limit
  )

  it.live(
    "job ls and job explain say of what a map left that the map has ended",
    () =>
      Effect.gen(function* () {
        const { call, folder } = yield* CommandLine.make
        yield* Effect.scoped(
          Effect.gen(function* () {
            const map = yield* CliProcess.start(folder, [
              "map",
              "-q",
              "-j1",
              "--shell",
              "touch up; sleep 100; {}",
              ":::",
              "a",
              "b"
            ])
            yield* CliProcess.until(() => existsSync(path.join(folder, "up")))
            yield* map.kill("SIGKILL")
            yield* map.ended
          })
        )
        const { lines } = yield* call(["job", "ls", "--state", "pending", "--columns", "when"])
        assert.match(lines[1]!, /, its map or run has ended$/)
        const [id] = (yield* call(["job", "ls", "-q", "--state", "pending"])).lines
        assert.match(
          (yield* call(["job", "explain", id!])).stdout,
          /^the run or map that brought it has ended; the same map goes on with it, or a worker takes it over/
        )
      }),
    limit
  )

  it.live(
    "a map that ended well keeps no logs, since all was printed; one with a failure keeps them",
    () =>
      Effect.gen(function* () {
        const { call, folder } = yield* CommandLine.make
        const logs = () => readdirSync(path.join(folder, "state/sluice/queue.db.outputs"))
        const map = (input: string) => call(["map", "-q", "-j1", "--shell", "echo {}; exit {}", ":::", "0", input])
        assert.deepInclude(yield* map("0"), { code: 0, stdout: "0\n0\n" })
        assert.deepStrictEqual(logs(), [])
        assert.deepInclude(yield* map("1"), { code: 1, stdout: "0\n1\n" })
        assert.lengthOf(logs(), 2)
      }),
    limit
  )
})
