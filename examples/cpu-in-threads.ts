// Work that keeps a core busy runs in a thread: the event loop stays free, and the hard limit can kill that one thread.
import { Effect, Layer, Result, Schema } from "effect"
import assert from "node:assert/strict"
import { Sluice, Task, TaskQueue } from "../src/index.ts"

const module = new URL("./cpu-in-threads/primes.ts", import.meta.url)

const CountPrimes = Task.make("count-primes", {
  payload: { below: Schema.Int },
  success: Schema.Int,
  group: "computation"
})
const Endless = Task.make("endless", {
  payload: Schema.Void,
  group: "computation",
  retry: "none",
  hardLimit: "300 millis"
})

const Handlers = Layer.mergeAll(
  CountPrimes.toThreadLayer({ module }),
  Endless.toThreadLayer({ module, export: "endless" })
)

const program = Effect.gen(function* () {
  const queue = yield* TaskQueue
  const endless = yield* queue.enqueue(Endless, undefined)
  const primes = yield* queue.runMany(CountPrimes, [{ below: 100 }, { below: 1_000_000 }])
  assert.deepEqual(primes, [25, 78_498])

  const end = yield* Effect.result(endless.await)
  assert(Result.isFailure(end) && end.failure._tag === "JobFailed")
  assert.equal(end.failure.failure.cause, "TimedOut")
  console.log(`${primes[1]} primes below a million; the endless loop was stopped`)
})

const Main = Sluice.layerWorker({ threads: 2 }).pipe(Layer.provide(Handlers), Layer.provideMerge(Sluice.layerMemory()))

await Effect.runPromise(Effect.provide(program, Main))
