/** `sluice profile` with real processes: a worker profiled from outside, and comparisons of runs in fresh processes. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import path from "node:path"
import { fileURLToPath } from "node:url"
import * as CliProcess from "./CliProcess.ts"
import { temporaryFolder } from "./CommandLine.ts"

const module = (name: string) => fileURLToPath(new URL(`../support/profiler/${name}.ts`, import.meta.url))

const reduced = process.env.SLUICE_LONG === "reduced"

const setUp = Effect.gen(function* () {
  const folder = yield* temporaryFolder
  const options = { env: { SLUICE_STORE: path.join(folder, "queue.db"), SLUICE_TASKS: module("tasks") } }
  const call = (...args: ReadonlyArray<string>) =>
    Effect.flatMap(CliProcess.start(folder, args, options), ({ ended }) => ended)
  return { folder, options, call }
})

describe("profiling a worker from another process", () => {
  it.live("starts, stops and shows what ran; and profiles one job", () =>
    Effect.gen(function* () {
      const { call, folder, options } = yield* setUp
      const worker = yield* CliProcess.start(folder, ["worker"], options)
      yield* worker.shows(/serves/)
      assert.deepStrictEqual((yield* call("profile", "stop")).code, 6)
      assert.strictEqual((yield* call("profile", "start")).code, 0)
      assert.strictEqual((yield* call("profile", "start")).code, 6)
      const first = (yield* call("enqueue", "hash", "--payload", '{"n":30000000}', "-q")).stdout.trim()
      yield* call("job", "wait", first)
      const stopped = yield* call("profile", "stop")
      assert.strictEqual(stopped.code, 0)
      assert.match(stopped.stdout, /hash +1 /)
      assert.strictEqual((yield* call("job", "profile", first)).code, 0, "a saved profile is shown")

      const missed = (yield* call("enqueue", "hash", "--payload", '{"n":1}', "-q")).stdout.trim()
      yield* call("job", "wait", missed)
      assert.strictEqual((yield* call("job", "profile", missed)).code, 3)

      yield* call("queue", "pause")
      const later = (yield* call("enqueue", "hash", "--payload", '{"n":30000000}', "-q")).stdout.trim()
      const asking = yield* CliProcess.start(folder, ["job", "profile", later, "--json"], options)
      yield* asking.shows(/waiting for that/)
      yield* call("queue", "resume")
      const report = JSON.parse((yield* asking.ended).stdout)
      assert.strictEqual(report.label, "job of hash")
      assert.strictEqual(report.slowest[0].job, later)
      assert.strictEqual(report.bottlenecks[0].kind, "cpu")
    }).pipe(Effect.scoped)
  )
})

describe("the figures of running workers", () => {
  it.live("are those of all together, of each, and of the time from now on", () =>
    Effect.gen(function* () {
      const { call, folder, options } = yield* setUp
      for (const _ of [1, 2]) yield* (yield* CliProcess.start(folder, ["worker"], options)).shows(/serves/)
      for (let i = 0; i < 4; i++) yield* call("enqueue", "hash", "--payload", '{"n":1000000}', "-q")
      yield* call("queue", "drain")
      const figures = (...args: ReadonlyArray<string>) =>
        Effect.map(call("profile", "figures", "--json", ...args), ({ code, stderr, stdout }) => {
          assert.strictEqual(code, 0, stderr)
          return JSON.parse(stdout)
        })
      const all = yield* figures()
      assert.deepInclude(all.tasks[0], { task: "hash", group: "computation", attempts: 4, failed: 0 })
      assert.strictEqual(all.tasks[0].runMs.count, 4)
      assert.strictEqual(all.slowest.length, 4)
      const ended = all.workers.map(({ tasks }: { readonly tasks: ReadonlyArray<{ readonly attempts: number }> }) =>
        tasks.reduce((sum, { attempts }) => sum + attempts, 0)
      )
      assert.strictEqual(ended.length, 2)
      assert.strictEqual(ended[0] + ended[1], 4)
      for (const { process } of all.workers) assert.isAbove(process.rssBytes, process.heapBytes)

      // Which of them took the jobs is theirs to settle: one may have got none, and then has nothing to show.
      const { pid } = all.workers[ended.findIndex((attempts: number) => attempts > 0)]
      const now = yield* figures("--for", "500ms", String(pid))
      assert.deepStrictEqual([now.tasks, now.workers.length, now.workers[0].pid], [[], 1, pid])
      assert.isBelow(
        now.workers[0].periodMs,
        all.workers.find((worker: { readonly pid: number }) => worker.pid === pid).periodMs
      )
      const shown = yield* call("profile", "figures", "--by-worker")
      assert.include(shown.stdout, `worker ${pid}`)
    }).pipe(Effect.scoped)
  )
})

describe("profile check", () => {
  const payload = ["--payload", '{"n":100000}', "--times", "100"]
  /** Short rounds, compared one by one. */
  const inTurn = ["--payload", '{"n":100000}', "--times", "5"]

  it.live("catches 15 % against the other module, run in turn", () =>
    Effect.gen(function* () {
      const { call } = yield* setUp
      const args = ["profile", "check", "hash", ...inTurn, "--json"]
      const slower = yield* call(...args, "--tasks", module("slowerTasks"), "--against", module("tasks"))
      assert.strictEqual(slower.code, 1, slower.stdout)
      assert.strictEqual(JSON.parse(slower.stdout).verdict, "regression")
    }).pipe(Effect.scoped)
  )

  it.live("compares each figure that a task answers, and ends once all are decided", () =>
    Effect.gen(function* () {
      const { call } = yield* setUp
      const both = ["--tasks", module("answeringTasks"), "--against", module("answeringTasks")]
      const checked = yield* call("profile", "check", "parse", ...both, "--metric", "answer", "--rounds", "3", "--json")
      assert.strictEqual(checked.code, 0, checked.stderr)
      const results = checked.stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line))
      assert.deepStrictEqual(
        results.map(({ figure, ratio, runs, verdict }) => ({ figure, ratio, runs, verdict })),
        ["rows", "bytes"].map((figure) => ({ figure, ratio: 1, runs: 6, verdict: "unchanged" }))
      )
    }).pipe(Effect.scoped)
  )

  it.live(
    `passes a task that did not change, ${reduced ? "once, run in turn" : "five times against its baseline"}`,
    () =>
      Effect.gen(function* () {
        const { call } = yield* setUp
        if (reduced) {
          const both = ["--tasks", module("tasks"), "--against", module("tasks")]
          const checked = yield* call("profile", "check", "hash", ...inTurn, ...both)
          return assert.strictEqual(checked.code, 0, checked.stdout)
        }
        const saved = yield* call("profile", "baseline", "save", "hash", ...payload)
        assert.strictEqual(saved.code, 0, saved.stderr)
        for (let i = 0; i < 5; i++) {
          const checked = yield* call("profile", "check", "hash")
          assert.strictEqual(checked.code, 0, checked.stdout)
        }
      }).pipe(Effect.scoped)
  )
})
