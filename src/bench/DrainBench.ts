/**
 * Jobs run out of a store file with their history kept: a backlog drained, and producers and a worker at the same time.
 */
import * as Effect from "effect/Effect"
import { Session } from "node:inspector/promises"
import { TaskQueue } from "../services/Queue/index.ts"
import { closedLoop, collectGarbage, stopwatch, verify } from "./Measuring.ts"
import { perHost, speedFigures } from "./PerHost.ts"
import { callsShare } from "./Profile.ts"
import * as RawLimits from "./RawLimits.ts"
import { type Scale, Unverified, type Variant } from "./Variant.ts"
import {
  expectedSum,
  finished,
  group,
  type Host,
  layerFile,
  payload,
  payloads,
  Sink,
  storePath,
  verifyCounters,
  widePayload,
  withWorker,
  Work
} from "./Workload.ts"

const perCall = 1000

/** From the first start of a handler until the last completion is durable. `around` surrounds that time. */
const drained = (
  scale: Scale,
  host: Host,
  slots: number,
  full: number,
  of: typeof payload,
  around: { readonly begin: Effect.Effect<void>; readonly end: Effect.Effect<void> }
) => {
  const sink = new Sink()
  const jobs = scale.quick ? full / 5 : full
  const warmUp = jobs / 10
  return Effect.gen(function* () {
    const queue = yield* TaskQueue
    const fill = (count: number) =>
      Effect.forEach(
        Array.from({ length: count / perCall }, (_, i) => i),
        (i) => queue.enqueueMany(Work, payloads(i * perCall, perCall, of)),
        { discard: true }
      )
    yield* fill(warmUp)
    yield* finished(sink, warmUp)
    yield* queue.pause(group.name)
    yield* fill(jobs)
    yield* verify("jobs started while paused", sink.started, warmUp)
    sink.reset()
    yield* collectGarbage
    const stop = stopwatch(jobs)
    yield* around.begin
    yield* queue.resume(group.name)
    yield* finished(sink, jobs)
    const speed = stop(sink.firstAt)
    yield* around.end
    yield* verify("sum of the indexes", sink.sum, expectedSum(jobs))
    yield* verifyCounters({ jobs: warmUp + jobs, retried: 0 })
    return speed
  }).pipe(Effect.provide(withWorker(layerFile(storePath(scale.folder), host), sink, slots)))
}

const drain =
  (slots: number, full: number, host: Host, of: typeof payload = payload) =>
  (scale: Scale) =>
    drained(scale, host, slots, full, of, { begin: Effect.void, end: Effect.void })

/**
 * The counters' share of a drain. They cannot be switched off, so a sampling profiler counts the time inside the
 * functions that keep them: changes in memory for each job, one UPDATE per changed lane in each turn.
 */
const countersShare = (scale: Scale) =>
  Effect.gen(function* () {
    const session = yield* Effect.acquireRelease(
      Effect.sync(() => new Session()),
      (session) => Effect.sync(() => session.disconnect())
    )
    session.connect()
    yield* Effect.promise(() => session.post("Profiler.enable"))
    yield* Effect.promise(() => session.post("Profiler.setSamplingInterval", { interval: 100 }))
    let share: number | undefined
    yield* drained(scale, { name: "direct", thread: false }, 100, 50_000, payload, {
      begin: Effect.promise(() => session.post("Profiler.start")),
      end: Effect.map(
        Effect.promise(() => session.post("Profiler.stop")),
        ({ profile }) => {
          share = callsShare(profile, /\/sqlite\/LaneCounters\.[jt]s$/, ["flush", "add", "move"])
        }
      )
    })
    if (share === undefined || share === 0) {
      return yield* new Unverified({ message: "the functions that keep the counters are not in the profile" })
    }
    return { share: share * 100 }
  }).pipe(Effect.scoped)

const endToEnd = (producers: number, full: number, host: Host) => (scale: Scale) => {
  const sink = new Sink()
  const jobs = scale.quick ? full / 5 : full
  const warmUp = jobs / 10
  return Effect.gen(function* () {
    const queue = yield* TaskQueue
    const run = (count: number) =>
      Effect.andThen(
        closedLoop(producers, count, (index) => queue.enqueue(Work, payload(index))),
        finished(sink, count)
      )
    yield* run(warmUp)
    sink.reset()
    yield* collectGarbage
    const stop = stopwatch(jobs)
    yield* run(jobs)
    const speed = stop()
    yield* verify("sum of the indexes", sink.sum, expectedSum(jobs))
    yield* verifyCounters({ jobs: warmUp + jobs, retried: 0 })
    return speed
  }).pipe(Effect.provide(withWorker(layerFile(storePath(scale.folder), host), sink, 100)))
}

export const variants: ReadonlyArray<Variant> = [
  ...perHost({
    name: "sqlite/drain/100",
    figures: speedFigures("drain with history, 100 slots", { atLeast: 0.55, of: "ratio" }, RawLimits.drain100),
    measure: (host) => drain(100, 50_000, host)
  }),
  RawLimits.drain100,
  ...perHost({
    name: "sqlite/drain/wide",
    figures: speedFigures("drain with history, 100 slots, payloads of 2 kB"),
    measure: (host) => drain(100, 20_000, host, widePayload)
  }),
  RawLimits.drain10,
  ...perHost({
    name: "sqlite/drain/10",
    figures: speedFigures("drain with history, 10 slots", { atLeast: 17_000 }, RawLimits.drain10),
    measure: (host) => drain(10, 50_000, host)
  }),
  ...perHost({
    name: "sqlite/end-to-end/10",
    figures: speedFigures("end to end, 10 producers", { atLeast: 20_000 }),
    measure: (host) => endToEnd(10, 30_000, host)
  }),
  ...perHost({
    name: "sqlite/end-to-end/100",
    figures: speedFigures("end to end, 100 producers", { atLeast: 40_000 }),
    measure: (host) => endToEnd(100, 50_000, host)
  }),
  {
    name: "sqlite/counters",
    figures: { share: { label: "exact counters, share of a drain (profiled)", unit: "%", target: { atMost: 20 } } },
    measure: countersShare
  }
]
