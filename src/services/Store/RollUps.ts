/**
 * What a store remembers in numbers of the jobs and of the workers' resources, interval by interval. Stores record it
 * by themselves, with the turns and beats it is about; what rests in a store's heap is at most 10 s old.
 */
import { Context, type Effect } from "effect"
import type { ResourceRollUp, RollUp, RollUpQuery } from "./RollUp.ts"
import type { StoreError } from "./StoreError.ts"

export class RollUps extends Context.Service<
  RollUps,
  {
    /**
     * Intervals that start at or after `from` and before `to`, by start; those in which nothing happened are left out.
     */
    readonly jobs: (query: RollUpQuery) => Effect.Effect<ReadonlyArray<RollUp>, StoreError>
    /** Of all workers together; the query's group and task do not matter. */
    readonly resources: (query: RollUpQuery) => Effect.Effect<ReadonlyArray<ResourceRollUp>, StoreError>
    /** Removes what is older than its width is kept for. */
    readonly prune: (options: { readonly now: number }) => Effect.Effect<void, StoreError>
  }
>()("sluice/services/Store/RollUps") {}
