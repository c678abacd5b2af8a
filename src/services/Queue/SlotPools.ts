/**
 * The groups of a worker whose slots move between bounds (`WorkerOptions.slots: { network: { min: 2, max: 20 } }`), and
 * the decision that moves them. Running jobs are never interrupted by it: those beyond a smaller number finish.
 */
import { Context, type Effect } from "effect"
import { type PoolSizing, type PoolState, poolSizing, type SlotBounds } from "./policy/PoolSize.ts"

export type { ConcurrencyState } from "./policy/Concurrency.ts"
export type { PoolSample, PoolSizing, PoolState, SlotBounds } from "./policy/PoolSize.ts"

/** Decides how many slots a pool has. Provide another to replace `policy/PoolSize.ts`; tuned pools do not ask it. */
export const SlotPoolSizing = Context.Reference<PoolSizing>("sluice/services/Queue/SlotPools/Sizing", {
  defaultValue: () => poolSizing
})

export interface SlotPool extends SlotBounds {
  readonly group: string
  readonly slots: number
  /** Whether it follows what completes. */
  readonly tune: boolean
  /** What the last decision did. */
  readonly reason: PoolState["reason"]
}

/** The pools of this process's worker. */
export class SlotPools extends Context.Service<
  SlotPools,
  {
    /** Empty when no group has bounds. */
    readonly status: Effect.Effect<ReadonlyArray<SlotPool>>
  }
>()("sluice/services/Queue/SlotPools") {}
