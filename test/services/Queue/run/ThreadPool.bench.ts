/**
 * Calls per second of the thread pool for small jobs, time of one call, and time to start a thread.
 * Run: node test/services/Queue/run/ThreadPool.bench.ts [module of ThreadPoolLive, for a build]
 */
import { availableParallelism, cpus } from "node:os"
import { Effect } from "effect"
import { ThreadPool } from "../../../../src/services/Queue/run/ThreadPool.ts"

const { layer }: typeof import("../../../../src/services/Queue/run/ThreadPoolLive.ts") = await import(
  process.argv[2] ?? "../../../../src/services/Queue/run/ThreadPoolLive.ts"
)

const module = "data:text/javascript,export default (n) => n + 1"
const median = (values: Array<number>) => values.sort((a, b) => a - b)[values.length >> 1]!

const startMillis = Effect.gen(function* () {
  const pool = yield* ThreadPool
  yield* pool.run({ module, payload: { value: 1 } })
  return (yield* pool.stats).lastStartMillis
}).pipe(Effect.provide(layer({ maxThreads: 1 }), { local: true }))

const callsPerSecond = (maxThreads: number, concurrency: number, calls: number) =>
  Effect.gen(function* () {
    const pool = yield* ThreadPool
    const call = (n: number) => pool.run({ module, payload: { json: String(n) } })
    const round = Effect.gen(function* () {
      const start = performance.now()
      const results = yield* Effect.forEach(
        Array.from({ length: calls }, (_, n) => n),
        call,
        { concurrency }
      )
      if (!results.every((result, n) => result === n + 1)) return yield* Effect.die("a result is wrong")
      return (calls / (performance.now() - start)) * 1000
    })
    yield* round
    const rounds: Array<number> = []
    for (let i = 0; i < 5; i++) rounds.push(yield* round)
    return median(rounds)
  }).pipe(Effect.provide(layer({ maxThreads, recycleAfterJobs: 1e9 }), { local: true }))

await Effect.runPromise(
  Effect.gen(function* () {
    console.log(`node ${process.version}, ${cpus()[0]?.model}, ${availableParallelism()} cores`)
    const starts: Array<number> = []
    for (let i = 0; i < 9; i++) starts.push(yield* startMillis)
    console.log(
      `thread start: ${median(starts).toFixed(0)} ms (median of 9, ${starts[0]!.toFixed(0)} to ${starts[8]!.toFixed(0)})`
    )
    for (const [threads, concurrency] of [
      [1, 1],
      [1, 8],
      [2, 16]
    ] as const) {
      const rate = yield* callsPerSecond(threads, concurrency, 10_000)
      console.log(
        `${threads} thread(s), ${concurrency} caller(s): ${Math.round(rate)} calls/s (median of 5 rounds of 10,000)`
      )
    }
  })
)
