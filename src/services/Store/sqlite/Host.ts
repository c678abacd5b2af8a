/** Where a `SqliteStore` runs. */
import { Effect, type Scope } from "effect"
import { Asked } from "../Asked.ts"
import type { TurnResult } from "../Turn.ts"
import type { WakeListener } from "../JobStore.ts"
import type { StoreError } from "../StoreError.ts"
import type { SqliteStore } from "./SqliteStore.ts"

/** The methods of the store that may be called from afar. */
export type Operation = {
  [K in keyof SqliteStore]: SqliteStore[K] extends (...args: ReadonlyArray<never>) => unknown ? K : never
}[keyof SqliteStore]

/** Those that change nothing, so that one whose answer was lost may simply be called again. */
export const reads: ReadonlySet<string> = new Set([
  "open",
  "hold",
  "get",
  "list",
  "count",
  "counters",
  "usage",
  "oldestPending",
  "dueIn",
  "upNext",
  "logs",
  "step",
  "rollUps",
  "resourceRollUps",
  "status",
  "groups",
  "limitKeys",
  "paused",
  "document",
  "documents",
  "journal",
  "workers"
] satisfies ReadonlyArray<Operation | "open" | "hold">)

export type Arguments<K extends Operation> = Parameters<SqliteStore[K]>
export type Answer<K extends Operation> = K extends "turn" ? TurnResult : ReturnType<SqliteStore[K]>

export interface Host {
  readonly isShared: boolean
  readonly remembersCalls: boolean
  readonly call: <K extends Operation>(operation: K, ...args: Arguments<K>) => Effect.Effect<Answer<K>, StoreError>
  /** A call that may be asked again: its answer is kept. */
  readonly ask: <K extends Operation>(
    asked: Asked,
    operation: K,
    args: Arguments<K>
  ) => Effect.Effect<Answer<K>, StoreError>
  /** As `JobStore.hold`. */
  readonly hold: Effect.Effect<void, StoreError, Scope.Scope>
  /**
   * Commits of this process, until the answered function is called; and of others, once anybody has asked otherwise
   * than `aside`.
   */
  readonly listen: (listener: WakeListener, aside: boolean) => () => void
  /** Whether wakes also tell of what other processes note of jobs; calls count. */
  readonly watch: (on: boolean) => void
  readonly close: Effect.Effect<void>
}

/** The same, keeping the answers of calls that say which they are. */
export const remembering = (host: Host): Host => ({
  ...host,
  remembersCalls: true,
  call: (operation, ...args) =>
    Effect.flatMap(Effect.service(Asked), (asked) =>
      asked === undefined ? host.call(operation, ...args) : host.ask(asked, operation, args)
    )
})
