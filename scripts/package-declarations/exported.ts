// Layers, tasks and effects as programs export them. Compiled by scripts/check-package.mjs against the packed product.
import { Effect, Layer, Schema } from "effect"
import {
  BatchProcessor,
  GroupOrders,
  MemoryOptimizer,
  Pipeline,
  Pipelines,
  Placements,
  QueueEvents,
  ResourceGroup,
  SlotPools,
  Sluice,
  Task,
  TaskQueue,
  TaskRegistry,
  Worker
} from "sluice"
import { AlertLayers, Alerts } from "sluice/alerts"
import { type GroupPolicy, Limits, RateLimited } from "sluice/limits"
import { PerformanceProfiler } from "sluice/profiling"
import { PredictiveScaler } from "sluice/scaling"
import { JobStore } from "sluice/store"
import { StreamProcessor } from "sluice/streams"
import * as Testing from "sluice/testing"

export const Resize = Task.make("resize", {
  payload: Schema.Struct({ mode: Schema.Literals(["fast", "small"]) }),
  group: ResourceGroup.make("pictures", 2)
})
const policy: GroupPolicy = { rate: { limit: 50, perMs: 1_000 }, adaptive: true, keys: [{ keys: "*" }] }
export const limited = ResourceGroup.make("limited", 2, { policy })
export const refusal = Effect.fail(new RateLimited({ retryAfter: "1 second" }))
export const pictures = ResourceGroup.make("pictures", 2)
export const ResizeLive = Resize.toLayer(() => Effect.void)
export const Album = Pipeline.make("album", { payload: Schema.String })

export const Memory = Sluice.layerMemory()
export const File = Sluice.layerSqlite({ path: "jobs.db" })
export const Working = Sluice.layerWorker({ slots: { pictures: 1 } })
export const Fleet = Sluice.layerScaler().pipe(Layer.provideMerge(Working), Layer.provideMerge(File))
export const Tests = Testing.layer(ResizeLive)
export const others = [
  Sluice.layerPredictiveScaler,
  Sluice.layerBatchProcessor,
  Sluice.layerStreams,
  Sluice.layerMemoryOptimizer,
  AlertLayers.layer,
  AlertLayers.layerWatching
] as const

export const enqueue = (mode: "fast" | "small") => TaskQueue.use((queue) => queue.enqueue(Resize, { mode }))
export const run = TaskQueue.use((queue) => queue.run(Resize, { mode: "small" }))
export const list = TaskQueue.use((queue) => queue.list({}))
export const explain = TaskQueue.use((queue) =>
  Effect.flatMap(queue.enqueue(Resize, { mode: "fast" }), ({ id }) => queue.explain(id))
)
export const giveUp = Effect.fail(new Task.NonRetryable({ message: "never" }))
export const later = Effect.fail(new Task.Snoozed({ delayMs: 3 }))

/** Every method of every service, spelled out: all types of their signatures have to be named. */
export const services = Effect.gen(function* () {
  return {
    alerts: { ...(yield* Alerts) },
    limits: { ...(yield* Limits) },
    batches: { ...(yield* BatchProcessor) },
    orders: { ...(yield* GroupOrders) },
    store: { ...(yield* JobStore) },
    memory: { ...(yield* MemoryOptimizer) },
    profiler: { ...(yield* PerformanceProfiler) },
    pipelines: { ...(yield* Pipelines) },
    placements: { ...(yield* Placements) },
    scaler: { ...(yield* PredictiveScaler) },
    events: { ...(yield* QueueEvents) },
    pools: { ...(yield* SlotPools) },
    streams: { ...(yield* StreamProcessor) },
    queue: { ...(yield* TaskQueue) },
    registry: { ...(yield* TaskRegistry) },
    worker: { ...(yield* Worker) }
  }
})
