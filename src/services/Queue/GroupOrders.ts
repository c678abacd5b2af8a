/**
 * The orders of groups (`policy/Order.ts`), as they are declared with a `ResourceGroup` and chosen by operators, kept
 * in the store for all its processes.
 *
 * Ranks are made by the process that enqueues or settles. Where several share a store, each reads the orders when told
 * of a change and every 5 s, so all follow within 5 s (a process that cannot reach the store for longer cannot enqueue
 * either). How long tasks run is learned from the roll-ups, where an order asks for it: within a minute.
 *
 * What waits when an order changes is ranked anew in two passes, the second begun 10 s after the change, when nobody
 * ranks by the old order any more. A pass goes through the group's jobs from the oldest, a page a transaction; where it
 * stands is kept in the store, so that whoever comes next goes on: the caller of `rankWaiting`, or the worker that
 * leads the upkeep. New jobs mix with it safely, since ranks of two orders compare like those of one; the larger bound
 * of both holds meanwhile.
 */
import { Context, type Effect, Schema } from "effect"
import type { JobId } from "./Job.ts"
import { longestBoundMs, type OrderChoice, type OrderName, orders, type Rankings } from "./policy/Order.ts"
import type { ResourceGroup } from "./ResourceGroup.ts"
import type { StoreError } from "../Store/StoreError.ts"

/** The kind of its documents, one for each group. */
export const orderDocuments = "group-order"

/** How often the orders are read without being told of a change, in milliseconds. */
export const followMs = 5_000

/** From a change until the second pass begins, in milliseconds: twice `followMs`. */
export const settleMs = 10_000

const Choice = Schema.Struct({
  order: Schema.Literals(orders),
  boundMs: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: longestBoundMs })))
})

export const GroupOrderDocument = Schema.Struct({
  declared: Schema.optionalKey(Choice),
  operator: Schema.optionalKey(Choice),
  /** When the order in force changed last, in milliseconds since 1970. */
  changedAt: Schema.Finite,
  /** Which pass over the jobs is next, and the id of the last job it has ranked; 0: none. */
  pass: Schema.Literals(["first", "second", "done"]),
  rankedTo: Schema.Finite
})
export type GroupOrderDocument = typeof GroupOrderDocument.Type

/** How a group is ordered. */
export interface GroupOrder {
  readonly group: string
  /** In force. */
  readonly order: OrderName
  readonly boundMs: number
  readonly from: "operator" | "declared" | "default"
  readonly declared: OrderChoice | undefined
  readonly operator: OrderChoice | undefined
  /** Until its live jobs have all been ranked by it. */
  readonly isChanging: boolean
}

export interface RankedPage {
  readonly ranked: number
  /** The last job it looked at. */
  readonly rankedTo: JobId | undefined
  /** More can be ranked at once; false also between the two passes. */
  readonly more: boolean
}

export class GroupOrders extends Context.Service<
  GroupOrders,
  {
    /** What ranks go by in this process. On the way of every enqueue: answers in constant time, without the store. */
    readonly rankings: () => Rankings
    /** A group this process has a definition of, before the store knows it. */
    readonly assume: (group: ResourceGroup) => void
    /** Keeps what groups declare. Costs nothing for groups without an order. */
    readonly declare: (groups: ReadonlyArray<ResourceGroup>) => Effect.Effect<void, StoreError>
    /** Groups of which jobs may still have ranks of another order, as far as this process knows. */
    readonly changing: () => ReadonlyArray<string>
    /** All groups that were ever given an order, as the store has them now. */
    readonly list: Effect.Effect<ReadonlyArray<GroupOrder>, StoreError>
    readonly get: (group: string) => Effect.Effect<GroupOrder, StoreError>
    /**
     * The operator's choice; undefined: back to what is declared. Durable when it answers; jobs that wait keep their
     * ranks until `rankWaiting`.
     */
    readonly set: (group: string, choice: OrderChoice | undefined) => Effect.Effect<GroupOrder, StoreError>
    /** Ranks up to 1,000 live jobs of a group that is changing, in one transaction. */
    readonly rankWaiting: (group: string) => Effect.Effect<RankedPage, StoreError>
    /** Reads orders, and expected runs where they are due. */
    readonly refresh: Effect.Effect<void, StoreError>
  }
>()("sluice/services/Queue/GroupOrders") {}
