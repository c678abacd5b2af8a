/**
 * The job every scenario runs: 210 bytes of payload, a handler that does next to nothing, a result that can be added
 * up.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import path from "node:path"
import { type JobFilter, QueueSettings, ResourceGroup, Sluice, Task, TaskQueue } from "../services/Queue/index.ts"
import { now, verify } from "./Measuring.ts"
import { Unverified } from "./Variant.ts"

/** Of all scenarios; a worker's own slots are the smaller bound where a scenario says so. */
export const group = ResourceGroup.make("bench", 100)

const pad = "x".repeat(150)
const widePad = "x".repeat(1_940)

/** `index` from 0; `time` is whatever the scenario wants to find again. About 210 bytes as JSON. */
export const payload = (index: number, time = 0) => ({ index, time, to: "user@example.com", text: pad })

/** The same with 2,000 bytes. */
export const widePayload = (index: number) => ({ ...payload(index), text: widePad })

const Payload = Schema.Struct({
  index: Schema.Int,
  time: Schema.Finite,
  to: Schema.String,
  text: Schema.String
})

/** Its retries come at once, so that a scenario with failing attempts does not measure their delay. */
export const Work = Task.make("bench", {
  payload: Payload,
  success: Schema.Int,
  error: Schema.String,
  group,
  retry: "quick"
})

export const payloads = (from: number, count: number, of: typeof payload = payload) =>
  Array.from({ length: count }, (_, i) => of(from + i))

/** What the handler's results of the jobs 0 to `jobs - 1` add up to. */
export const expectedSum = (jobs: number): number => (jobs * (jobs - 1)) / 2

/** What the handlers of one process saw since `reset`. */
export class Sink {
  started = 0
  sum = 0
  firstAt = 0
  onStart: ((index: number, time: number) => void) | undefined

  reset(onStart?: (index: number, time: number) => void): void {
    this.started = 0
    this.sum = 0
    this.firstAt = 0
    this.onStart = onStart
  }

  start(index: number, time: number): number {
    if (this.started === 0) this.firstAt = now()
    this.started++
    this.sum += index
    this.onStart?.(index, time)
    return index
  }
}

/** A handler that runs through in the worker's stack. */
export const layerHandler = (sink: Sink) => Work.toLayer(({ index, time }) => Effect.succeed(sink.start(index, time)))

export interface Host {
  /** Where the store's calls run: in a thread of its own, as shipped, or on the caller's. */
  readonly name: "thread" | "direct"
  readonly thread: boolean
}

export const hosts: ReadonlyArray<Host> = [
  { name: "thread", thread: true },
  { name: "direct", thread: false }
]

let stores = 0

/** A new file in the run's folder. */
export const storePath = (folder: string): string => path.join(folder, `${process.pid}-${stores++}`, "jobs.db")

/** A queue over a store file, as a program makes it. */
export const layerFile = (file: string, host: Host) => Sluice.layerSqlite({ path: file, thread: host.thread })

/** With a worker of `slots` slots that runs `Work`. */
export const withWorker = <A, E, R>(queue: Layer.Layer<A, E, R>, sink: Sink, slots: number) =>
  Sluice.layerWorker({ slots: { [group.name]: slots } }).pipe(
    Layer.provideMerge(layerHandler(sink)),
    Layer.provideMerge(queue as Layer.Layer<A | Layer.Success<ReturnType<typeof Sluice.layerMemory>>, E, R>)
  )

/** Keeps every finished job, for scenarios with more of them than the default retention. */
export const layerKeepAll = Layer.succeed(QueueSettings.Settings, {
  ...QueueSettings.defaults,
  retention: {
    completed: { ageMs: 1e12, count: 1e9 },
    failed: { ageMs: 1e12, count: 1e9 },
    cancelled: { ageMs: 1e12, count: 1e9 }
  }
})

const countOf = (filter: JobFilter) => TaskQueue.use((queue) => Effect.map(queue.count(filter), ({ count }) => count))

/** Completes when the handlers of `jobs` jobs have started and no job is live any more: all of it committed. */
export const finished = (sink: Sink, jobs: number) =>
  Effect.gen(function* () {
    while (sink.started < jobs) yield* Effect.sleep("1 millis")
    while ((yield* countOf({ states: ["scheduled", "pending", "running"] })) > 0) yield* Effect.sleep("1 millis")
  }).pipe(
    Effect.timeoutOrElse({
      duration: "90 seconds",
      orElse: () => Effect.fail(new Unverified({ message: `only ${sink.started} of ${jobs} jobs started within 90 s` }))
    })
  )

/**
 * What the store says of all jobs since it was made: roll-ups count each of them once, also those that retention
 * removed.
 */
export const verifyCounters = (expected: { readonly jobs: number; readonly retried: number }) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    const rollUps = yield* queue.rollUps({ width: 3_600_000, from: 0, to: 8.64e15, task: Work.name })
    const total = (of: (rollUp: (typeof rollUps)[number]) => number) =>
      rollUps.reduce((sum, rollUp) => sum + of(rollUp), 0)
    yield* verify(
      "jobs that arrived",
      total((rollUp) => rollUp.arrivals),
      expected.jobs
    )
    yield* verify(
      "jobs completed",
      total((rollUp) => rollUp.completed),
      expected.jobs
    )
    yield* verify(
      "attempts retried",
      total((rollUp) => rollUp.retried),
      expected.retried
    )
    yield* verify(
      "attempts started",
      total((rollUp) => rollUp.starts),
      expected.jobs + expected.retried
    )
    const { counters } = yield* queue.stats
    const live = counters.filter(({ state }) => state === "scheduled" || state === "pending" || state === "running")
    yield* verify(
      "live jobs left",
      live.reduce((sum, { count }) => sum + count, 0),
      0
    )
  })
