/**
 * A process of its own under a heap cap: its group can sustain two hundred jobs a second, which is measured first; it
 * is then offered ten times that in an open loop, and says in one line of JSON what became of every job. A tenth of the
 * offers waits for its result.
 *
 *     node --max-old-space-size=256 overload.ts memory|FILE SECONDS [LIVE] [BYTES]
 *
 * LIVE: jobs the file takes before it refuses by itself, so that the disk is not what is measured. BYTES: of a payload.
 */
import "../../../scripts/wasm-wrappers.mjs"
import { Cause, Effect, Exit, Layer, Schedule, Schema } from "effect"
import {
  MemoryOptimizer,
  type PressureLevel,
  QueueSettings,
  Sluice,
  Task,
  TaskQueue
} from "../../../src/services/Queue/index.ts"

const [store = "memory", secondsText = "20", liveText = "10000", bytesText = "32000"] = process.argv.slice(2)
const loadMs = Number(secondsText) * 1000
const times = 10
const measureMs = Math.min(4_000, loadMs / 2)
const closedLoopFibers = 100
const slots = 10
/**
 * Of a job. Producer and worker share one event loop, so what bounds the worker is its slots: ten times of that can
 * still be offered.
 */
const runMs = 50
const sustainable = (slots * 1000) / runMs
const tickMs = 5
const filler = Buffer.alloc(Number(bytesText), "x")
/** A string of its own for each job. */
const fill = () => filler.toString("latin1")

const Work = Task.make("work", {
  payload: Schema.Struct({ n: Schema.Int, fill: Schema.String }),
  success: Schema.Int,
  group: { name: "network", limit: slots },
  retry: "none"
})

/** By number of the job; outside the heap. */
class Marks {
  private bytes = new Uint8Array(1 << 20)
  count = 0
  add(n: number): void {
    if (n >= this.bytes.length) {
      const larger = new Uint8Array(2 * this.bytes.length)
      larger.set(this.bytes)
      this.bytes = larger
    }
    this.bytes[n]!++
    this.count++
  }
  of(n: number): number {
    return this.bytes[n] ?? 0
  }
}

const runs = new Marks()
const accepted = new Marks()
const refused: Record<string, number> = {}
const levelsSeen = new Set<PressureLevel>()

const handler = Work.toLayer(({ n }) =>
  Effect.as(
    Effect.andThen(
      Effect.sleep(runMs),
      Effect.sync(() => runs.add(n))
    ),
    n
  )
)

const program = Effect.gen(function* () {
  const queue = yield* TaskQueue
  const optimizer = yield* MemoryOptimizer
  const context = yield* Effect.context<never>()
  const fork = Effect.runForkWith(context)
  let n = 0

  // That it can be sustained: as fast as results come back.
  const untilMeasured = performance.now() + measureMs
  const before = n
  yield* Effect.all(
    Array.from({ length: closedLoopFibers }, () =>
      Effect.gen(function* () {
        while (performance.now() < untilMeasured) {
          const mine = n++
          yield* queue.run(Work, { n: mine, fill: fill() })
          accepted.add(mine)
        }
      })
    ),
    { concurrency: "unbounded" }
  )
  const closedLoop = (n - before) / (measureMs / 1000)
  const offers = (times * sustainable * loadMs) / 1000

  // The load, in an open loop: offers come at their time, whatever becomes of those before.
  let pending = 0
  let pendingMost = 0
  let rssMost = 0
  let heapMost = 0
  const isAwaited = (mine: number) => mine % 10 === 0
  const offer = (mine: number) => {
    const call: Effect.Effect<unknown, unknown> = isAwaited(mine)
      ? queue.run(Work, { n: mine, fill: fill() })
      : queue.enqueue(Work, { n: mine, fill: fill() })
    pending++
    pendingMost = Math.max(pendingMost, pending)
    fork(call).addObserver((exit) => {
      pending--
      if (Exit.isSuccess(exit)) return accepted.add(mine)
      const error = Cause.squash(exit.cause) as { readonly _tag?: string; readonly reason?: { readonly _tag: string } }
      const name = error.reason?._tag ?? error._tag ?? String(error)
      refused[name] = (refused[name] ?? 0) + 1
    })
  }
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  const first = n
  const runsBefore = runs.count
  while (n - first < offers) {
    const due = Math.min(offers, Math.floor((offers * (performance.now() - startedAt)) / loadMs))
    while (n - first < due) offer(n++)
    yield* Effect.sleep(tickMs)
    if (n % 7 === 0) {
      const { heapUsedBytes, pressure, rssBytes } = yield* optimizer.monitorMemory
      levelsSeen.add(pressure.level)
      rssMost = Math.max(rssMost, rssBytes)
      heapMost = Math.max(heapMost, heapUsedBytes)
    }
  }
  const loadTookMs = performance.now() - startedAt
  const { system, user } = process.cpuUsage(cpuBefore)
  const cpu = system + user
  const doneDuring = runs.count - runsBefore

  // Everything accepted is done, however long it takes.
  for (;;) {
    const { count } = yield* queue.count({ states: ["scheduled", "pending", "running"] })
    if (count === 0 && pending === 0) break
    yield* Effect.sleep("100 millis")
  }
  const drainedMs = performance.now() - startedAt - loadTookMs
  const { pressure } = yield* optimizer.monitorMemory
  // When all is over, a new job is taken in again.
  const last = n++
  const after = yield* queue
    .run(Work, { n: last, fill: fill() })
    .pipe(Effect.retry({ times: 100, schedule: Schedule.spaced("100 millis") }), Effect.exit)

  let lost = 0
  let twice = 0
  let unasked = 0
  for (let i = 0; i < n - 1; i++) {
    if (accepted.of(i) > 0 && runs.of(i) === 0) lost++
    if (runs.of(i) > 1) twice++
    if (accepted.of(i) === 0 && runs.of(i) > 0) unasked++
  }
  return {
    store: store === "memory" ? "memory" : "sqlite",
    heapLimitBytes: pressure.heapLimitBytes,
    sustainablePerSecond: sustainable,
    closedLoopPerSecond: Math.round(closedLoop),
    seconds: Math.round(loadTookMs) / 1000,
    offered: offers,
    offeredPerSecond: Math.round(offers / (loadTookMs / 1000)),
    cpu: Math.round(cpu / loadTookMs / 10) / 100,
    acceptedWhole: accepted.count,
    refused,
    donePerSecondMeanwhile: Math.round(doneDuring / (loadTookMs / 1000)),
    drainedMs: Math.round(drainedMs),
    lost,
    twice,
    unasked,
    pendingMost,
    heapMostMiB: Math.round(heapMost / 1024 / 1024),
    rssMostMiB: Math.round(rssMost / 1024 / 1024),
    levels: [...levelsSeen],
    collections: pressure.collections,
    collectionPauseMs: Math.round(pressure.collectionPauseMs),
    openAgain: Exit.isSuccess(after)
  }
})

const storeLayer =
  store === "memory" ? Sluice.layerMemory() : Sluice.layerSqlite({ path: store, maxLive: Number(liveText) })

const main = Layer.mergeAll(Sluice.layerWorker(), Sluice.layerMemoryOptimizer).pipe(
  Layer.provideMerge(handler),
  Layer.provideMerge(storeLayer),
  Layer.provide(Layer.succeed(QueueSettings.Settings, QueueSettings.defaults))
)

const result = await Effect.runPromise(Effect.provide(program, main))
console.log(JSON.stringify(result))
