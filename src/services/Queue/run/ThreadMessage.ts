import type { MessagePort } from "node:worker_threads"
import type { HandlerFailed, ThreadCall, ThreadCallInvalid, ThreadJob, ThreadLogLevel } from "./ThreadPool.ts"

/**
 * Given to a thread at its start: the port it and the pool speak on. `parentPort` is the handlers' own, and nobody
 * listens to it.
 */
export interface ThreadStart {
  port?: MessagePort
}

/** What the pool tells a thread. `id` names the call. */
export type ToThread =
  | {
      readonly type: "run"
      readonly id: number
      /** A URL. */
      readonly module: string
      readonly export: string
      readonly payload: ThreadCall["payload"]
      readonly job: ThreadJob | undefined
    }
  | { readonly type: "softLimit"; readonly id: number }

/** How a call ended. */
export type Outcome =
  | { readonly type: "done"; readonly value: unknown }
  | { readonly type: "failed"; readonly reason: HandlerFailed["reason"]; readonly error: unknown }
  | { readonly type: "invalid"; readonly reason: ThreadCallInvalid["reason"]; readonly detail: string }

/**
 * What a thread tells the pool. `heapBytes` is the used heap after the call, garbage included; `busyMs` of `runMs` its
 * event loop was at work.
 */
export type FromThread =
  | { readonly type: "ready" }
  | {
      readonly type: "outcome"
      readonly id: number
      readonly outcome: Outcome
      readonly heapBytes: number
      readonly runMs: number
      readonly busyMs: number
    }
  | { readonly type: "progress"; readonly id: number; readonly value: unknown }
  | { readonly type: "log"; readonly id: number; readonly level: ThreadLogLevel; readonly message: string }
  /** `isFatal`: the running call is to blame, and the thread ends. Else an earlier one is. */
  | { readonly type: "uncaught"; readonly isFatal: boolean; readonly error: unknown }
