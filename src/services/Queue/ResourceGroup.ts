import { Duration } from "effect"
import { longestBoundMs, type OrderChoice, type OrderName } from "./policy/Order.ts"

/**
 * A resource group: a shared budget that jobs draw on. Its limit holds for the whole store, over all workers; a worker's own
 * slots bound what one process runs at a time.
 */

export interface ResourceGroup {
  readonly name: string
  /** Jobs that may run at the same time, over all workers of the store. */
  readonly limit: number
  /** In which order its jobs start; an operator's choice goes before it. Undefined: as the store has it, else by priority. */
  readonly order?: OrderChoice
}

export interface GroupOptions {
  /** In which order its jobs start: see `policy/Order.ts`. */
  readonly order?: OrderName
  /** A job is passed only by jobs that became due at most this long after it. At most 7 days; default as the order has it. */
  readonly bound?: Duration.Input
}

/** Throws a `RangeError` when the bound is out of range. */
export const make = (name: string, limit: number, { bound, order }: GroupOptions = {}): ResourceGroup => {
  if (order === undefined) return { name, limit }
  if (bound === undefined) return { name, limit, order: { order } }
  const boundMs = Math.round(Duration.toMillis(Duration.fromInputUnsafe(bound)))
  if (!(boundMs >= 0 && boundMs <= longestBoundMs))
    throw new RangeError(`Group ${JSON.stringify(name)}: bound ${boundMs} ms; expected 0 to 7 days`)
  return { name, limit, order: { order, boundMs } }
}

/** Many small files at once gain little on one disk; five keep it busy. */
export const filesystem = make("filesystem", 5)
/** Waiting on others costs nothing here; ten is polite to the other side. */
export const network = make("network", 10)
/** A little above the cores of a small machine. */
export const computation = make("computation", 3)
/** Few, since each may take hundreds of megabytes. */
export const memoryIntensive = make("memory-intensive", 2)

/** Known without being declared. */
export const defaults: ReadonlyArray<ResourceGroup> = [filesystem, network, computation, memoryIntensive]

/** For groups that are named but never declared. */
export const undeclaredLimit = 5

export { namePattern } from "./policy/StoredName.ts"
export { unlimited } from "./policy/GroupLimit.ts"
