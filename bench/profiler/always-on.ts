// What the profiler's recording costs when no profile is taken: CPU time per job of two equal queues, one with it and
// one without.
//
//   node bench/profiler/always-on.ts [memory|sqlite] [pairs]       default: memory, 30 pairs
//
// Both queues live in one process. A pair runs the same jobs on each, in alternating order; the difference of CPU time
// (all threads) per job of each pair is one figure. Prints mean, median and the 95 % interval of the mean (Student's t,
// as normal).

import "../../scripts/wasm-wrappers.mjs"
import { type Context, Effect, Layer, Schema } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { ProfilerSettings, Sluice, Task, TaskQueue } from "../../src/services/Queue/index.ts"

const store = process.argv[2] ?? "memory"
const pairs = Number(process.argv[3] ?? 30)
const jobs = store === "memory" ? 200_000 : 20_000
const batch = store === "memory" ? 1000 : 500
const callers = 4

const Work = Task.make("work", {
  payload: Schema.Struct({ index: Schema.Int }),
  success: Schema.Int,
  group: { name: "bench", limit: 100 }
})
const handler = Work.toLayer(({ index }) => Effect.succeed(index))
const folder = mkdtempSync(path.join(tmpdir(), "sluice-profiler-"))

const queueWith = (enabled: boolean) =>
  Sluice.layerWorker({ slots: { "*": 100 } }).pipe(
    Layer.provideMerge(handler),
    Layer.provideMerge(
      store === "memory" ? Sluice.layerMemory() : Sluice.layerSqlite({ path: path.join(folder, `${enabled}.db`) })
    ),
    Layer.provide(Layer.succeed(ProfilerSettings.Settings, { ...ProfilerSettings.defaults, enabled }))
  )

/** CPU time per job in microseconds. */
const measure = Effect.gen(function* () {
  const queue = yield* TaskQueue
  const before = process.cpuUsage()
  const payloads = Array.from({ length: batch }, (_, index) => ({ index }))
  const caller = Effect.replicateEffect(queue.runMany(Work, payloads), jobs / batch / callers, { discard: true })
  yield* Effect.replicateEffect(caller, callers, { concurrency: callers, discard: true })
  const { system, user } = process.cpuUsage(before)
  return (system + user) / jobs
})

const median = (values: ReadonlyArray<number>) => [...values].sort((a, b) => a - b)[values.length >> 1]!

const program = Effect.gen(function* () {
  const on = yield* Layer.build(queueWith(true))
  const off = yield* Layer.build(queueWith(false))
  const run = (context: Context.Context<TaskQueue>) => Effect.provideContext(measure, context)
  for (let i = 0; i < 3; i++) {
    yield* run(on)
    yield* run(off)
  }
  const differences: Array<number> = []
  const without: Array<number> = []
  for (let i = 0; i < pairs; i++) {
    const first = yield* run(i % 2 === 0 ? on : off)
    const second = yield* run(i % 2 === 0 ? off : on)
    differences.push(i % 2 === 0 ? first - second : second - first)
    without.push(i % 2 === 0 ? second : first)
  }
  const mean = differences.reduce((sum, value) => sum + value, 0) / pairs
  const variance = differences.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (pairs - 1)
  const within = 2.05 * Math.sqrt(variance / pairs)
  console.log(
    JSON.stringify({
      store,
      pairs,
      jobs,
      withoutUs: Number(median(without).toFixed(3)),
      meanUs: Number(mean.toFixed(4)),
      lowUs: Number((mean - within).toFixed(4)),
      highUs: Number((mean + within).toFixed(4)),
      medianUs: Number(median(differences).toFixed(4))
    })
  )
})

await Effect.runPromise(Effect.scoped(program))
rmSync(folder, { recursive: true, force: true })
