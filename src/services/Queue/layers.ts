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
import * as BatchTuning from "./BatchTuning.ts"
import * as GroupOrdersLive from "./GroupOrdersLive.ts"
import * as MemoryGateLive from "./MemoryGateLive.ts"
import * as MemoryOptimizerLive from "./MemoryOptimizerLive.ts"
import * as QueueEventsLive from "./QueueEventsLive.ts"
import * as JobStoreMemory from "./stores/JobStoreMemory.ts"
import * as JobStoreSqlite from "./stores/JobStoreSqlite.ts"
import { isSafeToShare } from "./stores/sqlite/StoreFile.ts"
import type { StoreTurns } from "./StoreTurns.ts"
import * as StoreTurnsLive from "./StoreTurnsLive.ts"
import * as StreamProcessorLive from "./StreamProcessorLive.ts"
import * as PredictiveScalerLive from "./PredictiveScalerLive.ts"
import * as PerformanceProfilerLive from "./PerformanceProfilerLive.ts"
import * as StoreMeter from "./StoreMeter.ts"
import * as StoreMeterLive from "./StoreMeterLive.ts"
import * as TaskQueueLive from "./TaskQueueLive.ts"
import * as PipelineLive from "./PipelineLive.ts"
import * as PlacementsLive from "./PlacementsLive.ts"
import * as Outcomes from "./Outcomes.ts"
import { folderOf } from "./profile/ProfileFolder.ts"
import * as ProfileRequests from "./profile/ProfileRequests.ts"
import * as OutputsLive from "./OutputsLive.ts"
import * as ProcessRunnerLive from "./run/ProcessRunnerLive.ts"
import * as ShellTask from "./run/ShellTask.ts"
import * as ThreadPoolLive from "./run/ThreadPoolLive.ts"
import * as CommandHook from "./scaler/act/CommandHook.ts"
import type { InClusterOptions } from "./scaler/act/KubernetesApi.ts"
import type { ScaledWorkload } from "./scaler/act/KubernetesScale.ts"
import * as TaskRegistry from "./TaskRegistry.ts"
import * as CollectOnRequest from "./upkeep/CollectOnRequest.ts"
import * as LeaseSweeper from "./upkeep/LeaseSweeper.ts"
import * as OrderChanges from "./upkeep/OrderChanges.ts"
import * as PlacementLoop from "./upkeep/PlacementLoop.ts"
import * as Pruner from "./upkeep/Pruner.ts"
import * as ScalerLoop from "./upkeep/ScalerLoop.ts"
import * as SetAsideNotice from "./upkeep/SetAsideNotice.ts"
import * as UnservedJobs from "./upkeep/UnservedJobs.ts"
import * as SlotPoolLoop from "./upkeep/SlotPoolLoop.ts"
import { Scaler, scalerDefaults, type ScalerSettings } from "./ScaleSettings.ts"
import type { SlotBounds } from "./SlotPools.ts"
import { checkOptions, type WorkerOptions } from "./Worker.ts"
import * as WorkerLive from "./WorkerLive.ts"

/**
 * What queue and worker share behind their contracts, as one name in the types of layers: `layerWorker` asks for it, the layers of the
 * stores bring it, and no program has any other use for it.
 */
export interface QueueInternals {
  readonly QueueInternals: unique symbol
}

type Exposed<Services> = Services extends StoreTurns | StoreMeter.StoreMeter | Outcomes.Outcomes
  ? QueueInternals
  : Services

/** The same layer; its type names only what programs can import, so that theirs may be exported with `declaration: true`. */
const exposed = <A, E, R>(layer: Layer.Layer<A, E, R>) => layer as unknown as Layer.Layer<Exposed<A>, E, Exposed<R>>

const queue = PipelineLive.layer.pipe(
  Layer.provideMerge(TaskQueueLive.layer),
  Layer.provideMerge(PlacementsLive.layer),
  Layer.provideMerge(StoreTurnsLive.layer.pipe(Layer.provide(StoreMeterLive.layer))),
  Layer.provideMerge(
    Layer.mergeAll(
      QueueEventsLive.layer,
      GroupOrdersLive.layer,
      TaskRegistry.layer,
      Outcomes.layer,
      BatchTuning.layer,
      OutputsLive.layer,
      StoreMeter.layer,
      MemoryGateLive.layer
    )
  )
)

/** The queue over any store. */
export const layer = exposed(queue)

/** The queue in the heap of this process: nothing survives it. For tests, and for work that may be lost. Throws a `RangeError` for options that are none. */
export const layerMemory = (options?: JobStoreMemory.Options) =>
  exposed(queue.pipe(Layer.provideMerge(JobStoreMemory.layer(options)), Layer.provideMerge(MemoryGateLive.layer)))

/** The queue in one SQLite file, for the processes of one machine. Throws a `RangeError` for options that are none. */
export const layerSqlite = (options: JobStoreSqlite.Options) =>
  exposed(queue.pipe(Layer.provideMerge(JobStoreSqlite.layer(options))))

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
 * Runs the jobs of the tasks whose handlers are registered, and takes its turn at the store's upkeep. Throws a `RangeError` for options that are
 * none.
 */
export const layerWorker = (options?: WorkerOptions) => {
  checkOptions(options)
  return exposed(
    Layer.mergeAll(
      LeaseSweeper.layer,
      Pruner.layer,
      OrderChanges.layer,
      PlacementLoop.layer,
      SetAsideNotice.layer,
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
 * The scaler of a store, to be asked and set: predictions, decisions, backtests. It decides when it is told to; `layerScaler` decides by
 * itself.
 */
export const layerPredictiveScaler = PredictiveScalerLive.layer

/**
 * Lets a worker take its turn at leading the scaler, and take its share of the slots that are decided. Without more it only says what it
 * would do; `PredictiveScaler.set(group, { mode: "on" })` lets it act. Over a worker and its store.
 */
export const layerScaler = (settings?: Partial<ScalerSettings>) => {
  const layer = ScalerLoop.layer.pipe(Layer.provideMerge(PredictiveScalerLive.layer))
  return settings === undefined
    ? layer
    : layer.pipe(Layer.provide(Layer.succeed(Scaler, { ...scalerDefaults, ...settings })))
}

/** A command of the user's as actuator: provide it to `layerScaler`. Throws a `RangeError` for options that are none. */
export const layerCommandActuator = (options: CommandHook.CommandHookOptions) =>
  CommandHook.layer(options).pipe(Layer.provide(ProcessRunnerLive.layer))

/**
 * Deployments and StatefulSets of workers as actuator, for a process that runs in a pod: provide it to `layerScaler`. Loaded when it is built: the
 * HTTP client costs others nothing. Throws a `RangeError` for slots or bounds that are none.
 */
export const layerKubernetesActuator = (workloads: ReadonlyArray<ScaledWorkload>, options: InClusterOptions) =>
  Layer.unwrap(
    Effect.map(
      Effect.promise(() => import("./scaler/act/KubernetesScale.ts")),
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

/** Whether an SQLite of this version may be used by several processes on one file. */
export const isSqliteSafeToShare = isSafeToShare

/** What operators do to an SQLite store as a file: back up, restore, check, migrate. */
export * as SqliteMaintenance from "./stores/sqlite/Maintenance.ts"
