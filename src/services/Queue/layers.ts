/**
 * The one place where implementations meet. A program takes a store and, where jobs should run, a worker:
 *
 * ```ts
 * const Main = Sluice.layerWorker().pipe(
 *   Layer.provideMerge(Layer.mergeAll(ResizeLive, MailLive)),
 *   Layer.provideMerge(Sluice.layerSqlite({ path: "jobs.db" }))
 * )
 * ```
 */
import { Effect, Layer } from "effect"
import * as BatchProcessorLive from "./BatchProcessorLive.ts"
import * as MemoryGateLive from "../Memory/MemoryGateLive.ts"
import * as MemoryOptimizerLive from "./MemoryOptimizerLive.ts"
import * as JobStoreMemory from "../Store/memory/JobStoreMemory.ts"
import type * as JobStoreSqlite from "../Store/sqlite/JobStoreSqlite.ts"
import * as StreamProcessorLive from "./StreamProcessorLive.ts"
import * as PredictiveScalerLive from "./PredictiveScalerLive.ts"
import * as PerformanceProfilerLive from "./PerformanceProfilerLive.ts"
import * as PipelineLive from "../Pipelines/PipelineLive.ts"
import { folderOf } from "../Profiling/measure/ProfileFolder.ts"
import * as ProfileRequests from "../Profiling/measure/ProfileRequests.ts"
import * as ProcessRunnerLive from "./run/ProcessRunnerLive.ts"
import * as ShellTask from "./run/ShellTask.ts"
import * as ThreadPoolLive from "./run/ThreadPoolLive.ts"
import * as CommandHook from "../Scaling/act/CommandHook.ts"
import type { InClusterOptions } from "../Scaling/act/KubernetesApi.ts"
import type { ScaledWorkload } from "../Scaling/act/KubernetesScale.ts"
import * as CollectOnRequest from "../Memory/upkeep/CollectOnRequest.ts"
import * as LeaseSweeper from "./upkeep/LeaseSweeper.ts"
import * as OrderChanges from "./upkeep/OrderChanges.ts"
import * as PlacementLoop from "./upkeep/PlacementLoop.ts"
import * as OutputPruner from "./upkeep/OutputPruner.ts"
import * as Pruner from "./upkeep/Pruner.ts"
import * as OutlookLoop from "../Scaling/upkeep/OutlookLoop.ts"
import * as ScalerLoop from "../Scaling/upkeep/ScalerLoop.ts"
import * as ScalerSeries from "../Scaling/upkeep/ScalerSeries.ts"
import * as SetAsideNotice from "./upkeep/SetAsideNotice.ts"
import * as UnservedJobs from "./upkeep/UnservedJobs.ts"
import * as SlotPoolLoop from "./upkeep/SlotPoolLoop.ts"
import * as StoreSeries from "./upkeep/StoreSeries.ts"
import { Scaler, scalerDefaults, type ScalerSettings } from "../Scaling/ScaleSettings.ts"
import type { SlotBounds } from "./SlotPools.ts"
import * as Store from "./storeLayers.ts"
import { exposed } from "./storeLayers.ts"
import { checkOptions, type WorkerOptions } from "./Worker.ts"
import * as WorkerLive from "./WorkerLive.ts"

export { isSqliteSafeToShare, type QueueInternals, SqliteMaintenance } from "./storeLayers.ts"

const queue = PipelineLive.layer.pipe(Layer.provideMerge(Store.queue))

/** The queue over any store. */
export const layer = exposed(queue)

/**
 * The queue in the heap of this process: nothing survives it. For tests, and for work that may be lost. Throws a
 * `RangeError` for options that are none.
 */
export const layerMemory = (options?: JobStoreMemory.Options) =>
  exposed(queue.pipe(Layer.provideMerge(JobStoreMemory.layer(options).pipe(Layer.provideMerge(MemoryGateLive.layer)))))

/** The queue in one SQLite file, for the processes of one machine. Throws a `RangeError` for options that are none. */
export const layerSqlite = (options: JobStoreSqlite.Options) =>
  exposed(queue.pipe(Layer.provideMerge(Store.sqlite(options))))

/** The groups whose slots move. */
const boundsIn = (slots: WorkerOptions["slots"] = {}): Readonly<Record<string, SlotBounds>> =>
  Object.fromEntries(
    Object.entries(slots).flatMap(([group, bounds]) => (typeof bounds === "number" ? [] : [[group, bounds]]))
  )

const threadSettings = ({ recycleThreads: { age, heapMb, jobs } = {}, threads }: WorkerOptions = {}) => ({
  ...(threads !== undefined && { maxThreads: threads }),
  ...(jobs !== undefined && { recycleAfterJobs: jobs }),
  ...(age !== undefined && { recycleAfter: age }),
  ...(heapMb !== undefined && { recycleAboveHeapMb: heapMb })
})

/**
 * Runs the jobs of the tasks whose handlers are registered, and takes its turn at the store's upkeep. Throws a
 * `RangeError` for options that are none.
 */
export const layerWorker = (options?: WorkerOptions) => {
  checkOptions(options)
  return exposed(
    Layer.mergeAll(
      LeaseSweeper.layer,
      Pruner.layer,
      OutputPruner.layer,
      OrderChanges.layer,
      PlacementLoop.layer,
      SetAsideNotice.layer,
      StoreSeries.layer,
      UnservedJobs.layer,
      SlotPoolLoop.layer(boundsIn(options?.slots))
    ).pipe(
      Layer.provideMerge(WorkerLive.layer(options)),
      Layer.provideMerge(PerformanceProfilerLive.layer),
      Layer.provide(ThreadPoolLive.layer(threadSettings(options)))
    )
  )
}

/**
 * The profiler without a worker, over a store: what this process measures itself, profiles of its own code, and
 * benchmarks. `layerWorker` brings it along.
 */
export const layerPerformanceProfiler = exposed(PerformanceProfilerLive.layer)

/**
 * The scaler of a store, to be asked and set: predictions, decisions, backtests. It decides when it is told to;
 * `layerScaler` decides by itself.
 */
export const layerPredictiveScaler = PredictiveScalerLive.layer

/**
 * Lets a worker take its turn at leading the scaler, and take its share of the slots that are decided. Without more it
 * only says what it would do; `PredictiveScaler.set(group, { mode: "on" })` lets it act. Over a worker and its store.
 */
export const layerScaler = (settings?: Partial<ScalerSettings>) => {
  const layer = Layer.mergeAll(ScalerLoop.layer, ScalerSeries.layer, OutlookLoop.layer).pipe(
    Layer.provideMerge(PredictiveScalerLive.layer)
  )
  return settings === undefined
    ? layer
    : layer.pipe(Layer.provide(Layer.succeed(Scaler, { ...scalerDefaults, ...settings })))
}

/**
 * A command of the user's as actuator: provide it to `layerScaler`. Throws a `RangeError` for options that are none.
 */
export const layerCommandActuator = (options: CommandHook.CommandHookOptions) =>
  CommandHook.layer(options).pipe(Layer.provide(ProcessRunnerLive.layer))

/**
 * Deployments and StatefulSets of workers as actuator, for a process that runs in a pod: provide it to `layerScaler`.
 * Loaded when it is built: the HTTP client costs others nothing. Throws a `RangeError` for slots or bounds that are
 * none.
 */
export const layerKubernetesActuator = (workloads: ReadonlyArray<ScaledWorkload>, options: InClusterOptions) =>
  Layer.unwrap(
    Effect.map(
      Effect.promise(() => import("../Scaling/act/KubernetesScale.ts")),
      ({ layer }) => layer(workloads, options)
    )
  )

/** Batches of closures, and what is known of batches, over a queue. */
export const layerBatchProcessor = BatchProcessorLive.layer

/** Pools of objects, this process's memory in figures, and collections when they pay; beside a queue, of its gate. */
export const layerMemoryOptimizer = MemoryOptimizerLive.layer.pipe(Layer.provide(MemoryGateLive.layer))

/** Lets `sluice memory gc` reach this process: a handler beside those of the program's tasks. */
export const layerCollectOnRequest = CollectOnRequest.layer

/** Runs commands, the jobs of a `ShellTask`, as child processes. */
export const layerShell = (task: ShellTask.ShellTask, listener?: ShellTask.ShellListener) =>
  ShellTask.handler(task, listener).pipe(Layer.provide(ProcessRunnerLive.layer))

/** Drives the runs of a pipeline. Its stages' handlers may be here or in other workers. */
export const layerPipeline = PipelineLive.handler

/** Streams of any length as jobs. Beside a queue; the chunks run where a worker has the handler of their task. */
export const layerStreams = StreamProcessorLive.layer

/** Lets `sluice profile` reach the worker of this program. `store`: the store's file. */
export const layerProfileRequests = (store: string) => ProfileRequests.layer(folderOf(store))
