/** The queue over a store, without what runs jobs: all that a process needs which looks, enqueues and changes. */
import { Effect, Layer } from "effect"
import * as BatchTuning from "../Batches/BatchTuning.ts"
import type { Deferrals } from "../Limits/Deferrals.ts"
import * as DeferralsLive from "../Limits/DeferralsLive.ts"
import * as GroupOrdersLive from "./GroupOrdersLive.ts"
import * as MemoryGateLive from "../Memory/MemoryGateLive.ts"
import * as JobWaiters from "./attempt/JobWaiters.ts"
import * as OutputsLive from "./OutputsLive.ts"
import * as PlacementsLive from "./PlacementsLive.ts"
import * as QueueEventsLive from "./QueueEventsLive.ts"
import * as StoreMeter from "../Store/StoreMeter.ts"
import * as StoreMeterLive from "../Store/StoreMeterLive.ts"
import * as JobStoreSqlite from "../Store/sqlite/JobStoreSqlite.ts"
import { isSafeToShare } from "../Store/sqlite/StoreFile.ts"
import type { StoreTurns } from "../Store/StoreTurns.ts"
import * as StoreTurnsLive from "../Store/StoreTurnsLive.ts"
import * as TaskQueueLive from "./TaskQueueLive.ts"
import * as TaskRegistry from "./TaskRegistry.ts"

/**
 * What queue and worker share behind their contracts, as one name in the types of layers: `layerWorker` asks for it,
 * the layers of the stores bring it, and no program has any other use for it.
 */
export interface QueueInternals {
  readonly QueueInternals: unique symbol
}

type Exposed<Services> = Services extends StoreTurns | StoreMeter.StoreMeter | JobWaiters.JobWaiters | Deferrals
  ? QueueInternals
  : Services

/**
 * The same layer; its type names only what programs can import, so that theirs may be exported with `declaration:
 * true`.
 */
export const exposed = <A, E, R>(layer: Layer.Layer<A, E, R>) =>
  layer as unknown as Layer.Layer<Exposed<A>, E, Exposed<R>>

/** The queue over any store, its insides by their own names. */
export const queue = TaskQueueLive.layer.pipe(
  Layer.provideMerge(Layer.merge(PlacementsLive.layer, DeferralsLive.layer)),
  Layer.provideMerge(StoreTurnsLive.layer.pipe(Layer.provide(StoreMeterLive.layer))),
  Layer.provideMerge(
    Layer.mergeAll(
      QueueEventsLive.layer,
      GroupOrdersLive.layer,
      TaskRegistry.layer,
      JobWaiters.layer,
      BatchTuning.layer,
      OutputsLive.layer,
      StoreMeter.layer,
      MemoryGateLive.layer
    )
  )
)

/** A store in one SQLite file. */
export const sqlite = (options: JobStoreSqlite.Options) => JobStoreSqlite.layer(options)

/** A store in the heap of this process that gives up finished jobs when memory is short. Loaded when it is used. */
const memory = Layer.unwrap(
  Effect.map(
    Effect.promise(() => import("../Store/memory/JobStoreMemory.ts")),
    (JobStoreMemory) => JobStoreMemory.layer().pipe(Layer.provideMerge(MemoryGateLive.layer))
  )
)

/** The queue in the heap of this process, without pipelines. */
export const layerMemory = () => exposed(queue.pipe(Layer.provideMerge(memory)))

/** The queue in one SQLite file, without pipelines. */
export const layerSqlite = (options: JobStoreSqlite.Options) => exposed(queue.pipe(Layer.provideMerge(sqlite(options))))

/** Whether an SQLite of this version may be used by several processes on one file. */
export const isSqliteSafeToShare = isSafeToShare

/** Removes the logs of jobs that are gone, as workers do by themselves once a minute. */
export { prune as pruneOutputs } from "./outputs/Pruning.ts"

/** What operators do to an SQLite store as a file: back up, restore, check, migrate. */
export * as SqliteMaintenance from "../Store/sqlite/Maintenance.ts"
