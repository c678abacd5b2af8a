/**
 * A process whose task `leaky` keeps 1 kB of each job for good, while `clean` does not, run in changing proportions.
 * Prints the leak hints as JSON. `--tight`: nobody leaks. Started with `--expose-gc`: full collections, which come by
 * themselves in the course of hours, are asked for between rounds. The store is a file, since one in memory keeps
 * finished jobs on the same heap.
 */
import "../../../scripts/wasm-wrappers.mjs"
import { Effect, Layer, Schema } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { PerformanceProfiler, Sluice, Task, TaskQueue } from "../../../src/services/Queue/index.ts"

const Leaky = Task.make("leaky", { payload: Schema.Struct({ index: Schema.Int }) })
const Clean = Task.make("clean", { payload: Schema.Struct({ index: Schema.Int }) })

const leaks = !process.argv.includes("--tight")
const rounds = 40
const kept: Array<unknown> = []

/** About a kilobyte on the heap: 128 numbers of eight bytes. */
const kilobyte = (index: number) => Array.from({ length: 125 }, (_, i) => index + i / 2)

const handlers = Layer.mergeAll(
  Leaky.toLayer(({ index }) =>
    Effect.sync(() => {
      const made = kilobyte(index)
      if (leaks) kept.push(made)
    })
  ),
  Clean.toLayer(({ index }) => Effect.sync(() => void kilobyte(index)))
)

const program = Effect.gen(function* () {
  const queue = yield* TaskQueue
  const profiler = yield* PerformanceProfiler
  let seed = 7
  for (let round = 0; round < rounds; round++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    const share = seed / 2 ** 32
    const some = (count: number) => Array.from({ length: Math.round(count) }, (_, index) => ({ index }))
    yield* queue.runMany(Leaky, some(100 + 800 * share))
    yield* queue.runMany(Clean, some(100 + 800 * (1 - share)))
    globalThis.gc!()
    // Collections are told in a turn of the event loop.
    yield* Effect.sleep("5 millis")
  }
  const { leaks: hints, process: used } = yield* profiler.getBenchmarks
  console.log(JSON.stringify({ hints, heapBytes: used.heapBytes, kept: kept.length }))
})

const folder = mkdtempSync(path.join(tmpdir(), "sluice-leak-"))

const layer = Sluice.layerWorker({ slots: { "*": 100 } }).pipe(
  Layer.provideMerge(handlers),
  Layer.provideMerge(Sluice.layerSqlite({ path: path.join(folder, "jobs.db") }))
)

await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(layer)))
rmSync(folder, { recursive: true, force: true })
