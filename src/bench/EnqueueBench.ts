/** Enqueues into a store file, each awaited until it is durable: one at a time, by many fibers at once, and in bulk. */
import * as Effect from "effect/Effect"
import { statSync } from "node:fs"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { type JobFilter, TaskQueue } from "../services/Queue/index.ts"
import { closedLoop, collectGarbage, stopwatch, verify } from "./Measuring.ts"
import { perHost, speedFigures } from "./PerHost.ts"
import * as RawLimits from "./RawLimits.ts"
import type { Figures, Scale, Target, Variant } from "./Variant.ts"
import { expectedSum, type Host, layerFile, payload, payloads, storePath, Work } from "./Workload.ts"

/** The largest the WAL was while the scope was open, in MiB. */
const walPeak = (file: string) =>
  Effect.gen(function* () {
    let peak = 0
    const look = () => {
      peak = Math.max(peak, statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0)
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => setInterval(look, 20)),
      (timer) => Effect.sync(() => clearInterval(timer))
    )
    return () => {
      look()
      return peak / 2 ** 20
    }
  })

/**
 * p99 of the event loop's delay while the scope is open, in milliseconds. It is sampled each millisecond, so that is
 * its floor.
 */
const loopDelay = Effect.gen(function* () {
  const histogram = yield* Effect.acquireRelease(
    Effect.sync(() => monitorEventLoopDelay({ resolution: 1 })),
    (histogram) => Effect.sync(() => histogram.disable())
  )
  return {
    start: () => histogram.enable(),
    // A loop that did not turn until the end is sampled now.
    p99: Effect.map(Effect.sleep("5 millis"), () => histogram.percentile(99) / 1e6)
  }
})

/** Opens the file anew and reads every job of it back. */
const verifyFile = (file: string, jobs: number) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    const pending: JobFilter = { tasks: [Work.name], states: ["pending"] }
    yield* verify("pending jobs by the counters", (yield* queue.count(pending)).count, jobs)
    let found = 0
    let sum = 0
    let page = yield* queue.list(pending, { limit: 1000, order: "oldest" })
    for (;;) {
      found += page.jobs.length
      for (const job of page.jobs) sum += (job.payload as { readonly index: number }).index
      if (page.next === undefined) break
      page = yield* queue.list(pending, { limit: 1000, order: "oldest", cursor: page.next })
    }
    yield* verify("pending jobs read back", found, jobs)
    yield* verify("sum of their indexes", sum, expectedSum(jobs))
  }).pipe(Effect.provide(layerFile(file, { name: "direct", thread: false })))

/** `send(from, count)` enqueues the jobs from index `from`, and completes when all are acknowledged. */
const measured = (
  scale: Scale,
  host: Host,
  full: number,
  send: (queue: TaskQueue["Service"], from: number, count: number) => Effect.Effect<void, unknown>
) =>
  Effect.gen(function* () {
    const file = storePath(scale.folder)
    const jobs = scale.quick ? full / 5 : full
    const warmUp = jobs / 10
    const figures = yield* Effect.gen(function* () {
      const queue = yield* TaskQueue
      yield* send(queue, 0, warmUp)
      yield* collectGarbage
      const delay = yield* loopDelay
      const wal = yield* walPeak(file)
      yield* Effect.sleep("5 millis")
      delay.start()
      const stop = stopwatch(jobs)
      yield* send(queue, warmUp, jobs)
      const speed = stop()
      return { ...speed, loopDelay: yield* delay.p99, wal: wal() } satisfies Figures
    }).pipe(Effect.scoped, Effect.provide(layerFile(file, host)))
    yield* verifyFile(file, warmUp + jobs)
    return figures
  })

const awaited = (fibers: number, full: number, host: Host) => (scale: Scale) =>
  measured(scale, host, full, (queue, from, count) =>
    closedLoop(fibers, count, (index) => queue.enqueue(Work, payload(from + index)))
  )

const bulk = (perCall: number, full: number, host: Host) => (scale: Scale) =>
  measured(scale, host, full, (queue, from, count) =>
    closedLoop(1, count / perCall, (index) => queue.enqueueMany(Work, payloads(from + index * perCall, perCall)))
  )

const ratio = (atLeast: number): Target => ({ atLeast, of: "ratio" })

export const variants: ReadonlyArray<Variant> = [
  RawLimits.disk,
  RawLimits.single,
  ...perHost({
    name: "sqlite/enqueue/1",
    figures: speedFigures("awaited enqueues of 1 fiber", ratio(0.65), RawLimits.single),
    measure: (host) => awaited(1, 8_000, host)
  }),
  ...perHost({
    name: "sqlite/enqueue/10",
    figures: speedFigures("awaited enqueues of 10 fibers", { atLeast: 20_000 }, RawLimits.bulk),
    measure: (host) => awaited(10, 40_000, host)
  }),
  ...perHost({
    name: "sqlite/enqueue/100",
    figures: {
      ...speedFigures("awaited enqueues of 100 fibers", ratio(0.5), RawLimits.bulk),
      loopDelay: { label: "event-loop delay meanwhile, p99", unit: "ms", target: { atMost: 3 } },
      wal: { label: "largest WAL meanwhile", unit: "MiB", target: { atMost: 16 } }
    },
    measure: (host) => awaited(100, 100_000, host)
  }),
  RawLimits.bulk,
  ...perHost({
    name: "sqlite/bulk/100",
    figures: speedFigures("enqueueMany of 100, one caller", ratio(0.6), RawLimits.bulk),
    measure: (host) => bulk(100, 100_000, host)
  }),
  ...perHost({
    name: "sqlite/bulk/1000",
    figures: speedFigures("enqueueMany of 1,000, one caller", undefined, RawLimits.bulk),
    measure: (host) => bulk(1000, 100_000, host)
  })
]
