/** Handlers that ThreadPool.test.ts runs in threads: well-behaved ones, and one of each kind of misbehaviour. */
import { parentPort, threadId, workerData } from "node:worker_threads"
import { setTimeout as sleep } from "node:timers/promises"
import type { ThreadContext } from "../../../../src/services/Queue/run/ThreadPool.ts"

export default (payload: number) => payload * 2

export const identity = (payload: unknown) => payload
export const whichThread = () => threadId
export const environment = () =>
  Object.entries(process.env)
    .map(([name, value]) => `${name}=${value}`)
    .join("\n")
export const slowly = async (payload: number) => {
  await sleep(payload % 7)
  return payload + 1
}
export const megabytes = (payload: number) => "x".repeat(payload * 1024 * 1024)
export const bytes = (payload: number) => new Uint8Array(payload).fill(7)
export const aboutJob = (_: unknown, context: ThreadContext) => context.job

export const rejects = async () => {
  await sleep(1)
  throw Object.assign(new TypeError("wrong", { cause: new Error("why") }), { code: "E_WRONG", callback: () => 1 })
}
export const throwsText = () => {
  throw "just text"
}
export const throwsHostile = () => {
  throw new Proxy(
    {},
    {
      get: () => {
        throw new Error("no")
      }
    }
  )
}

/** Says to the thread's parent what only the pool's own messages say, and looks for the port they come by. */
export const forges = async (id: number) => {
  const outcome = { type: "done", value: "forged" }
  const report = { heapBytes: 0, runMs: 0, busyMs: 0 }
  for (const message of [
    null,
    undefined,
    5,
    "ready",
    [],
    {},
    { type: "ready" },
    { type: "uncaught", isFatal: true, error: {} },
    ...Array.from({ length: id + 2 }, (_, other) => ({ type: "outcome", id: other, outcome, ...report })),
    { type: "nonsense" }
  ]) {
    parentPort?.postMessage(message)
  }
  await sleep(20)
  return JSON.stringify(workerData)
}
export const saysLast = (_: unknown, context: ThreadContext) => {
  context.log("info", "last words")
  process.exit(7)
}

export const returnsFunction = () => () => 1

export const tells = async (_: unknown, context: ThreadContext) => {
  context.log("info", "starting")
  for (const percent of [0, 50, 100]) context.progress({ percent })
  await sleep(1)
  context.log("error", "done")
  setTimeout(() => context.progress("too late"), 5)
  return "told"
}
export const untilSoftLimit = (_: unknown, context: ThreadContext) =>
  new Promise((resolve) => {
    const alive = setInterval(() => {}, 1000)
    const stop = () => {
      clearInterval(alive)
      resolve((context.signal.reason as Error).message)
    }
    if (context.signal.aborted) stop()
    context.signal.addEventListener("abort", stop)
    context.log("info", "waiting")
  })

export const endlessLoop = (_: unknown, context: ThreadContext) => {
  context.log("info", "looping")
  for (;;);
}
export const neverSettles = () => new Promise(() => {})
export const exhaustsHeap = () => {
  const kept: Array<Array<number>> = []
  for (;;) kept.push(Array.from({ length: 100_000 }, Math.random))
}
export const usesHeap = (megabytes: number) => {
  const kept = Array.from({ length: megabytes }, () => new Array(131_072).fill(0.5))
  return kept.length
}
/** Grows by doubling one large table, which V8 does not survive at its own limit. */
export const exhaustsHeapInOneMap = () => {
  const kept = new Map<number, object>()
  for (let key = 0; ; key++) kept.set(key, { key })
}
export const makesGarbage = (millis: number) => {
  const ring: Array<Array<number>> = []
  const end = performance.now() + millis
  for (let at = 0; performance.now() < end; at = (at + 1) % 100) ring[at] = new Array(20_000).fill(at + 0.5)
  return ring.length
}
export const exits = (code: number) => process.exit(code)
export const setsExitCode = () => {
  process.exitCode = 42
}
export const uncaughtInTimer = () => {
  setTimeout(() => {
    throw new Error("from a timer")
  }, 5)
  return neverSettles()
}
export const forgottenRejection = () => {
  void Promise.reject(new Error("nobody listens"))
  return "looks fine"
}
/** Rejects `millis` after the handler has ended. */
export const lateRejection = (millis: number) => {
  setTimeout(() => void Promise.reject(new Error("far too late")), millis)
  return threadId
}
export const waits = async (millis: number) => {
  await sleep(millis)
  return threadId
}
