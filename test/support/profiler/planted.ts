/**
 * A process that is held back by what its argument names: `cpu`, `memory`, `io`, `store` or `lock`, or by nothing
 * (`none`). Profiles itself and prints the report as JSON. The slow disk is a pipe into which another process writes
 * every now and then: reads of it wait in the system as reads of a slow disk do.
 */
import "../../../scripts/wasm-wrappers.mjs"
import { Effect, Layer, Schema, Semaphore } from "effect"
import { execFileSync, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { open } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { JobStore, PerformanceProfiler, Sluice, Task, TaskQueue } from "../../../src/services/Queue/index.ts"
import * as JobStoreMemory from "../../../src/services/Store/memory/JobStoreMemory.ts"

const planted = process.argv[2]!
const folder = mkdtempSync(path.join(tmpdir(), "sluice-planted-"))
const pipe = path.join(folder, "slow")

const Planted = Task.make("planted", { payload: Schema.Int })
const Harmless = Task.make("harmless", { payload: Schema.Int })

const compute = (n: number): number => {
  let sum = 0
  for (let i = 0; i < n; i++) sum += Math.sqrt(i)
  return sum
}

/** Alive long enough to be copied, then dropped: what makes collections dear. */
const alive: Array<ReadonlyArray<unknown>> = []
const allocate = () => {
  alive.push(Array.from({ length: 60_000 }, (_, i) => ({ i, pair: [i, i] })))
  if (alive.length > 20) alive.shift()
}

const lock = Semaphore.makeUnsafe(1)

const handlers: Readonly<Record<string, Effect.Effect<unknown>>> = {
  cpu: Effect.sync(() => compute(2_000_000)),
  memory: Effect.sync(allocate),
  io: Effect.promise(async () => {
    const file = await open(pipe, "r")
    try {
      await file.read(Buffer.alloc(16), 0, 16)
    } finally {
      await file.close()
    }
  }),
  store: Effect.void,
  // Long beside what a cold start adds to the first attempt, the only one that finds the lock free.
  lock: lock.withPermit(Effect.sleep("40 millis")),
  none: Effect.sleep("20 millis")
}

/** Turns take 30 ms, as over a slow network. */
const slowStore = Layer.effect(
  JobStore,
  Effect.map(JobStore, (store) => ({
    ...store,
    turnSync: undefined,
    turn: (turn: Parameters<typeof store.turn>[0]) => Effect.andThen(Effect.sleep("30 millis"), store.turn(turn))
  }))
).pipe(Layer.provideMerge(JobStoreMemory.layer()))

const queue = planted === "store" ? Sluice.layer.pipe(Layer.provideMerge(slowStore)) : Sluice.layerMemory()
const layer = Sluice.layerWorker({ slots: { "*": 3 } }).pipe(
  Layer.provideMerge(
    Layer.mergeAll(
      Planted.toLayer(() => Effect.asVoid(handlers[planted]!)),
      Harmless.toLayer(() => Effect.sync(() => void compute(1000)))
    )
  ),
  Layer.provideMerge(queue)
)

let writer: ReturnType<typeof spawn> | undefined
if (planted === "io") {
  execFileSync("mkfifo", [pipe])
  writer = spawn("sh", ["-c", `while sleep 0.02; do echo slow; done > ${pipe}`], { stdio: "ignore" })
}
const end = () => {
  writer?.kill("SIGKILL")
  rmSync(folder, { recursive: true, force: true })
  process.exit(0)
}
const program = Effect.gen(function* () {
  const queue = yield* TaskQueue
  const profiler = yield* PerformanceProfiler
  const numbers = Array.from({ length: 3000 }, (_, i) => i)
  yield* profiler.startProfiling
  yield* queue.enqueueMany(Planted, numbers)
  yield* queue.enqueueMany(Harmless, numbers.slice(0, 50), { group: "network" })
  yield* Effect.sleep("1500 millis")
  const report = yield* profiler.stopProfiling
  // What is left of the work need not be waited for.
  console.log(JSON.stringify(report))
  end()
})

Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(layer))).then(end, (error) => {
  console.error(error)
  end()
})
