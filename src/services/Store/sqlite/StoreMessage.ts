/** What the caller's thread and the store's thread say to each other. */
import type { Wake } from "../JobStore.ts"
import type { EngineSettings } from "./Engine.ts"
import type { Asked } from "../Asked.ts"
import type { Operation } from "./Host.ts"
import type { Reason } from "./StoreFault.ts"

/** Given to the thread at its start. */
export interface ThreadSettings {
  readonly engine: EngineSettings
  /** Counted up by the caller with each message it sends or hears: signs of a loop that turns. */
  readonly signs: Int32Array
  /** 1 while the caller holds the thread still between two calls. */
  readonly held: Int32Array
}

export type Request =
  | readonly [sequence: number, operation: Operation, args: ReadonlyArray<unknown>, asked: Asked | undefined]
  /** Answer, and stand still as long as `held` says. */
  | readonly [sequence: number, operation: "hold"]
  /** Hear other processes. */
  | readonly [sequence: 0, operation: "listen"]
  /** Hear also what other processes note of jobs, or no more. */
  | readonly [sequence: 0, operation: "watch"]
  | readonly [sequence: 0, operation: "unwatch"]
  /** Write what is left and end. */
  | readonly [sequence: 0, operation: "close"]

export type Reply =
  /** `wakes`: whom commits of this call concern. */
  | readonly [sequence: number, kind: "done", answer: unknown, wakes: ReadonlyArray<Wake>]
  | readonly [sequence: number, kind: "failed", reason: Reason, wakes: ReadonlyArray<Wake>]
  | readonly [sequence: 0, kind: "opened", isShared: boolean]
  | readonly [sequence: 0, kind: "refused", reason: Reason]
  /** By another process or upkeep. */
  | readonly [sequence: 0, kind: "wake", wakes: ReadonlyArray<Wake>]
  /** Nothing was heard for a while: hearing it is the answer. */
  | readonly [sequence: 0, kind: "alive?"]
