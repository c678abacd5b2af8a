/**
 * The memory store: typed jobs end to end with their results awaited, the wait of a job on an idle queue, heap per
 * pending job.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import { QueueEvents, Sluice, TaskQueue } from "../services/Queue/index.ts"
import { closedLoop, collectGarbage, now, percentiles, stopwatch, verify } from "./Measuring.ts"
import { cpuFigure, type Scale, type Variant } from "./Variant.ts"
import { expectedSum, payload, payloads, Sink, verifyCounters, withWorker, Work } from "./Workload.ts"

/** Jobs of one `runMany`, and fibers that call it. */
const batch = 1000
const callers = 4
/** One job in so many fails its first attempt and is retried. */
const failing = 1000

/** Counts events until its scope closes: a subscriber that keeps up as well as it can. */
const subscriber = Effect.gen(function* () {
  const events = yield* QueueEvents
  const subscription = yield* events.subscribe
  const seen = { count: 0 }
  yield* PubSub.takeAll(subscription).pipe(
    Effect.map((taken) => {
      seen.count += taken.length
    }),
    Effect.forever,
    Effect.forkScoped
  )
  return seen
})

const answer = {
  synchronous: (index: number) => Effect.succeed(index),
  asynchronous: (index: number) => Effect.promise(() => Promise.resolve(index))
} as const

const endToEnd = (kind: keyof typeof answer) => (scale: Scale) => {
  const jobs = scale.quick ? 200_000 : 1_000_000
  const warmUp = jobs / 5
  const handler = Work.toLayer(({ index }, job) =>
    index % failing === failing - 1 && job.attempt === 1 ? Effect.fail("again") : answer[kind](index)
  )
  const queueLayer = Sluice.layerWorker({ slots: { "*": 100 } }).pipe(
    Layer.provideMerge(handler),
    Layer.provideMerge(Sluice.layerMemory())
  )
  return Effect.gen(function* () {
    const queue = yield* TaskQueue
    const seen = yield* subscriber
    let sum = 0
    const run = (from: number, count: number) =>
      closedLoop(callers, count / batch, (index) =>
        Effect.map(queue.runMany(Work, payloads(from + index * batch, batch)), (results) => {
          for (const result of results) sum += result
        })
      )
    yield* run(0, warmUp)
    yield* collectGarbage
    const stop = stopwatch(jobs)
    yield* run(warmUp, jobs)
    const speed = stop()
    const all = warmUp + jobs
    yield* verify("sum of the results", sum, expectedSum(all))
    yield* verifyCounters({ jobs: all, retried: all / failing })
    yield* Effect.sleep("10 millis")
    // Enqueued, Started, Completed of each job; Retried and Started again of some.
    const published = 3 * all + (2 * all) / failing
    return { ...speed, eventsSeen: (seen.count / published) * 100 }
  }).pipe(Effect.scoped, Effect.provide(queueLayer))
}

const pickUp = (scale: Scale) => {
  const sink = new Sink()
  const jobs = scale.quick ? 300 : 1000
  const warmUp = 300
  return Effect.gen(function* () {
    const queue = yield* TaskQueue
    const waits: Array<number> = []
    for (let i = 0; i < warmUp + jobs; i++) {
      const started = yield* Deferred.make<number>()
      sink.reset(() => Deferred.doneUnsafe(started, Effect.succeed(now())))
      const asked = now()
      yield* queue.enqueue(Work, payload(i))
      waits.push((yield* Deferred.await(started)) - asked)
      // Idle again, at another phase of every timer.
      yield* Effect.sleep(1 + (i % 5))
    }
    yield* verifyCounters({ jobs: warmUp + jobs, retried: 0 })
    return percentiles(waits.slice(warmUp))
  }).pipe(Effect.provide(withWorker(Sluice.layerMemory(), sink, 10)))
}

const heap = (scale: Scale) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    const jobs = scale.quick ? 100_000 : 500_000
    const used = () => {
      const { arrayBuffers, heapUsed } = process.memoryUsage()
      return heapUsed + arrayBuffers
    }
    yield* queue.enqueueMany(Work, payloads(0, batch))
    yield* collectGarbage
    const before = used()
    for (let i = 0; i < jobs; i += batch) yield* queue.enqueueMany(Work, payloads(i, batch))
    yield* Effect.sleep("20 millis")
    yield* collectGarbage
    const bytes = used() - before
    const { count } = yield* queue.count({ states: ["pending"] })
    yield* verify("pending jobs", count, jobs + batch)
    return { perJob: bytes / jobs }
  }).pipe(Effect.provide(Sluice.layerMemory()))

/**
 * What a queue in plain JavaScript does in this process: a ring of jobs, a promise for each result, no limits, retries
 * or events.
 */
const ring = (scale: Scale) =>
  Effect.gen(function* () {
    const jobs = scale.quick ? 200_000 : 1_000_000
    const slots = 100
    const cells: Array<{ readonly index: number; readonly resume: (value: number) => void }> = []
    const run = async (from: number, count: number): Promise<number> => {
      let sum = 0
      for (let i = from; i < from + count; i += batch) {
        const results = Array.from(
          { length: batch },
          (_, k) => new Promise<number>((resume) => cells.push({ index: payload(i + k).index, resume }))
        )
        let head = 0
        while (head < cells.length) {
          for (const { index, resume } of cells.slice(head, head + slots)) resume(index)
          head += slots
        }
        cells.length = 0
        for (const result of await Promise.all(results)) sum += result
      }
      return sum
    }
    const warm = yield* Effect.promise(() => run(0, jobs / 5))
    yield* collectGarbage
    const stop = stopwatch(jobs)
    const sum = yield* Effect.promise(() => run(jobs / 5, jobs))
    const speed = stop()
    yield* verify("sum of the results", warm + sum, expectedSum(jobs / 5 + jobs))
    return speed
  })

export const variants: ReadonlyArray<Variant> = [
  {
    name: "memory/ring",
    figures: {
      perSec: { label: "plain ring with a promise per result (context)", unit: "jobs/s" },
      cpu: cpuFigure("plain ring")
    },
    measure: ring
  },
  {
    name: "memory/end-to-end/synchronous",
    figures: {
      perSec: {
        label: "end to end, results awaited, synchronous handlers",
        unit: "jobs/s",
        target: { atLeast: 800_000 },
        against: "memory/ring"
      },
      eventsSeen: { label: "events the subscriber received", unit: "%", detail: true },
      cpu: cpuFigure("end to end, synchronous handlers")
    },
    measure: endToEnd("synchronous")
  },
  {
    name: "memory/end-to-end/asynchronous",
    figures: {
      perSec: {
        label: "end to end, results awaited, asynchronous handlers",
        unit: "jobs/s",
        target: { atLeast: 500_000 },
        against: "memory/ring"
      },
      eventsSeen: { label: "events the subscriber received", unit: "%", detail: true },
      cpu: cpuFigure("end to end, asynchronous handlers")
    },
    measure: endToEnd("asynchronous")
  },
  {
    name: "memory/pick-up",
    figures: {
      p50: { label: "pick-up on an idle queue, p50", unit: "ms", detail: true },
      p95: { label: "pick-up on an idle queue, p95", unit: "ms", target: { atMost: 0.1 } },
      p99: { label: "pick-up on an idle queue, p99", unit: "ms", detail: true }
    },
    measure: pickUp
  },
  {
    name: "memory/heap",
    figures: { perJob: { label: "heap per pending job, payload object included", unit: "B", target: { atMost: 300 } } },
    measure: heap
  }
]
