import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schedule } from "effect"
import path from "node:path"
import { Sluice, TaskQueue } from "../../../src/services/Queue/index.ts"
import { sparkline } from "../../../src/cli/terminal/Sparkline.ts"
import * as CommandLine from "../CommandLine.ts"

/** A worker of this process on the file, beside the commands. */
const withWorker = (file: string, options: { readonly reachable: boolean; readonly name?: string }) =>
  Effect.provide(
    Sluice.layerWorker({ name: options.name ?? "one" }).pipe(
      Layer.provideMerge(options.reachable ? Sluice.layerCollectOnRequest : Layer.empty),
      Layer.provideMerge(Sluice.layerSqlite({ path: file, thread: false }))
    )
  )

describe("memory", () => {
  it.live("shows the heap of each worker, its limit, the pressure and the peaks", () =>
    Effect.gen(function* () {
      const { call, folder, json } = yield* CommandLine.make
      const file = path.join(folder, "queue.db")
      const env = { SLUICE_STORE: file }
      yield* Effect.gen(function* () {
        // Until the worker's first beat there is nothing to tell.
        yield* TaskQueue.use((queue) => queue.workers).pipe(
          Effect.repeat({ until: ([worker]) => worker?.load !== undefined, schedule: Schedule.spaced("20 millis") })
        )
        const [shown] = yield* json(["memory", "status", "--json"], { env })
        assert.strictEqual(shown.workers.length, 1)
        const { heapBytes, heapLimitBytes, name, pressure, rssBytes } = shown.workers[0]
        assert.deepStrictEqual([name, pressure], ["one", "ok"])
        assert.isAbove(heapLimitBytes, heapBytes)
        assert.isAbove(rssBytes, heapBytes)
        assert.isAbove(shown.history[0].rssBytesPeak, 0)
        assert.strictEqual(shown.rssBytesPerHour, null)
        const { stdout } = yield* call(["memory", "status"], { env })
        assert.match(stdout, /one +ok +[\d.]+ MiB of [\d.]+ [MG]iB/)
        assert.match(stdout, /resident +[▁-█]+ most .* too short for a trend/)
      }).pipe(withWorker(file, { reachable: true }))
      for (const command of ["status", "gc"]) {
        const none = yield* call(["memory", command], { env })
        assert.strictEqual(none.code, 0)
        assert.include(none.stderr, "no worker is alive; start one in the background with: sluice worker -d")
      }
    })
  )

  it.live("asks workers to collect, says what was freed, and leaves no job behind", () =>
    Effect.gen(function* () {
      const { call, folder, json } = yield* CommandLine.make
      const file = path.join(folder, "queue.db")
      const env = { SLUICE_STORE: file }
      yield* Effect.gen(function* () {
        const [report] = yield* json(["memory", "gc", "--json"], { env })
        assert.deepInclude(report, { name: "one", collected: true, reason: "asked" })
        assert.isAbove(report.pauseMs, 0)
        const said = yield* call(["memory", "gc", "one"], { env })
        assert.match(
          said.stdout,
          /^one freed .* of heap and .* of buffers in .* ms; its resident set is .* (larger|smaller)/
        )
        const [declined] = yield* json(["memory", "gc", "--if-it-pays", "--json"], { env })
        assert.deepInclude(declined, { collected: false, reason: "too-soon" })
        const queue = yield* TaskQueue
        assert.deepStrictEqual((yield* queue.list({})).jobs, [])
        assert.notInclude((yield* call(["worker", "ls"], { env })).stdout, "sluice.gc")
      }).pipe(withWorker(file, { reachable: true }))
    })
  )

  it.live("names workers that are not there, cannot be reached, or are on a paused queue", () =>
    Effect.gen(function* () {
      const { call, folder } = yield* CommandLine.make
      const file = path.join(folder, "queue.db")
      const env = { SLUICE_STORE: file }
      yield* Effect.gen(function* () {
        const unknown = yield* call(["memory", "gc", "onne"], { env })
        assert.strictEqual(unknown.code, 3)
        assert.match(unknown.stderr, /no worker "onne" is alive.*one/)
        const deaf = yield* call(["memory", "gc"], { env })
        assert.strictEqual(deaf.code, 1)
        assert.include(deaf.stderr, "one takes no such requests; its program needs Sluice.layerCollectOnRequest")
        yield* TaskQueue.use((queue) => queue.pause())
        assert.strictEqual((yield* call(["memory", "gc"], { env })).code, 6)
      }).pipe(withWorker(file, { reachable: false }))
    })
  )
})

describe("a row of bars", () => {
  it("runs from the least to the most, and shows the largest of what one bar covers", () => {
    assert.strictEqual(sparkline([1, 2, 3, 4, 5, 6, 7, 8], 8), "▁▂▃▄▅▆▇█")
    assert.strictEqual(sparkline([0, 9, 1, 1], 2), "█▁")
    assert.strictEqual(sparkline([5, 5, 5], 10), "▁▁▁")
    assert.strictEqual(sparkline([], 10), "")
  })
})
