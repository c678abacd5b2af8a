import { availableParallelism } from "node:os"
import { extname, isAbsolute } from "node:path"
import { pathToFileURL } from "node:url"
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads"
import { Clock, Duration, Effect, Layer } from "effect"
import { MemoryGate } from "../../Memory/MemoryGate.ts"
import { withoutOwnSecrets } from "../policy/SecretVariables.ts"
import * as PlainError from "./PlainError.ts"
import type { FromThread, Outcome, ThreadStart, ToThread } from "./ThreadMessage.ts"
import {
  HandlerFailed,
  isOfModule,
  type ThreadCall,
  ThreadCallInvalid,
  ThreadDied,
  ThreadPool,
  type ThreadPoolSettings,
  type ThreadPoolStats
} from "./ThreadPool.ts"
import { line } from "../../Text/policy/SafeText.ts"

/** Sources run as they are, a build as JavaScript: the entry has the extension of this file. */
const entry = new URL(`./ThreadEntry${extname(import.meta.url)}`, import.meta.url)

/**
 * How long an interruption waits for its thread to end. V8 stops JavaScript within a millisecond; a native call it
 * cannot.
 */
const killWaitMillis = 5000

const bytesPerMiB = 1024 * 1024

/**
 * V8's own limit is a net below ours: where it is met inside one growing Map, array or `JSON.parse`, V8 aborts the
 * whole process (measured with Node 24.21, docs/decisions/0003-threads.md), so a job that eats memory must be ended
 * before. Hence the pool reads the heaps of its busy threads.
 */
const netFactor = 3
const heapReadingMillis = 50

const withDefaults = (settings: Partial<ThreadPoolSettings>): ThreadPoolSettings => {
  const maxThreads = settings.maxThreads ?? Math.max(1, availableParallelism() - 1)
  const heapLimitMb = settings.heapLimitMb ?? 512
  const filled: ThreadPoolSettings = {
    minThreads: settings.minThreads ?? 1,
    maxThreads,
    recycleAfterJobs: settings.recycleAfterJobs ?? 500,
    recycleAfter: settings.recycleAfter ?? "30 minutes",
    recycleAboveHeapMb: settings.recycleAboveHeapMb ?? heapLimitMb / 2,
    heapLimitMb,
    idleTimeout: settings.idleTimeout ?? "1 minute"
  }
  const sound =
    Number.isInteger(filled.minThreads) &&
    Number.isInteger(filled.maxThreads) &&
    filled.minThreads >= 0 &&
    filled.maxThreads >= Math.max(1, filled.minThreads) &&
    filled.recycleAfterJobs >= 1 &&
    filled.recycleAboveHeapMb > 0 &&
    filled.heapLimitMb > 0
  if (!sound) {
    throw new RangeError(
      "thread pool settings: expected 0 <= minThreads <= maxThreads, maxThreads >= 1, recycleAfterJobs >= 1 and heap sizes above 0; " +
        `got ${JSON.stringify(filled)}`
    )
  }
  return filled
}

const moduleUrl = (module: URL | string): string | undefined => {
  if (module instanceof URL) return module.href
  if (isAbsolute(module)) return pathToFileURL(module).href
  return URL.canParse(module) ? module : undefined
}

type CallExit = Effect.Effect<unknown, HandlerFailed | ThreadDied | ThreadCallInvalid>

interface Call {
  readonly message: Extract<ToThread, { readonly type: "run" }>
  readonly source: ThreadCall
  readonly resume: (exit: CallExit) => void
  state: "waiting" | "running" | "abandoned"
  onSoftLimit: (() => void) | undefined
}

interface Thread {
  readonly worker: Worker
  /** What it and the pool say to each other; handlers have no part in it. */
  readonly port: MessagePort
  readonly createdNanos: bigint
  /** `ending`: told to end, or known to; takes no more calls. */
  state: "starting" | "idle" | "busy" | "ending"
  call: Call | undefined
  jobs: number
  idleSinceNanos: bigint
  /** Replace it after the call it runs. */
  worn: boolean
  /** The call that ran at the last tick: calls shorter than the time between two are not read. */
  readCall: Call | undefined
  reading: boolean
  /** Why it died, once that is known; told to the call when it has ended. */
  death: ThreadDied | undefined
  readonly onExit: Set<() => void>
}

const died = (
  reason: ThreadDied["reason"],
  detail: string,
  more: { readonly exitCode?: number; readonly error?: unknown } = {}
) => new ThreadDied({ reason, detail, exitCode: more.exitCode ?? null, error: more.error })

const exitOf = (outcome: Outcome): CallExit => {
  switch (outcome.type) {
    case "done":
      return Effect.succeed(outcome.value)
    case "failed":
      return Effect.fail(new HandlerFailed({ reason: outcome.reason, error: outcome.error }))
    case "invalid":
      return Effect.fail(new ThreadCallInvalid({ reason: outcome.reason, detail: outcome.detail }))
  }
}

/** The pool's whole state changes in its methods only, each of which runs to its end in one turn of the event loop. */
const makePool = (settings: ThreadPoolSettings, clock: Clock.Clock, warn: (message: string) => void) => {
  const recycleAfterMillis = Duration.toMillis(Duration.fromInputUnsafe(settings.recycleAfter))
  const idleTimeoutMillis = Duration.toMillis(Duration.fromInputUnsafe(settings.idleTimeout))
  const threads = new Set<Thread>()
  /** The last to become idle is the first to be used: the others can go. */
  const idle: Array<Thread> = []
  const queue: Array<Call> = []
  const totals = { started: 0, recycled: 0, died: 0, lastStartMillis: 0 }
  let waiting = 0
  /** Threads that are kept while idle. */
  let least = settings.minThreads
  let nextId = 1
  let closed = false
  /** Ticks while a thread is busy. */
  let heapWatch: NodeJS.Timeout | undefined

  const millisSince = (nanos: bigint) => Number(clock.monotonicTimeNanosUnsafe() - nanos) / 1e6
  const count = (state: Thread["state"]) => {
    let n = 0
    for (const thread of threads) if (thread.state === state) n++
    return n
  }
  const send = (thread: Thread, message: ToThread) => thread.port.postMessage(message)

  const end = (thread: Thread) => {
    const at = idle.indexOf(thread)
    if (at >= 0) idle.splice(at, 1)
    thread.state = "ending"
    void thread.worker.terminate()
  }

  /** Takes the call off its thread. */
  const detach = (thread: Thread): Call | undefined => {
    const { call } = thread
    if (call === undefined) return undefined
    thread.call = undefined
    if (call.onSoftLimit !== undefined) call.source.signal?.removeEventListener("abort", call.onSoftLimit)
    return call
  }

  const nextWaiting = (): Call | undefined => {
    while (queue.length > 0) {
      const call = queue.shift()!
      if (call.state === "abandoned") continue
      call.state = "running"
      waiting--
      return call
    }
    return undefined
  }

  const assign = (thread: Thread, call: Call) => {
    try {
      send(thread, call.message)
    } catch (error) {
      makeIdle(thread)
      const detail = `the payload cannot be copied to another thread (${PlainError.summary(error)}); expected plain data`
      call.resume(Effect.fail(new ThreadCallInvalid({ reason: "PayloadNotSendable", detail })))
      return
    }
    thread.state = "busy"
    thread.call = call
    heapWatch ??= setInterval(readHeaps, heapReadingMillis)
    call.source.onStart?.()
    const { signal } = call.source
    if (signal === undefined) return
    const softLimit = () => send(thread, { type: "softLimit", id: call.message.id })
    if (signal.aborted) return softLimit()
    call.onSoftLimit = softLimit
    signal.addEventListener("abort", softLimit, { once: true })
  }

  const outOfMemory = () => died("OutOfMemory", `its heap grew beyond the limit of ${settings.heapLimitMb} MiB`)

  const onHeapRead = (thread: Thread, call: Call, usedBytes: number) => {
    if (thread.call !== call || thread.state !== "busy") return
    if (usedBytes <= settings.heapLimitMb * bytesPerMiB) return
    thread.death = outOfMemory()
    totals.died++
    end(thread)
  }

  /** A reading interrupts the thread for some microseconds, even in a loop; it fails once the thread has ended. */
  const readHeap = (thread: Thread, call: Call) => {
    thread.reading = true
    thread.worker.getHeapStatistics().then(
      (heap) => {
        thread.reading = false
        onHeapRead(thread, call, heap.used_heap_size)
      },
      () => {}
    )
  }

  const readHeaps = () => {
    let isBusy = false
    for (const thread of threads) {
      const { call } = thread
      if (call === undefined) continue
      isBusy = true
      if (thread.readCall !== call) thread.readCall = call
      else if (!thread.reading) readHeap(thread, call)
    }
    if (isBusy) return
    clearInterval(heapWatch)
    heapWatch = undefined
  }

  const makeIdle = (thread: Thread) => {
    thread.state = "idle"
    thread.idleSinceNanos = clock.monotonicTimeNanosUnsafe()
    idle.push(thread)
  }

  /** Gives waiting calls to idle threads, and starts threads while there are more calls than threads on their way. */
  const pump = () => {
    if (closed) return
    while (idle.length > 0 && waiting > 0) {
      const call = nextWaiting()
      if (call !== undefined) assign(idle.pop()!, call)
    }
    for (let starting = count("starting"); starting < waiting && threads.size < settings.maxThreads; starting++) start()
  }

  const keepWarm = () => {
    if (closed) return
    let missing = least - (threads.size - count("ending"))
    for (; missing > 0 && threads.size < settings.maxThreads; missing--) start()
  }

  /** After a call has ended with the thread well. */
  const release = (thread: Thread, heapBytes: number) => {
    if (!threads.has(thread)) return
    thread.jobs++
    const isWorn =
      thread.worn ||
      thread.jobs >= settings.recycleAfterJobs ||
      heapBytes > settings.recycleAboveHeapMb * bytesPerMiB ||
      millisSince(thread.createdNanos) >= recycleAfterMillis
    if (isWorn) {
      totals.recycled++
      end(thread)
    } else {
      makeIdle(thread)
    }
    pump()
  }

  const onUncaught = (thread: Thread, isFatal: boolean, error: unknown) => {
    const summary = PlainError.summary(error)
    if (isFatal) {
      thread.death = died("Uncaught", summary, { error })
      return
    }
    warn(`a handler left work behind that failed after its job had ended: ${line(summary)}`)
    thread.worn = true
    if (thread.state !== "idle") return
    totals.died++
    end(thread)
  }

  /** Runs a callback of the caller's; what it throws is the caller's own defect. */
  const callBack = (thread: Thread, callback: () => void) => {
    try {
      callback()
    } catch (defect) {
      const call = detach(thread)
      totals.died++
      end(thread)
      call?.resume(Effect.die(defect))
    }
  }

  const onMessage = (thread: Thread, message: FromThread) => {
    if (message.type === "ready") {
      if (thread.state !== "starting") return
      totals.lastStartMillis = millisSince(thread.createdNanos)
      makeIdle(thread)
      return pump()
    }
    if (message.type === "uncaught") return onUncaught(thread, message.isFatal, message.error)
    const { call } = thread
    if (call === undefined || call.message.id !== message.id) return
    switch (message.type) {
      case "progress":
        return callBack(thread, () => call.source.onProgress?.(message.value))
      case "log":
        return callBack(thread, () => call.source.onLog?.(message.level, message.message))
      case "outcome":
        detach(thread)
        // Node remembers what it has loaded, or failed to; a fresh thread tries again.
        if (message.outcome.type === "invalid" && isOfModule(message.outcome.reason)) thread.worn = true
        callBack(thread, () => call.source.onEnd?.(message.runMs, message.busyMs))
        release(thread, message.heapBytes)
        call.resume(exitOf(message.outcome))
    }
  }

  const onError = (thread: Thread, error: unknown) => {
    const isOutOfMemory = error instanceof Error && "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY"
    thread.death ??= isOutOfMemory
      ? outOfMemory()
      : died("Uncaught", PlainError.summary(error), { error: PlainError.from(error) })
  }

  /** What it said last and nobody has heard yet. */
  const hearOut = (thread: Thread) => {
    for (;;) {
      const last = receiveMessageOnPort(thread.port)
      if (last === undefined) break
      onMessage(thread, last.message as FromThread)
    }
    thread.port.close()
  }

  const onExit = (thread: Thread, exitCode: number) => {
    const { state } = thread
    threads.delete(thread)
    hearOut(thread)
    const at = idle.indexOf(thread)
    if (at >= 0) idle.splice(at, 1)
    if (state !== "ending") totals.died++
    // A thread that cannot even start fails one of the calls it was started for; else they would wait and it be tried
    // for ever.
    const call = state === "starting" ? nextWaiting() : detach(thread)
    const death =
      thread.death ??
      (state === "ending"
        ? died("Killed", "the thread pool was closed")
        : died("Exited", `the thread exited with code ${exitCode}`, { exitCode }))
    if (state !== "starting") keepWarm()
    pump()
    for (const resume of thread.onExit) resume()
    call?.resume(Effect.fail(death))
  }

  const start = () => {
    const createdNanos = clock.monotonicTimeNanosUnsafe()
    const { port1: port, port2 } = new MessageChannel()
    const worker = new Worker(entry, {
      workerData: { port: port2 } satisfies ThreadStart,
      transferList: [port2],
      name: `sluice thread ${totals.started + 1}`,
      env: withoutOwnSecrets(process.env),
      // Handed down by `node --input-type=module -e …`, where it would refuse a thread that is a file.
      execArgv: process.execArgv.filter((flag) => !flag.startsWith("--input-type")),
      resourceLimits: { maxOldGenerationSizeMb: settings.heapLimitMb * netFactor }
    })
    totals.started++
    const thread: Thread = {
      worker,
      port,
      createdNanos,
      state: "starting",
      call: undefined,
      jobs: 0,
      idleSinceNanos: createdNanos,
      worn: false,
      readCall: undefined,
      reading: false,
      death: undefined,
      onExit: new Set()
    }
    threads.add(thread)
    port.on("message", (message: FromThread) => onMessage(thread, message))
    port.on("messageerror", (error) => {
      thread.death ??= died("Uncaught", `what it said cannot be read: ${PlainError.summary(error)}`)
      end(thread)
    })
    worker.on("error", (error) => onError(thread, error))
    worker.on("exit", (exitCode) => onExit(thread, exitCode))
  }

  /** Completes when the thread has ended, or does not within the time. */
  const awaitExit = (thread: Thread): Effect.Effect<void> =>
    Effect.callback<void>((resume) => {
      if (!threads.has(thread)) return resume(Effect.void)
      const done = () => {
        clearTimeout(timer)
        thread.onExit.delete(done)
        resume(Effect.void)
      }
      const timer = setTimeout(done, killWaitMillis)
      thread.onExit.add(done)
    })

  const interrupt = (call: Call): Effect.Effect<void> =>
    Effect.suspend(() => {
      for (const thread of threads) {
        if (thread.call !== call) continue
        detach(thread)
        if (thread.state !== "ending") totals.died++
        end(thread)
        return awaitExit(thread)
      }
      if (call.state === "waiting") {
        call.state = "abandoned"
        waiting--
      }
      return Effect.void
    })

  const run = (source: ThreadCall): CallExit =>
    Effect.callback((resume) => {
      if (closed) return resume(Effect.fail(died("Killed", "the thread pool was closed")))
      const module = moduleUrl(source.module)
      if (module === undefined) {
        const detail = `${JSON.stringify(source.module)} is neither a URL nor an absolute path; expected new URL("./task.ts", import.meta.url)`
        return resume(Effect.fail(new ThreadCallInvalid({ reason: "ModuleNotLoaded", detail })))
      }
      const call: Call = {
        message: {
          type: "run",
          id: nextId++,
          module,
          export: source.export ?? "default",
          payload: source.payload,
          job: source.job
        },
        source,
        resume,
        state: "waiting",
        onSoftLimit: undefined
      }
      queue.push(call)
      waiting++
      pump()
      if (threads.size < least) keepWarm()
      return interrupt(call)
    })

  const trimIdle = () => {
    let spare = threads.size - count("ending") - least
    for (const thread of idle.filter((one) => millisSince(one.idleSinceNanos) >= idleTimeoutMillis)) {
      if (spare-- <= 0) return
      end(thread)
    }
  }

  /** Ends idle threads beyond the least number at once: each is a heap of its own. Answers how many. */
  const shed = (): number => {
    least = settings.minThreads
    const spare = Math.min(idle.length, threads.size - count("ending") - settings.minThreads)
    for (let i = 0; i < spare; i++) end(idle[0]!)
    return Math.max(0, spare)
  }

  const keep = (wanted: number) => {
    least = Math.max(settings.minThreads, Math.min(settings.maxThreads, wanted))
    if (wanted > 0) keepWarm()
  }

  const close: Effect.Effect<void> = Effect.suspend(() => {
    closed = true
    clearInterval(heapWatch)
    const ending = [...threads]
    ending.forEach(end)
    for (let call = nextWaiting(); call !== undefined; call = nextWaiting()) {
      call.resume(Effect.fail(died("Killed", "the thread pool was closed")))
    }
    return Effect.forEach(ending, awaitExit, { concurrency: "unbounded", discard: true })
  })

  const stats = (): ThreadPoolStats => ({
    threads: threads.size,
    starting: count("starting"),
    idle: idle.length,
    busy: count("busy"),
    waiting,
    ...totals
  })

  return { run, keep, trimIdle, shed, close, stats, idleTimeoutMillis }
}

/**
 * A pool of threads with these settings, the rest by default. Settings out of range are a defect. Closing the layer
 * ends its threads.
 */
export const layer = (settings: Partial<ThreadPoolSettings> = {}): Layer.Layer<ThreadPool> =>
  Layer.effect(
    ThreadPool,
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const services = yield* Effect.context<never>()
      const warn = (message: string) => void Effect.runForkWith(services)(Effect.logWarning(message))
      const pool = yield* Effect.acquireRelease(
        Effect.sync(() => makePool(withDefaults(settings), clock, warn)),
        (pool) => pool.close
      )
      const gate = yield* MemoryGate
      yield* Effect.acquireRelease(
        Effect.sync(() => gate.register({ name: "idle threads", shrink: pool.shed })),
        (quit) => Effect.sync(quit)
      )
      yield* Effect.sleep(Duration.millis(pool.idleTimeoutMillis)).pipe(
        Effect.andThen(Effect.sync(pool.trimIdle)),
        Effect.forever,
        Effect.forkScoped
      )
      return ThreadPool.of({
        run: pool.run,
        keep: (count) => Effect.sync(() => pool.keep(count)),
        stats: Effect.sync(pool.stats)
      })
    })
  )
