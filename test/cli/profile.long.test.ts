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
      yield* call("enqueue", "hash", "--payload", '{"n":30000000}')
      yield* Effect.sleep("1 second")
      const stopped = yield* call("profile", "stop")
      assert.strictEqual(stopped.code, 0)
      assert.match(stopped.stdout, /hash +1 /)

      const later = (yield* call("enqueue", "hash", "--payload", '{"n":30000000}', "--in", "4s", "-q")).stdout.trim()
      assert.strictEqual((yield* call("profile", "start", "--job", later)).code, 0)
      yield* call("job", "wait", later)
      yield* Effect.sleep("1 second")
      const report = JSON.parse((yield* call("profile", "get", "last", "--json")).stdout)
      assert.strictEqual(report.label, "job of hash")
      assert.strictEqual(report.slowest[0].job, later)
      assert.strictEqual(report.bottlenecks[0].kind, "cpu")
    }).pipe(Effect.scoped)
  )
})

describe("profile check", () => {
  const payload = ["--payload", '{"n":100000}', "--times", "100"]
  const fewer = reduced ? ["--runs", "12"] : []

  it.live("catches 15 % against the other module, run in turn", () =>
    Effect.gen(function* () {
      const { call } = yield* setUp
      const args = ["profile", "check", "hash", ...payload, ...fewer, "--json"]
      const slower = yield* call(...args, "--tasks", module("slowerTasks"), "--against", module("tasks"))
      assert.strictEqual(slower.code, 1, slower.stdout)
      assert.strictEqual(JSON.parse(slower.stdout).verdict, "regression")
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(reduced)("passes a task that did not change against its baseline, five times", () =>
    Effect.gen(function* () {
      const { call } = yield* setUp
      const saved = yield* call("profile", "baseline", "save", "hash", ...payload)
      assert.strictEqual(saved.code, 0, saved.stderr)
      for (let i = 0; i < 5; i++) {
        const checked = yield* call("profile", "check", "hash")
        assert.strictEqual(checked.code, 0, checked.stdout)
      }
    }).pipe(Effect.scoped)
  )
})
