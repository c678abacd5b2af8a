import type { Duration } from "effect"
import { type GroupPolicy, noPolicy } from "../Limits/GroupPolicy.ts"
import { checkGroupPolicy } from "../Limits/policy/CheckPolicy.ts"
import * as Bounds from "./policy/Bounds.ts"
import * as Durations from "./policy/Durations.ts"
import { longestBoundMs, type OrderChoice, type OrderName, orders } from "./policy/Order.ts"

/**
 * A resource group: a shared budget that jobs draw on. Its limit holds for the whole store, over all workers; a
 * worker's own slots bound what one process runs at a time.
 */

export interface ResourceGroup {
  readonly name: string
  /** Jobs that may run at the same time, over all workers of the store. */
  readonly limit: number
  /**
   * In which order its jobs start; an operator's choice goes before it. Undefined: as the store has it, else by
   * priority.
   */
  readonly order?: OrderChoice
  /**
   * What limits its jobs beside their number, in place of what was declared before; an operator's choice goes before
   * it. Undefined: who names the group says nothing of it.
   */
  readonly policy?: GroupPolicy
}

export interface GroupOptions {
  /** In which order its jobs start: see `policy/Order.ts`. */
  readonly order?: OrderName
  /**
   * A job is passed only by jobs that became due at most this long after it. At most 7 days; default as the order has
   * it.
   */
  readonly bound?: Duration.Input
  /**
   * Rates, backlog, fair shares and rules of partition keys. Default: none, and those that an earlier deployment
   * declared are gone. What operators set stays.
   */
  readonly policy?: GroupPolicy
}

const optionNames: ReadonlySet<string> = new Set<keyof GroupOptions>(["order", "bound", "policy"])

/** Throws `OutOfBounds`, a `RangeError`, for a name, limit or option that is none. */
export const make = (name: string, limit: number, options: GroupOptions = {}): ResourceGroup => {
  Bounds.name("A group's name", name)
  const group = `Group ${JSON.stringify(name)}`
  Bounds.whole(`${group}: its limit`, limit, 1, Number.MAX_SAFE_INTEGER)
  Bounds.fields(`${group}: its options`, options, optionNames)
  const { bound, order, policy } = options
  const limited = {
    name,
    limit,
    policy: policy === undefined ? noPolicy : checkGroupPolicy(`${group}: its policy`, policy)
  }
  if (order === undefined) return limited
  Bounds.oneOf(`${group}: its order`, order, orders)
  if (bound === undefined) return { ...limited, order: { order } }
  const boundMs = Durations.duration(`${group}: its bound`, bound, 0, longestBoundMs)
  return { ...limited, order: { order, boundMs } }
}

/** Whoever opens a store declares these: programs may give them a policy. */
const preset = (name: string, limit: number): ResourceGroup => ({ name, limit })

/** Many small files at once gain little on one disk; five keep it busy. */
export const filesystem = preset("filesystem", 5)
/** Waiting on others costs nothing here; ten is polite to the other side. */
export const network = preset("network", 10)
/** A little above the cores of a small machine. */
export const computation = preset("computation", 3)
/** Few, since each may take hundreds of megabytes. */
export const memoryIntensive = preset("memory-intensive", 2)

/** Known without being declared. */
export const defaults: ReadonlyArray<ResourceGroup> = [filesystem, network, computation, memoryIntensive]

/** Groups as they are declared where `computation` has this limit. */
export const withComputation = (groups: ReadonlyArray<ResourceGroup>, limit: number): ReadonlyArray<ResourceGroup> =>
  groups.map((group) => (group === computation ? { ...group, limit } : group))

/** For groups that are named but never declared. */
export const undeclaredLimit = 5

/** A group that nobody declared. */
export const undeclared = (name: string): ResourceGroup => ({ name, limit: undeclaredLimit })

export { namePattern } from "./policy/StoredName.ts"
export { unlimited } from "./policy/GroupLimit.ts"
