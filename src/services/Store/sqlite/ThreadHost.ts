/**
 * The store on a thread of its own: the caller's event loop stays free, and leases are renewed while it does not
 * answer. A thread that dies or hangs fails the calls in flight, changes with `StoreOutcomeUnknown`; the next
 * call starts another.
 */
import { Effect, type Scope } from "effect"
import { extname } from "node:path"
import { Worker } from "node:worker_threads"
import type { Asked } from "../Asked.ts"
import type { Turn } from "../Turn.ts"
import type { Wake, WakeListener } from "../JobStore.ts"
import type { StoreError } from "../StoreError.ts"
import type { EngineSettings } from "./Engine.ts"
import { type Answer, type Arguments, type Host, type Operation, reads } from "./Host.ts"
import { toStoreError, toTurnResult } from "./SqliteError.ts"
import { closed, outcomeUnknown, type Reason, unavailable } from "./StoreFault.ts"
import type { Reply, Request, ThreadSettings } from "./StoreMessage.ts"
import { decodeTurnResult, type EncodedTurnResult, encodeTurn } from "./TurnCodec.ts"

const entry = new URL(`./StoreThread${extname(import.meta.url)}`, import.meta.url)

/** While calls are in flight. */
const tickMs = 500
/**
 * Ticks of a call after which its thread is given up: 10 s of an event loop that answers. One that is blocked judges
 * nobody.
 */
const ticksMost = 10_000 / tickMs

interface Call {
  readonly operation: string
  /** What it asks for, when it is a turn. */
  readonly turn: Turn | undefined
  readonly resume: (result: Effect.Effect<unknown, StoreError>) => void
  ticks: number
}

class StoreThreadHandle {
  private readonly settings: EngineSettings
  private readonly signs = new Int32Array(new SharedArrayBuffer(4))
  private readonly held = new Int32Array(new SharedArrayBuffer(4))
  private timer: NodeJS.Timeout | undefined
  private readonly calls = new Map<number, Call>()
  readonly listeners = new Set<WakeListener>()
  private worker: Worker | undefined
  private sequence = 0
  private isListening = false
  private watchers = 0
  private isClosed = false
  isShared = true

  constructor(settings: EngineSettings) {
    this.settings = settings
  }

  /** Starts the thread; completes when the file is open. */
  readonly open: Effect.Effect<void, StoreError> = Effect.callback<void, StoreError>((resume) => {
    this.expect(0, "open", resume as Call["resume"])
    this.start()
  })

  private start(): Worker {
    const data: ThreadSettings = { engine: this.settings, signs: this.signs, held: this.held }
    const worker = new Worker(entry, { workerData: data, name: "sluice-store" })
    worker.on("message", (reply: Reply) => this.hear(worker, reply))
    worker.on("error", (error) =>
      this.lose(worker, `The thread of ${this.settings.path} died: ${error.message}. Try again.`)
    )
    worker.on("exit", () => this.lose(worker, `The thread of ${this.settings.path} ended. Try again.`))
    this.worker = worker
    if (this.isListening) this.say([0, "listen"])
    if (this.watchers > 0) this.say([0, "watch"])
    return worker
  }

  private say(request: Request): void {
    Atomics.add(this.signs, 0, 1)
    ;(this.worker ?? this.start()).postMessage(request)
  }

  private expect(sequence: number, operation: string, resume: Call["resume"], turn?: Turn): void {
    this.calls.set(sequence, { operation, turn, resume, ticks: 0 })
    this.timer ??= setInterval(() => this.tick(), tickMs).unref()
  }

  call<K extends Operation>(
    operation: K,
    args: Arguments<K>,
    asked: Asked | undefined
  ): Effect.Effect<Answer<K>, StoreError> {
    return Effect.callback<Answer<K>, StoreError>((resume) => {
      if (this.isClosed) {
        return resume(Effect.fail(toStoreError(operation, closed(this.settings.path))))
      }
      const sequence = ++this.sequence
      const turn = operation === "turn" ? (args[0] as Turn) : undefined
      this.expect(sequence, operation, resume as Call["resume"], turn)
      this.say([sequence, operation, turn === undefined ? args : [encodeTurn(turn)], asked])
    })
  }

  /** What was not reached before the scope closes does not hold later. */
  readonly hold: Effect.Effect<void, StoreError, Scope.Scope> = Effect.acquireRelease(
    Effect.sync(() => void Atomics.store(this.held, 0, 1)),
    () =>
      Effect.sync(() => {
        Atomics.store(this.held, 0, 0)
        Atomics.notify(this.held, 0)
      })
  ).pipe(
    Effect.andThen(
      Effect.callback<void, StoreError>((resume) => {
        const sequence = ++this.sequence
        this.expect(sequence, "hold", resume as Call["resume"])
        this.say([sequence, "hold"])
      })
    )
  )

  listen(): void {
    if (this.isListening) return
    this.isListening = true
    this.say([0, "listen"])
  }

  watch(on: boolean): void {
    this.watchers += on ? 1 : -1
    if (!this.isClosed && this.watchers === (on ? 1 : 0)) this.say(on ? [0, "watch"] : [0, "unwatch"])
  }

  private hear(worker: Worker, [sequence, kind, body, wakes]: Reply): void {
    Atomics.add(this.signs, 0, 1)
    if (kind === "alive?") return
    if (kind === "wake") return this.tell(body, undefined)
    if (kind === "refused") {
      this.lose(worker, body)
      return
    }
    const call = this.calls.get(sequence)
    if (call === undefined) return
    this.calls.delete(sequence)
    if (wakes !== undefined) this.tell(wakes, call.turn?.origin)
    switch (kind) {
      case "opened":
        this.isShared = body
        call.resume(Effect.void)
        break
      case "done":
        call.resume(
          Effect.succeed(call.operation === "turn" ? toTurnResult(decodeTurnResult(body as EncodedTurnResult)) : body)
        )
        break
      case "failed":
        call.resume(Effect.fail(toStoreError(call.operation, body)))
        break
    }
  }

  private tell(wakes: ReadonlyArray<Wake>, origin: string | undefined): void {
    for (const listener of this.listeners) for (const wake of wakes) listener(wake, origin)
  }

  /** Fails what is in flight; of what may have been written nobody knows. */
  private lose(worker: Worker, why: string | Reason): void {
    if (this.worker !== worker) return
    this.worker = undefined
    void worker.terminate()
    const calls = [...this.calls.values()]
    this.calls.clear()
    for (const { operation, resume } of calls) {
      const reason = typeof why !== "string" ? why : reads.has(operation) ? unavailable(why) : outcomeUnknown(why)
      resume(Effect.fail(toStoreError(operation, reason)))
    }
  }

  private tick(): void {
    if (this.calls.size === 0) {
      clearInterval(this.timer)
      this.timer = undefined
    }
    for (const call of this.calls.values()) {
      if (++call.ticks <= ticksMost) continue
      if (this.worker !== undefined)
        this.lose(this.worker, `${this.settings.path} did not answer within 10 s. Try again.`)
      return
    }
  }

  /** Lets calls in flight be answered, then ends the thread; at once when it does not end by itself. */
  readonly close: Effect.Effect<void> = Effect.callback<void>((resume) => {
    this.isClosed = true
    clearInterval(this.timer)
    const { worker } = this
    if (worker === undefined) return resume(Effect.void)
    const giveUp = setTimeout(() => void worker.terminate(), 5_000)
    worker.once("exit", () => {
      clearTimeout(giveUp)
      resume(Effect.void)
    })
    this.say([0, "close"])
  })
}

export const makeThreadHost = (settings: EngineSettings): Effect.Effect<Host, StoreError> =>
  Effect.suspend(() => {
    const thread = new StoreThreadHandle(settings)
    return Effect.as(
      Effect.onError(thread.open, () => thread.close),
      {
        get isShared() {
          return thread.isShared
        },
        remembersCalls: false,
        call: (operation, ...args) => thread.call(operation, args, undefined),
        ask: (asked, operation, args) => thread.call(operation, args, asked),
        hold: thread.hold,
        listen: (listener, aside) => {
          thread.listeners.add(listener)
          if (!aside) thread.listen()
          return () => {
            thread.listeners.delete(listener)
          }
        },
        watch: (on) => thread.watch(on),
        close: thread.close
      } satisfies Host
    )
  })
