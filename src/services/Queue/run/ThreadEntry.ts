/**
 * What runs inside a thread of the pool: loads handlers, runs one call at a time, reports. It loads nothing but Node
 * until a handler asks for more, which is what makes a thread quick to start.
 */
import { AsyncLocalStorage } from "node:async_hooks"
import type { EventLoopUtilization } from "node:perf_hooks"
import { getHeapStatistics } from "node:v8"
import { workerData } from "node:worker_threads"
import type { Effect } from "effect"
import { type Handler, handlerOf } from "./ModuleHandler.ts"
import * as PlainError from "./PlainError.ts"
import type { FromThread, Outcome, ThreadStart, ToThread } from "./ThreadMessage.ts"
import type { ThreadContext } from "./ThreadPool.ts"

const start = workerData as ThreadStart | null
const port = start?.port
if (port === undefined) throw new Error("ThreadEntry runs in a worker thread; use ThreadPool")
/** Handlers find no way to it. */
delete start!.port
/** Kept, since a handler may replace them. */
const { exit } = process
const nextTurn = setImmediate
const post = port.postMessage.bind(port)

type RunMessage = Extract<ToThread, { readonly type: "run" }>

/** The call that asynchronous work belongs to, also long after the call has ended. */
const origin = new AsyncLocalStorage<number>()
const handlers = new Map<string, Handler>()
let running: { readonly id: number; readonly softLimit: AbortController } | undefined

const tell = (message: FromThread) => post(message)

/**
 * Ends the thread when the fault is the running call's, or nobody knows whose. Else the pool replaces the thread once
 * it is free.
 */
const onUncaught = (error: unknown) => {
  const id = origin.getStore()
  const isFatal = running !== undefined && (id === undefined || id === running.id)
  tell({ type: "uncaught", isFatal, error: PlainError.from(error) })
  if (isFatal) exit(1)
}
process.on("uncaughtException", onUncaught)
process.on("unhandledRejection", onUncaught)

const isEffect = (value: unknown): value is Effect.Effect<unknown, unknown> =>
  typeof value === "object" && value !== null && "~effect/Effect" in value

const load = async (call: RunMessage): Promise<Handler | Outcome> => {
  const key = `${call.module} ${call.export}`
  const known = handlers.get(key)
  if (known !== undefined) return known
  let exports: Record<string, unknown>
  try {
    exports = await import(call.module)
  } catch (error) {
    return { type: "invalid", reason: "ModuleNotLoaded", detail: `${call.module}: ${PlainError.summary(error)}` }
  }
  const handler = handlerOf(exports, call.export)
  if (handler === undefined) {
    const names = Object.keys(exports).join(", ")
    return {
      type: "invalid",
      reason: "ExportMissing",
      detail: `${call.module} exports no function ${JSON.stringify(call.export)}; it exports: ${names === "" ? "nothing" : names}`
    }
  }
  handlers.set(key, handler)
  return handler
}

const contextOf = (call: RunMessage, softLimit: AbortController): ThreadContext => {
  const whileRunning = (message: FromThread) => {
    if (running?.id === call.id) tell(message)
  }
  return {
    job: call.job,
    signal: softLimit.signal,
    progress: (value) => whileRunning({ type: "progress", id: call.id, value }),
    log: (level, message) => whileRunning({ type: "log", id: call.id, level, message: String(message) })
  }
}

const payloadOf = (call: RunMessage): { readonly value: unknown } | Outcome => {
  if ("value" in call.payload) return call.payload
  try {
    return { value: JSON.parse(call.payload.json) }
  } catch (error) {
    return { type: "invalid", reason: "PayloadNotSendable", detail: `expected JSON text; ${PlainError.summary(error)}` }
  }
}

const outcomeOf = async (call: RunMessage, context: ThreadContext): Promise<Outcome> => {
  const handler = await load(call)
  if (typeof handler !== "function") return handler
  const payload = payloadOf(call)
  if ("type" in payload) return payload
  try {
    const value = await handler(payload.value, context)
    if (!isEffect(value)) return { type: "done", value }
    const { run } = await import("./ThreadEffect.ts")
    return await run(value, context)
  } catch (error) {
    return { type: "failed", reason: "thrown", error: PlainError.from(error) }
  }
}

const finish = (id: number, outcome: Outcome, startedAt: number, before: EventLoopUtilization) => {
  running = undefined
  const runMs = performance.now() - startedAt
  const busyMs = Math.min(runMs, performance.eventLoopUtilization(before).active)
  const heapBytes = getHeapStatistics().used_heap_size
  try {
    tell({ type: "outcome", id, outcome, heapBytes, runMs, busyMs })
  } catch (error) {
    const detail = `the handler's result cannot be copied to another thread (${PlainError.summary(error)}); return plain data`
    tell({
      type: "outcome",
      id,
      outcome: { type: "invalid", reason: "ResultNotSendable", detail },
      heapBytes,
      runMs,
      busyMs
    })
  }
}

const run = async (call: RunMessage) => {
  const softLimit = new AbortController()
  const startedAt = performance.now()
  const before = performance.eventLoopUtilization()
  running = { id: call.id, softLimit }
  const outcome = await outcomeOf(call, contextOf(call, softLimit))
  // Node reports unhandled rejections when the current turn ends; what this call left is then known, and its own.
  nextTurn(() => finish(call.id, outcome, startedAt, before))
}

port.on("message", (message: ToThread) => {
  switch (message.type) {
    case "run":
      origin.run(message.id, run, message)
      break
    case "softLimit":
      if (running?.id === message.id) running.softLimit.abort(new DOMException("soft limit reached", "TimeoutError"))
      break
  }
})
tell({ type: "ready" })
