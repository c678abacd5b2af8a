import { execFile } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Logger, Schedule, Schema } from "effect"
import { MemoryGate, openGate, type Shrinkable } from "../../../../src/services/Memory/MemoryGate.ts"
import {
  type HandlerFailed,
  type ThreadCall,
  type ThreadCallInvalid,
  type ThreadDied,
  ThreadPool,
  type ThreadPoolSettings
} from "../../../../src/services/Queue/run/ThreadPool.ts"
import * as ThreadPoolLive from "../../../../src/services/Queue/run/ThreadPoolLive.ts"
import { TooLarge } from "./effectHandlers.ts"

const module = new URL("./threadHandlers.ts", import.meta.url)

const effectModule = new URL("./effectHandlers.ts", import.meta.url)

const call = (name: string, value?: unknown, more: Partial<ThreadCall> = {}) =>
  ThreadPool.use((pool) => pool.run({ module, export: name, payload: { value }, ...more }))

const stats = ThreadPool.use((pool) => pool.stats)

const withPool = (settings: Partial<ThreadPoolSettings> = {}) =>
  Effect.provide(ThreadPoolLive.layer({ maxThreads: 2, ...settings }))

type Failure = HandlerFailed | ThreadDied | ThreadCallInvalid

const failure = <A, R>(effect: Effect.Effect<A, Failure, R>) => Effect.flip(effect)

/** Waits for a state that another thread brings about. */
const eventually = <E, R>(what: string, holds: Effect.Effect<boolean, E, R>) =>
  holds.pipe(
    Effect.flatMap((holds) => (holds ? Effect.void : Effect.fail(`still not so: ${what}`))),
    Effect.retry({ schedule: Schedule.spaced("5 millis"), times: 2000 })
  )

/** Starts a call and waits until its handler says something. */
const startedCall = (name: string, more: Partial<ThreadCall> = {}) =>
  Effect.gen(function* () {
    let told = false
    const fiber = yield* Effect.forkChild(call(name, undefined, { onLog: () => (told = true), ...more }), {
      startImmediately: true
    })
    yield* eventually(
      "the handler runs",
      Effect.sync(() => told)
    )
    return fiber
  })

describe("ThreadPool, what is said to it", () => {
  it.live("comes by a port of its own: what a handler says to the thread's parent is nothing to it", () =>
    Effect.gen(function* () {
      for (let id = 1; id < 6; id++) assert.strictEqual(yield* call("forges", id), "{}")
      assert.strictEqual((yield* stats).died, 0)
    }).pipe(withPool())
  )

  it.live("is heard to the end when the thread exits with it", () =>
    Effect.gen(function* () {
      const heard: Array<string> = []
      const exit = yield* failure(call("saysLast", undefined, { onLog: (_, message) => heard.push(message) }))
      assert.strictEqual(exit._tag === "ThreadDied" && exit.exitCode, 7)
      assert.deepStrictEqual(heard, ["last words"])
    }).pipe(withPool())
  )
})

describe("ThreadPool, well-behaved handlers", () => {
  it.live("has threads ready before their calls when told to, within its bounds, and lets them go again", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* stats).threads, 0)
      yield* ThreadPool.use((pool) => pool.keep(5))
      yield* eventually(
        "two are ready",
        Effect.map(stats, ({ idle }) => idle === 2)
      )
      assert.strictEqual((yield* stats).started, 2)
      yield* ThreadPool.use((pool) => pool.keep(0))
      yield* eventually(
        "one has ended",
        Effect.map(stats, ({ threads }) => threads === 1)
      )
    }).pipe(withPool({ idleTimeout: "20 millis" }))
  )

  it.live("calls default and named exports, functions, promises and Effects", () =>
    Effect.gen(function* () {
      const logs: Array<string> = []
      assert.strictEqual(yield* call("default", 21), 42)
      assert.strictEqual(yield* call("slowly", 1), 2)
      assert.strictEqual(
        yield* call("effectful", 2, {
          module: effectModule,
          onLog: (level, message) => logs.push(`${level}: ${message}`)
        }),
        6
      )
      assert.deepStrictEqual(logs, ["warning: half way"])
      assert.strictEqual(yield* call("default", 1, { module: fileURLToPath(module) }), 2)
      assert.strictEqual(yield* call("default", 1, { module: module.href }), 2)
    }).pipe(withPool())
  )

  it.live("takes the payload as JSON text or as a value, hostile names included", () =>
    Effect.gen(function* () {
      const json = '{"__proto__":{"a":1},"text":"\\u0000"}'
      assert.strictEqual(JSON.stringify(yield* call("identity", undefined, { payload: { json } })), json)
      const value = { when: new Date(0), set: new Set([1]), bytes: new Uint8Array([1, 2]) }
      assert.deepStrictEqual(yield* call("identity", value), value)
    }).pipe(withPool())
  )

  it.live("tells the handler about its job", () =>
    Effect.gen(function* () {
      const job = { id: "j1", task: "hash", group: "computation", attempt: 2 }
      assert.deepStrictEqual(yield* call("aboutJob", 0, { job }), job)
    }).pipe(withPool())
  )

  it.live("passes progress and logs back in order, and nothing after the end", () =>
    Effect.gen(function* () {
      const heard: Array<unknown> = []
      const result = yield* call("tells", 0, {
        onProgress: (value) => heard.push(value),
        onLog: (level, message) => heard.push(`${level} ${message}`)
      })
      assert.strictEqual(result, "told")
      yield* call("waits", 20)
      assert.deepStrictEqual(heard, ["info starting", { percent: 0 }, { percent: 50 }, { percent: 100 }, "error done"])
    }).pipe(withPool({ maxThreads: 1 }))
  )

  it.live("keeps the results of 100 interleaved calls apart", () =>
    Effect.gen(function* () {
      const payloads = Array.from({ length: 100 }, (_, index) => index)
      const results = yield* Effect.forEach(payloads, (payload) => call("slowly", payload), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(
        results,
        payloads.map((payload) => payload + 1)
      )
      assert.strictEqual((yield* stats).started, 2)
    }).pipe(withPool())
  )

  it.live("starts calls in the order they came", () =>
    Effect.gen(function* () {
      const finished: Array<number> = []
      yield* Effect.forEach(
        Array.from({ length: 20 }, (_, index) => index),
        (index) => Effect.tap(call("identity", index), () => Effect.sync(() => finished.push(index))),
        { concurrency: "unbounded", discard: true }
      )
      assert.deepStrictEqual(
        finished,
        Array.from({ length: 20 }, (_, index) => index)
      )
    }).pipe(withPool({ maxThreads: 1 }))
  )

  it.live("returns a result of 10 MB", () =>
    Effect.gen(function* () {
      const text = yield* call("megabytes", 10)
      assert.isTrue(text === "x".repeat(10 * 1024 * 1024))
      const bytes = (yield* call("bytes", 10_000_000)) as Uint8Array
      assert.isTrue(bytes.length === 10_000_000 && bytes.every((byte) => byte === 7))
    }).pipe(withPool())
  )
})

describe("ThreadPool, failing handlers", () => {
  it.live("preserves a typed error so that its schema decodes it, thrown or failed", () =>
    Effect.gen(function* () {
      for (const [name, reason, bytes] of [
        ["effectFails", "failure", 5],
        ["throwsTagged", "thrown", 6]
      ] as const) {
        const error = yield* failure(call(name, 0, { module: effectModule }))
        assert(error._tag === "HandlerFailed")
        assert.strictEqual(error.reason, reason)
        const typed = yield* Schema.decodeUnknownEffect(TooLarge)(error.error)
        assert.instanceOf(typed, TooLarge)
        assert.strictEqual(typed.bytes, bytes)
        assert.deepInclude(error.error, { name: "TooLarge", message: `too large: ${bytes}` })
      }
    }).pipe(withPool())
  )

  it.live("preserves name, message, stack, cause and fields of other errors, and drops what cannot be sent", () =>
    Effect.gen(function* () {
      const error = yield* failure(call("rejects"))
      assert(error._tag === "HandlerFailed" && error.reason === "thrown")
      const thrown = error.error as Record<string, unknown>
      assert.deepInclude(thrown, { name: "TypeError", message: "wrong", code: "E_WRONG", callback: "() => 1" })
      assert.include(String(thrown["stack"]), "threadHandlers.ts")
      assert.deepInclude(thrown["cause"], { message: "why" })
    }).pipe(withPool())
  )

  it.live("tells defects and self-interruption of an Effect from its failures", () =>
    Effect.gen(function* () {
      const died = yield* failure(call("effectDies", 0, { module: effectModule }))
      assert(died._tag === "HandlerFailed")
      assert.deepInclude(died.error, { name: "RangeError", message: "broken" })
      assert.strictEqual(died.reason, "defect")
      assert.strictEqual((yield* failure(call("effectInterrupts", 0, { module: effectModule }))).reason, "interrupted")
    }).pipe(withPool())
  )

  it.live("survives whatever is thrown", () =>
    Effect.gen(function* () {
      const text = yield* failure(call("throwsText"))
      assert.deepInclude(text, { reason: "thrown", error: "just text" })
      assert.strictEqual((yield* failure(call("throwsHostile"))).reason, "thrown")
      assert.deepInclude(yield* stats, { started: 1, died: 0 })
    }).pipe(withPool())
  )

  it.live("says what is wrong with a module, an export, a payload or a result", () =>
    Effect.gen(function* () {
      const why = (effect: Effect.Effect<unknown, Failure, ThreadPool>) =>
        Effect.map(failure(effect), (error) => [error._tag, error.reason])
      assert.deepStrictEqual(yield* why(call("x", 0, { module: "./relative.ts" })), [
        "ThreadCallInvalid",
        "ModuleNotLoaded"
      ])
      assert.deepStrictEqual(yield* why(call("x", 0, { module: "/no/such/module.mjs" })), [
        "ThreadCallInvalid",
        "ModuleNotLoaded"
      ])
      assert.deepStrictEqual(yield* why(call("noSuchExport")), ["ThreadCallInvalid", "ExportMissing"])
      assert.deepStrictEqual(yield* why(call("identity", () => 1)), ["ThreadCallInvalid", "PayloadNotSendable"])
      assert.deepStrictEqual(yield* why(call("identity", 0, { payload: { json: "{" } })), [
        "ThreadCallInvalid",
        "PayloadNotSendable"
      ])
      assert.deepStrictEqual(yield* why(call("returnsFunction")), ["ThreadCallInvalid", "ResultNotSendable"])
      assert.strictEqual(yield* call("default", 2), 4)
    }).pipe(withPool({ maxThreads: 1 }))
  )

  it.live("loads a module again that has been mended since it failed to load", () =>
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "sluice-thread-test-"))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true }))
      )
      const path = join(folder, "task.mjs")
      writeFileSync(path, "export default (")
      yield* failure(call("default", 0, { module: path }))
      writeFileSync(path, "export default () => 'mended'")
      assert.strictEqual(yield* call("default", 0, { module: path }), "mended")
    }).pipe(Effect.scoped, withPool({ maxThreads: 1 }))
  )

  it.live("makes a throw in the caller's callback the caller's defect", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(
        call("tells", 0, {
          onProgress: () => {
            throw new Error("caller's fault")
          }
        })
      )
      assert.isTrue(Exit.hasDies(exit))
      assert.strictEqual(yield* call("default", 2), 4)
    }).pipe(withPool())
  )
})

describe("ThreadPool, time limits", () => {
  it.live("aborts context.signal at the soft limit and takes the result the handler then gives", () =>
    Effect.gen(function* () {
      const soft = new AbortController()
      const fiber = yield* startedCall("untilSoftLimit", { signal: soft.signal })
      soft.abort()
      assert.strictEqual(yield* Fiber.join(fiber), "soft limit reached")
      assert.strictEqual(yield* call("untilSoftLimit", 0, { signal: AbortSignal.abort() }), "soft limit reached")
    }).pipe(withPool())
  )

  it.live("ends an endless loop when its call is interrupted, and its neighbour never notices", () =>
    Effect.gen(function* () {
      const neighbour = yield* Effect.forkChild(call("waits", 300), { startImmediately: true })
      const loop = yield* startedCall("endlessLoop")
      const start = performance.now()
      yield* Fiber.interrupt(loop)
      // Far less than the 5 s that an interruption waits at most.
      assert.isBelow(performance.now() - start, 2_500)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(loop)))
      assert.isNumber(yield* Fiber.join(neighbour))
      assert.strictEqual(yield* call("default", 4), 8)
      assert.deepInclude(yield* stats, { died: 1, busy: 0 })
    }).pipe(withPool())
  )

  it.live("ends a promise that never settles under Effect.timeout, and starts a fresh thread", () =>
    Effect.gen(function* () {
      const before = yield* call("whichThread")
      const error = yield* Effect.flip(Effect.timeout(call("neverSettles"), "50 millis"))
      assert.strictEqual(error._tag, "TimeoutError")
      const after = yield* call("whichThread")
      assert.notStrictEqual(after, before)
    }).pipe(withPool({ maxThreads: 1 }))
  )

  it.live("forgets a waiting call that is interrupted", () =>
    Effect.gen(function* () {
      const first = yield* Effect.forkChild(call("waits", 100), { startImmediately: true })
      const waiting = yield* Effect.forkChild(call("endlessLoop"), { startImmediately: true })
      const last = yield* Effect.forkChild(call("default", 1), { startImmediately: true })
      yield* Fiber.interrupt(waiting)
      yield* Fiber.join(first)
      assert.strictEqual(yield* Fiber.join(last), 2)
      assert.deepInclude(yield* stats, { started: 1, waiting: 0, died: 0 })
    }).pipe(withPool({ maxThreads: 1 }))
  )
})

describe("ThreadPool, handlers that kill their thread", () => {
  /** The poison's own failure, while 20 jobs beside it succeed. */
  const amongOthers = (name: string, value?: unknown) =>
    Effect.gen(function* () {
      const others = yield* Effect.forkChild(
        Effect.forEach(
          Array.from({ length: 20 }, (_, index) => index),
          (index) => call("slowly", index),
          { concurrency: 10 }
        ),
        { startImmediately: true }
      )
      const error = yield* failure(call(name, value))
      assert.deepStrictEqual(
        yield* Fiber.join(others),
        Array.from({ length: 20 }, (_, index) => index + 1)
      )
      assert.strictEqual((yield* stats).died, 1)
      assert(error._tag === "ThreadDied")
      return error
    })

  it.live.each(["exhaustsHeap", "exhaustsHeapInOneMap"])(
    "out of memory (%s)",
    (name) =>
      Effect.gen(function* () {
        const error = yield* amongOthers(name)
        assert.strictEqual(error.reason, "OutOfMemory")
        assert.include(error.message, "32 MiB")
      }).pipe(withPool({ heapLimitMb: 32 })),
    20_000
  )

  it.live("but not much garbage beside little that is kept", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* call("makesGarbage", 600), 100)
    }).pipe(withPool())
  )

  it.live("process.exit", () =>
    Effect.gen(function* () {
      const before = process.exitCode
      for (const code of [0, 7]) {
        const error = yield* failure(call("exits", code))
        assert.deepInclude(error, { _tag: "ThreadDied", reason: "Exited", exitCode: code })
      }
      yield* call("setsExitCode")
      assert.strictEqual(process.exitCode, before)
    }).pipe(withPool())
  )

  it.live("an uncaught exception in a timer", () =>
    Effect.gen(function* () {
      const error = yield* amongOthers("uncaughtInTimer")
      assert.strictEqual(error.reason, "Uncaught")
      assert.deepInclude(error.error, { message: "from a timer" })
    }).pipe(withPool())
  )

  it.live("a rejection nobody handled by the handler's end", () =>
    Effect.gen(function* () {
      const error = yield* amongOthers("forgottenRejection")
      assert.deepInclude(error, { reason: "Uncaught", detail: "Error: nobody listens" })
    }).pipe(withPool())
  )

  it.live("a rejection after the handler's end is nobody else's: it is logged, and the thread replaced", () =>
    Effect.gen(function* () {
      const warnings: Array<string> = []
      const logger = Logger.make<unknown, void>(({ message }) => void warnings.push(String(message)))
      yield* Effect.gen(function* () {
        const guilty = yield* call("lateRejection", 20)
        const innocent = yield* call("waits", 100)
        assert.strictEqual(innocent, guilty, "it ran in the same thread and was let finish")
        assert.notStrictEqual(yield* call("whichThread"), guilty)
        assert.deepInclude(yield* stats, { recycled: 1, died: 0 })
      }).pipe(withPool({ maxThreads: 1 }), Effect.provide(Logger.layer([logger])))
      assert.strictEqual(warnings.length, 1)
      assert.include(warnings[0]!, "far too late")
    })
  )

  it.live("a late rejection in an idle thread: the thread is replaced before the next call", () =>
    Effect.gen(function* () {
      const guilty = yield* call("lateRejection", 5)
      yield* eventually(
        "the thread has died",
        Effect.map(stats, ({ died }) => died === 1)
      )
      assert.notStrictEqual(yield* call("whichThread"), guilty)
    }).pipe(withPool({ maxThreads: 1 }), Effect.provide(Logger.layer([])))
  )
})

describe("ThreadPool, its threads", () => {
  it.live("starts none before the first call, and not more than calls need", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* stats).threads, 0)
      yield* call("default", 1)
      yield* call("default", 1)
      assert.deepInclude(yield* stats, { threads: 1, started: 1, idle: 1 })
    }).pipe(withPool({ maxThreads: 4 }))
  )

  it.live("replaces a thread after the set number of jobs and keeps one warm", () =>
    Effect.gen(function* () {
      const used = yield* Effect.forEach(Array.from({ length: 9 }), () => call("whichThread"))
      assert.deepStrictEqual(
        [0, 3, 6].map((at) => new Set(used.slice(at, at + 3)).size),
        [1, 1, 1]
      )
      assert.strictEqual(new Set(used).size, 3)
      yield* eventually(
        "a fresh thread is ready",
        Effect.map(stats, ({ idle }) => idle === 1)
      )
      assert.deepInclude(yield* stats, { recycled: 3, died: 0, threads: 1 })
    }).pipe(withPool({ maxThreads: 1, recycleAfterJobs: 3 }))
  )

  it.live(
    "replaces a thread that is old or has a large heap",
    () =>
      Effect.gen(function* () {
        const first = yield* call("usesHeap", 60)
        assert.strictEqual(first, 60)
        assert.strictEqual((yield* stats).recycled, 1)
        yield* call("default", 1)
        assert.strictEqual((yield* stats).recycled, 1)
        yield* call("waits", 1100)
        assert.strictEqual((yield* stats).recycled, 2)
      }).pipe(withPool({ maxThreads: 1, recycleAboveHeapMb: 50, recycleAfter: "1 second" })),
    10_000
  )

  it.live("ends spare threads at once when memory is short, down to the minimum", () => {
    let shrink: () => number = () => -1
    const gate = {
      ...openGate,
      register: (shrinkable: Shrinkable) => {
        shrink = () => shrinkable.shrink("elevated")
        return () => undefined
      }
    }
    return Effect.gen(function* () {
      yield* Effect.forEach([50, 50], (millis) => call("waits", millis), { concurrency: 2 })
      assert.strictEqual((yield* stats).threads, 2)
      assert.strictEqual(shrink(), 1)
      yield* eventually(
        "one thread is left",
        Effect.map(stats, ({ idle, threads }) => idle === 1 && threads === 1)
      )
      assert.strictEqual(shrink(), 0)
      assert.deepInclude(yield* stats, { died: 0 })
    }).pipe(withPool({ maxThreads: 2, minThreads: 1 }), Effect.provideService(MemoryGate, gate))
  })

  it.live("ends spare threads once they have been idle, down to the minimum", () =>
    Effect.gen(function* () {
      yield* Effect.forEach([50, 50, 50], (millis) => call("waits", millis), { concurrency: 3 })
      yield* eventually(
        "one thread is left",
        Effect.map(stats, ({ threads }) => threads === 1)
      )
      assert.deepInclude(yield* stats, { died: 0, recycled: 0 })
    }).pipe(withPool({ maxThreads: 3, idleTimeout: "50 millis" }))
  )

  it.live("fails what runs and what waits as Killed when it is closed, and leaves no thread", () =>
    Effect.gen(function* () {
      const failures = yield* Effect.gen(function* () {
        const pool = yield* ThreadPool
        const run = (name: string) => Effect.flip(pool.run({ module, export: name, payload: { value: 0 } }))
        const told = yield* Effect.forkDetach(run("neverSettles"), { startImmediately: true })
        const waits = yield* Effect.forkDetach(run("neverSettles"), { startImmediately: true })
        yield* eventually(
          "one runs",
          Effect.map(pool.stats, ({ busy }) => busy === 1)
        )
        return { pool, fibers: [told, waits] }
      }).pipe(withPool({ maxThreads: 1 }))
      for (const fiber of failures.fibers)
        assert.deepInclude(yield* Fiber.join(fiber), { _tag: "ThreadDied", reason: "Killed" })
      assert.deepInclude(yield* failures.pool.stats, { threads: 0, waiting: 0 })
      const late = yield* Effect.flip(failures.pool.run({ module, payload: { value: 0 } }))
      assert.strictEqual(late.reason, "Killed")
    })
  )

  it.live("refuses settings that make no sense", () =>
    Effect.gen(function* () {
      for (const settings of [
        { maxThreads: 0 },
        { minThreads: 3, maxThreads: 2 },
        { recycleAfterJobs: 0 },
        { maxThreads: 1.5 }
      ]) {
        const exit = yield* Effect.exit(Effect.provide(stats, ThreadPoolLive.layer(settings)))
        assert.isTrue(Exit.hasDies(exit))
      }
    })
  )
})

describe("ThreadPool, built", () => {
  const root = fileURLToPath(new URL("../../../../", import.meta.url))
  const runFolder = "services/Queue/run"
  /** Below the project, so that the build finds `effect`. */
  const folder = Effect.acquireRelease(
    Effect.sync(() => {
      mkdirSync(join(root, "node_modules/.cache"), { recursive: true })
      return mkdtempSync(join(root, "node_modules/.cache/thread-pool-"))
    }),
    (path) => Effect.sync(() => rmSync(path, { recursive: true }))
  )
  const execute = (file: string, args: ReadonlyArray<string>) =>
    Effect.promise(() => promisify(execFile)(file, [...args], { cwd: root }))

  /** Run by `node -e`, whose `--input-type` threads must not inherit. */
  const program = (pool: string) => `
    import { Effect } from "effect"
    import { ThreadPool } from "${pool}/ThreadPool.js"
    import { layer } from "${pool}/ThreadPoolLive.js"
    const pool = ThreadPool.use((pool) => pool.run({
      module: "data:text/javascript,import { Effect } from 'effect'; export default (n) => Effect.succeed(n + 1)"
        .replace("'effect'", "'" + import.meta.resolve("effect") + "'"),
      payload: { json: "41" }
    }))
    console.log(await Effect.runPromise(Effect.provide(pool, layer())))`

  it.live(
    "runs from JavaScript as from sources",
    () =>
      Effect.gen(function* () {
        const out = yield* folder
        const sources = ["ThreadPoolLive.ts", "ThreadEntry.ts"].map((name) => join(root, "src", runFolder, name))
        yield* execute(join(root, "node_modules/.bin/tsc"), [
          ..."--ignoreConfig --noCheck --rewriteRelativeImportExtensions --module nodenext --target es2024 --types node".split(
            " "
          ),
          ...["--rootDir", join(root, "src"), "--outDir", out],
          ...sources
        ])
        const { stdout } = yield* execute(process.execPath, [
          "--input-type=module",
          "-e",
          program(join(out, runFolder))
        ])
        assert.strictEqual(stdout, "42\n")
      }).pipe(Effect.scoped),
    30_000
  )
})
