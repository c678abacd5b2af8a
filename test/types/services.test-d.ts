/**
 * The services of the design, called as the design writes them: what no longer compiles here breaks programs. Nothing
 * here is ever run.
 */
import { ByteSize, Duration, Effect } from "effect"
import {
  BatchProcessor,
  type LoadPrediction,
  MemoryOptimizer,
  type ObjectPool,
  type PerformanceBenchmarks,
  type PerformanceMetrics,
  PerformanceProfiler,
  PredictiveScaler,
  type ProfilingReport,
  type QueueTask,
  ResourceGroup,
  StreamProcessor,
  type TaskResult
} from "../../src/index.ts"

declare const tasks: Array<QueueTask<number, string>>
const group = ResourceGroup.make("mail", 5)

export const profiler = Effect.gen(function* () {
  const { getBenchmarks, profile, startProfiling, stopProfiling } = yield* PerformanceProfiler
  const same: Effect.Effect<number, "no", "needs"> = profile(
    Effect.succeed(1) as Effect.Effect<number, "no", "needs">,
    "context"
  )
  const benchmarks: PerformanceBenchmarks = yield* getBenchmarks
  const metrics: PerformanceMetrics = benchmarks.overall
  const figures: ReadonlyArray<number> = [
    metrics.throughput,
    metrics.latency.p50,
    metrics.latency.p95,
    metrics.latency.p99,
    metrics.memoryUsage.heap,
    metrics.memoryUsage.external,
    metrics.memoryUsage.peak,
    metrics.cpuUsage
  ]
  yield* startProfiling
  const report: ProfilingReport.ProfilingReport = yield* stopProfiling
  return { same, figures, report }
})

export const batches = Effect.gen(function* () {
  const { batch, optimizeBatchSize } = yield* BatchProcessor
  const results: Array<TaskResult<number, string>> = yield* batch(tasks, 50)
  const size: number = yield* optimizeBatchSize(group)
  const declared = BatchProcessor.of({
    maxBatchSize: 50,
    maxWaitTime: Duration.millis(100),
    groupBy: ({ to }: { readonly to: string }) => to,
    process: () => Effect.void
  })
  return { results, size, declared }
})

export const memory = Effect.gen(function* () {
  const { createPool, monitorMemory, optimizeGC } = yield* MemoryOptimizer
  const pool: ObjectPool<Array<number>> = yield* createPool(
    () => new Array<number>(8),
    () => Effect.void
  )
  yield* optimizeGC
  return [pool, yield* monitorMemory] as const
})

export const streams = Effect.gen(function* () {
  const { create } = yield* StreamProcessor
  return yield* create({ chunkSize: 1000, backpressure: true, memoryLimit: ByteSize.megabytes(100) })
})

export const scaler = Effect.gen(function* () {
  const { learnFromPatterns, predictLoad, scalePreemptively } = yield* PredictiveScaler
  const prediction: LoadPrediction = yield* predictLoad(group, Duration.hours(1))
  yield* scalePreemptively
  yield* learnFromPatterns
  return prediction
})
