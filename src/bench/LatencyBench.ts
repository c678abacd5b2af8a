/**
 * How long a job waits before its handler starts: on an idle queue and at a steady rate, in the same process and in
 * another.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { TaskQueue } from "../services/Queue/index.ts"
import { type Channel, spawnProgram } from "./FreshProcess.ts"
import { percentiles, sharedNow, verify } from "./Measuring.ts"
import { perHost } from "./PerHost.ts"
import { sendSteadily } from "./SendSteadily.ts"
import { type Scale, Unverified, type Variant } from "./Variant.ts"
import {
  finished,
  type Host,
  hosts,
  layerFile,
  payload,
  Sink,
  storePath,
  verifyCounters,
  withWorker,
  Work
} from "./Workload.ts"

const rate = 2000

const named = (prefix: string, { p50, p95, p99 }: ReturnType<typeof percentiles>) => ({
  [`${prefix}P50`]: p50,
  [`${prefix}P95`]: p95,
  [`${prefix}P99`]: p99
})

/** One job at a time on an idle queue, one to five milliseconds apart. */
const idle = (host: Host) => (scale: Scale) => {
  const sink = new Sink()
  const warmUp = 100
  const jobs = warmUp + (scale.quick ? 200 : 1000)
  const started = new Float64Array(jobs)
  const acknowledged = new Float64Array(jobs)
  const asked = new Float64Array(jobs)
  return Effect.gen(function* () {
    const queue = yield* TaskQueue
    for (let i = 0; i < jobs; i++) {
      const begun = yield* Deferred.make<void>()
      sink.reset((index) => {
        started[index] = sharedNow()
        Deferred.doneUnsafe(begun, Effect.void)
      })
      asked[i] = sharedNow()
      yield* queue.enqueue(Work, payload(i))
      acknowledged[i] = sharedNow()
      yield* Deferred.await(begun)
      yield* Effect.sleep(1 + (i % 5))
    }
    yield* verifyCounters({ jobs, retried: 0 })
    return differences(started, acknowledged, asked, warmUp)
  }).pipe(Effect.provide(withWorker(layerFile(storePath(scale.folder), host), sink, 100)))
}

/**
 * A handler may start in the stack that acknowledges, before the producer's fiber goes on: then it waited no time at
 * all.
 */
const differences = (started: Float64Array, acknowledged: Float64Array, asked: Float64Array, from: number) => {
  const waits = [...started.slice(from)].map((at, i) => Math.max(0, at - acknowledged[from + i]!))
  const all = [...started.slice(from)].map((at, i) => at - asked[from + i]!)
  return { ...named("acknowledged", percentiles(waits)), ...named("enqueued", percentiles(all)) }
}

/** 2,000 jobs a second for some seconds, whether or not the queue keeps up; waits counted from the intended time. */
const steady = (host: Host) => (scale: Scale) => {
  const sink = new Sink()
  const seconds = scale.quick ? 3 : 10
  const jobs = rate * seconds
  const warmUp = rate
  const started = new Float64Array(jobs)
  const acknowledged = new Float64Array(jobs)
  const intended = new Float64Array(jobs)
  sink.reset((index) => {
    started[index] = sharedNow()
  })
  return Effect.gen(function* () {
    const queue = yield* TaskQueue
    const late: Array<number> = []
    yield* sendSteadily(
      queue,
      { perSecond: rate, jobs },
      (index, at) => {
        intended[index] = at
        late.push(sharedNow() - at)
      },
      (index) => {
        acknowledged[index] = sharedNow()
      }
    )
    yield* finished(sink, jobs)
    yield* verifyCounters({ jobs, retried: 0 })
    return { ...differences(started, acknowledged, intended, warmUp), senderLateP95: percentiles(late).p95 }
  }).pipe(Effect.provide(withWorker(layerFile(storePath(scale.folder), host), sink, 100)))
}

/**
 * The worker's half of the scenarios with another process: tells how long after its payload's time each job started.
 */
export const workerProgram = (file: string, channel: Channel) => {
  let waits: Array<number> = []
  const tell = () => {
    channel.send(waits)
    waits = []
  }
  const sink = new Sink()
  sink.reset((_, time) => {
    if (waits.push(sharedNow() - time) === 1) setTimeout(tell, 50)
  })
  return Effect.sync(() => channel.send("ready")).pipe(
    Effect.andThen(channel.closed),
    Effect.provide(withWorker(layerFile(file, hosts[0]!), sink, 100))
  )
}

/** The worker runs in another process; this one only enqueues. */
const elsewhere = (load: "idle" | "steady") => (scale: Scale) =>
  Effect.gen(function* () {
    const file = storePath(scale.folder)
    const warmUp = load === "idle" ? 50 : rate
    const jobs = warmUp + (load === "idle" ? (scale.quick ? 200 : 1000) : rate * (scale.quick ? 2 : 9))
    const waits: Array<number> = []
    const ready = yield* Deferred.make<void>()
    return yield* Effect.gen(function* () {
      const queue = yield* TaskQueue
      yield* spawnProgram(["worker", file], (message) => {
        if (message === "ready") Deferred.doneUnsafe(ready, Effect.void)
        else waits.push(...(message as ReadonlyArray<number>))
      })
      yield* Deferred.await(ready)
      yield* Effect.sleep("300 millis")
      if (load === "steady")
        yield* sendSteadily(
          queue,
          { perSecond: rate, jobs },
          () => undefined,
          () => undefined
        )
      else {
        for (let i = 0; i < jobs; i++) {
          yield* queue.enqueue(Work, payload(i, sharedNow()))
          yield* Effect.sleep(3 + (i % 5))
        }
      }
      yield* Effect.repeat(Effect.sleep("20 millis"), { while: () => waits.length < jobs }).pipe(
        Effect.timeoutOrElse({
          duration: "30 seconds",
          orElse: () => Effect.fail(new Unverified({ message: `${waits.length} of ${jobs} jobs started elsewhere` }))
        })
      )
      yield* verify("jobs started elsewhere", waits.length, jobs)
      return named("enqueued", percentiles(waits.slice(warmUp)))
    }).pipe(Effect.provide(layerFile(file, hosts[0]!)))
  }).pipe(Effect.scoped)

const waits = (prefix: string, label: string, p95?: number): Variant["figures"] => ({
  [`${prefix}P50`]: { label: `${label}, p50`, unit: "ms", detail: true },
  [`${prefix}P95`]: { label: `${label}, p95`, unit: "ms", ...(p95 !== undefined && { target: { atMost: p95 } }) },
  [`${prefix}P99`]: { label: `${label}, p99`, unit: "ms", detail: true }
})

export const variants: ReadonlyArray<Variant> = [
  ...perHost({
    name: "sqlite/latency/idle",
    figures: {
      ...waits("acknowledged", "acknowledged to started, idle", 0.1),
      ...waits("enqueued", "enqueued to started, idle")
    },
    measure: idle
  }),
  ...perHost({
    name: "sqlite/latency/steady",
    figures: {
      ...waits("acknowledged", "acknowledged to started at 2,000 jobs/s", 0.1),
      ...waits("enqueued", "intended to started at 2,000 jobs/s", 3),
      senderLateP95: { label: "of that the sender's timer, p95", unit: "ms" }
    },
    measure: steady
  }),
  {
    name: "sqlite/latency/other-process/idle",
    figures: waits("enqueued", "enqueued to started in another process, idle", 10),
    measure: elsewhere("idle")
  },
  {
    name: "sqlite/latency/other-process/steady",
    figures: waits("enqueued", "intended to started in another process at 2,000 jobs/s", 10),
    measure: elsewhere("steady")
  }
]
