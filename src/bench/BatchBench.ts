/**
 * What batches bring where each handler call costs 1 ms whatever it carries: the same backlog in the same three slots,
 * drained in calls for one job and in calls for fifty.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Sluice, Task, TaskQueue } from "../services/Queue/index.ts"
import { collectGarbage, stopwatch, verify } from "./Measuring.ts"
import { cpuFigure, type Scale, type Variant } from "./Variant.ts"
import { expectedSum, finished, group, layerFile, payloads, Sink, storePath, verifyCounters, Work } from "./Workload.ts"

const slots = 3
const perCall = 1000
const call = Effect.sleep("1 millis")

const Batched = Task.make(Work.name, {
  payload: Work.payload,
  success: Schema.Int,
  error: Schema.String,
  group,
  batch: { maxBatchSize: 50 }
})

const single = (sink: Sink) =>
  Work.toLayer(({ index, time }) =>
    Effect.andThen(
      call,
      Effect.sync(() => sink.start(index, time))
    )
  )

const together = (sink: Sink) =>
  Batched.toBatchLayer((items) =>
    Effect.andThen(
      call,
      Effect.sync(() => items.map(({ payload: { index, time } }) => Exit.succeed(sink.start(index, time))))
    )
  )

/** From the first end of a handler until the last completion is durable. */
const drain =
  (task: typeof Work, handler: (sink: Sink) => ReturnType<typeof single>, full: number) => (scale: Scale) => {
    const sink = new Sink()
    const jobs = scale.quick ? full / 5 : full
    const warmUp = jobs / 5
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      const fill = (count: number) =>
        Effect.forEach(
          Array.from({ length: Math.ceil(count / perCall) }, (_, i) => i * perCall),
          (from) => queue.enqueueMany(task, payloads(from, Math.min(perCall, count - from))),
          { discard: true }
        )
      yield* fill(warmUp)
      yield* finished(sink, warmUp)
      yield* queue.pause(group.name)
      yield* fill(jobs)
      sink.reset()
      yield* collectGarbage
      const stop = stopwatch(jobs)
      yield* queue.resume(group.name)
      yield* finished(sink, jobs)
      const speed = stop(sink.firstAt)
      yield* verify("sum of the indexes", sink.sum, expectedSum(jobs))
      yield* verifyCounters({ jobs: warmUp + jobs, retried: 0 })
      return speed
    }).pipe(
      Effect.provide(
        Sluice.layerWorker({ slots: { [group.name]: slots } }).pipe(
          Layer.provideMerge(handler(sink)),
          Layer.provideMerge(layerFile(storePath(scale.folder), { name: "thread", thread: true }))
        )
      )
    )
  }

const singleName = "sqlite/batch/1"

export const variants: ReadonlyArray<Variant> = [
  {
    name: "sqlite/batch/50",
    figures: {
      perSec: {
        label: "calls of 1 ms, 50 jobs each, 3 slots",
        unit: "jobs/s",
        against: singleName,
        target: { atLeast: 8, of: "ratio" }
      },
      cpu: cpuFigure("calls for 50 jobs")
    },
    measure: drain(Batched, together, 50_000)
  },
  {
    name: singleName,
    figures: {
      perSec: { label: "calls of 1 ms, one job each, 3 slots", unit: "jobs/s" },
      cpu: cpuFigure("calls for one job")
    },
    measure: drain(Work, single, 5000)
  }
]
