/**
 * Batches beside those of tasks: closures of this process in batches, and the size that pays best. A task's own batches
 * need none of this: they are declared with the task (`Task.make(…, { batch })`) and run by its worker
 * (`task.toBatchLayer`).
 */
import { Context, type Effect, type Exit } from "effect"
import type { BatchOptions } from "../Batches/Batch.ts"
import type { BatchCurve } from "../Store/WorkerRecord.ts"
import type { ResourceGroup } from "./ResourceGroup.ts"
import type { StoreError } from "../Store/StoreError.ts"

/** A closure of this process: no durability, no retries. */
export interface QueueTask<out A, out E = never> {
  readonly effect: Effect.Effect<A, E>
  /** Default `computation`. */
  readonly resourceGroup?: string
  /** 1 (first) to 10. Default 5. A batch has the priority of its most urgent task. */
  readonly priority?: number
}

/** How one of them ended. */
export type TaskResult<A, E> = Exit.Exit<A, E>

export class BatchProcessor extends Context.Service<
  BatchProcessor,
  {
    /**
     * Runs closures, those of one group `batchSize` (at least 1) together in one slot of it, all batches as the group's
     * slots allow. The results are in the order of the tasks; one that fails or dies leaves the others alone.
     * Interrupting the caller interrupts all.
     */
    readonly batch: <A, E>(
      tasks: ReadonlyArray<QueueTask<A, E>>,
      batchSize: number
    ) => Effect.Effect<Array<TaskResult<A, E>>>
    /**
     * The batch size of least cost per item in a group: of its task, or of its closures, whose calls carried most
     * items, here or in the workers of the store. 50 while nothing is known. Asks the store for its workers; cheap, but
     * not for each job.
     */
    readonly optimizeBatchSize: (resourceGroup: ResourceGroup | string) => Effect.Effect<number>
    /** What this process and the living workers of the store have seen of their batches. */
    readonly curves: Effect.Effect<ReadonlyArray<BatchCurve>, StoreError>
  }
>()("sluice/services/Queue/BatchProcessor") {
  /**
   * Beside the service itself takes the batches of a task, to be given to `Task.make` as `batch`, and answers them as
   * they are.
   */
  declare static readonly of: ((service: BatchProcessor["Service"]) => BatchProcessor["Service"]) &
    (<P, S = void, E = never, G = unknown>(batches: BatchOptions<P, S, E, G>) => BatchOptions<P, S, E, G>)
}
