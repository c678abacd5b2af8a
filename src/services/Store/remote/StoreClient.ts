/**
 * A store that another process serves, as its clients see it: calls over one connection, which is made anew when it is
 * lost. What was not answered is asked again there, changes under the number they had, so each of them happens once and
 * is answered as it was the first time.
 *
 * A call ends within 10 s: with its answer, as `StoreUnavailable` when it was not done, or as `StoreOutcomeUnknown`
 * when nobody knows. Of a store that does not remember calls a change whose connection was lost is not asked again: its
 * outcome is unknown at once.
 */
import { Cause, Clock, Effect, Exit, Latch, Random, type Scope } from "effect"
import { randomUUID } from "node:crypto"
import type { Duplex } from "node:stream"
import { Asked } from "../Asked.ts"
import type { JobStore, Wake, WakeListener } from "../JobStore.ts"
import { type Backoff, pauseMs } from "../../Queue/policy/Backoff.ts"
import type { Store } from "../Store.ts"
import { StoreClosed, StoreError, StoreOutcomeUnknown, type StoreReason, StoreUnavailable } from "../StoreError.ts"
import { type AnyMethod, storeOver } from "../Methods.ts"
import { listen } from "../WakeListeners.ts"
import { Conversation } from "./Conversation.ts"
import { FrameTooLarge } from "./Frames.ts"
import {
  answerFromValue,
  argumentsToValues,
  type ClientMessage,
  defaultMaxMessageBytes,
  listenName,
  messageToText,
  protocolVersion,
  serverMessage,
  type ServerMessage,
  silentMs,
  watchName
} from "./Protocol.ts"
import { reasonFromValue } from "./TurnValue.ts"

export interface ClientOptions {
  /** A stream to a server of the store, for as long as the scope is open; made again when it has ended. */
  readonly connect: Effect.Effect<Duplex, unknown, Scope.Scope>
  /** Bytes of the longest message; both sides must agree. Default 256 MiB. */
  readonly maxMessageBytes?: number
  /** Between two tries to connect. Default 50 ms to 1 s: a store that was started again is found within a second. */
  readonly backoff?: Backoff
}

/** While calls are under way. */
const tickMs = 500
/** Ticks of a call until it fails: 10 s of an event loop that turns. One that is blocked judges nobody. */
const ticksMost = 10_000 / tickMs
/** Ticks without a word from the server until the connection is given up. */
const silentTicks = silentMs / tickMs

interface Call {
  readonly method: AnyMethod
  readonly args: ReadonlyArray<unknown>
  readonly resume: (result: Effect.Effect<unknown, StoreError>) => void
  /** Given with the first try. */
  asked: Asked | undefined
  /** 0: it waits for another change of its method. */
  sequence: number
  isSaid: boolean
  ticks: number
}

const beside = (name: string): AnyMethod => ({ name, service: "jobs", method: name, changes: false, isEffect: false })
const listenMethod = beside(listenName)
const watchMethod = beside(watchName)

const allWakes: ReadonlyArray<Wake> = ["ready", "finished", "control", "noted"]

/** Opens the first connection; fails when there is none within 10 s, or the server speaks another language. */
export const makeClient = (options: ClientOptions): Effect.Effect<Store, StoreError, Scope.Scope> =>
  Effect.gen(function* () {
    const client = new StoreClient(options, yield* Clock.Clock, yield* Random.Random)
    yield* Effect.addFinalizer(() => Effect.sync(() => client.close()))
    yield* Effect.forkScoped(client.stayConnected)
    yield* Effect.forkScoped(client.tick)
    const traits = yield* client.welcomed
    return client.storeWith(traits)
  })

class StoreClient {
  private readonly options: ClientOptions
  private readonly clock: Clock.Clock
  private readonly random: typeof Random.Random.Service
  private readonly origin = randomUUID()
  private lastNumber = 0
  private lastSequence = 0
  /** By their sequence numbers, which rise. */
  private readonly calls = new Map<number, Call>()
  /** By method, the changes that wait for the one under way. */
  private readonly queues = new Map<AnyMethod, Array<Call>>()
  private readonly hasCalls = Latch.makeUnsafe(false)
  private readonly listeners = new Set<WakeListener>()
  private isListening: "not" | "aside" | "all" = "not"
  private watchers = 0
  /** Set while the server has welcomed this connection. */
  private conversation: Conversation | undefined
  private isHeard = false
  private silent = 0
  private failures = 0
  private isClosed = false
  private trouble = "no connection was made"
  private traits: JobStore["Service"]["traits"] | undefined
  private refusal: StoreReason | undefined
  private readonly settled = Latch.makeUnsafe(false)

  constructor(options: ClientOptions, clock: Clock.Clock, random: typeof Random.Random.Service) {
    this.options = options
    this.clock = clock
    this.random = random
  }

  /** The traits of the store, once a server has said them. */
  readonly welcomed: Effect.Effect<JobStore["Service"]["traits"], StoreError> = Effect.suspend(() =>
    this.settled.await.pipe(
      Effect.timeoutOption(ticksMost * tickMs),
      Effect.flatMap(() =>
        this.traits === undefined ? Effect.fail(this.unavailable("open")) : Effect.succeed(this.traits)
      )
    )
  )

  storeWith(traits: JobStore["Service"]["traits"]): Store {
    return storeOver((method, args) => this.call(method, args), {
      traits,
      turnSync: undefined,
      keep: undefined,
      // Transactions are the server's: a client that stands still holds up nobody.
      hold: Effect.void,
      watch: Effect.acquireRelease(
        Effect.suspend(() => this.watch(1)),
        () => Effect.asVoid(Effect.forkDetach(this.watch(-1)))
      ),
      onWake: (listener, { aside = false } = {}) =>
        Effect.andThen(
          listen((added) => {
            this.listeners.add(added)
            return () => this.listeners.delete(added)
          }, listener),
          Effect.suspend(() => this.listen(aside))
        )
    })
  }

  // Calls.

  private call(method: AnyMethod, args: ReadonlyArray<unknown>): Effect.Effect<unknown, StoreError> {
    const ask = (asked: Asked | undefined) =>
      Effect.callback<unknown, StoreError>((resume) => {
        const call: Call = { method, args, resume, asked, sequence: 0, isSaid: false, ticks: 0 }
        this.begin(call)
        return Effect.sync(() => this.drop(call))
      })
    return method.changes ? Effect.flatMap(Effect.service(Asked), ask) : ask(undefined)
  }

  /** Changes that bring no number of their own get one of this client's, one call of a method at a time. */
  private begin(call: Call): void {
    if (this.isClosed) {
      const message = "The store's layer is closed"
      return call.resume(Effect.fail(storeError(call.method.name, new StoreClosed({ message }))))
    }
    if (call.method.changes && call.asked === undefined) {
      const queue = this.queues.get(call.method)
      if (queue !== undefined) {
        queue.push(call)
        this.hasCalls.openUnsafe()
        return
      }
      this.queues.set(call.method, [])
      call.asked = { origin: this.origin, number: ++this.lastNumber }
    }
    this.start(call)
  }

  private start(call: Call): void {
    if (this.calls.size === 0) this.silent = 0
    call.sequence = ++this.lastSequence
    this.calls.set(call.sequence, call)
    this.hasCalls.openUnsafe()
    this.ask(call)
  }

  private ask(call: Call): void {
    if (this.conversation === undefined) return
    const { args, asked, method, sequence } = call
    const sentAt = this.clock.currentTimeMillisUnsafe()
    try {
      this.say(["ask", sequence, method.name, argumentsToValues(method.name, args), asked, sentAt])
      call.isSaid = true
    } catch (error) {
      const reason =
        error instanceof FrameTooLarge
          ? new StoreUnavailable({ message: `${method.name}: ${error.message}. Hand over less at a time.` })
          : undefined
      this.finish(call, reason === undefined ? Effect.die(error) : Effect.fail(storeError(method.name, reason)))
    }
  }

  private finish(call: Call, result: Effect.Effect<unknown, StoreError>): void {
    this.drop(call)
    call.resume(result)
  }

  /** Nobody waits for it any more; the next change of its method may go. */
  private drop(call: Call): void {
    const queue = this.queues.get(call.method)
    if (call.sequence === 0) {
      const place = queue?.indexOf(call) ?? -1
      if (place >= 0) queue!.splice(place, 1)
      return
    }
    if (!this.calls.delete(call.sequence)) return
    if (call.asked?.origin === this.origin) {
      const next = queue?.shift()
      if (next === undefined) this.queues.delete(call.method)
      else {
        next.asked = { origin: this.origin, number: ++this.lastNumber }
        this.start(next)
      }
    }
    if (this.calls.size === 0) this.hasCalls.closeUnsafe()
  }

  private unavailable(operation: string, call?: Call): StoreError {
    const message = `The store did not answer within 10 s (${this.trouble})`
    if (call?.isSaid === true && call.method.changes)
      return storeError(operation, new StoreOutcomeUnknown({ message: `${message}: it may have been done.` }))
    return storeError(operation, this.refusal ?? new StoreUnavailable({ message: `${message}. Try again.` }))
  }

  /** Looks after calls that are not answered. */
  readonly tick: Effect.Effect<never> = Effect.suspend(() =>
    Effect.forever(
      this.hasCalls.await.pipe(Effect.andThen(Effect.sleep(tickMs)), Effect.andThen(Effect.sync(() => this.look())))
    )
  )

  private look(): void {
    // Those that wait first: the end of what they wait for would begin them.
    const waiting = [...this.queues.values()].flat()
    for (const call of [...waiting, ...this.calls.values()]) {
      if (++call.ticks >= ticksMost) this.finish(call, Effect.fail(this.unavailable(call.method.name, call)))
    }
    if (this.conversation === undefined || this.calls.size === 0 || ++this.silent < silentTicks) return
    this.conversation.end("the server was silent")
  }

  // Connections.

  /** One connection after the other, until the scope of the client is closed. */
  readonly stayConnected: Effect.Effect<never> = Effect.suspend(() =>
    Effect.forever(
      this.options.connect.pipe(
        Effect.timeout(silentMs),
        Effect.flatMap((stream) => this.converse(stream)),
        Effect.scoped,
        Effect.exit,
        Effect.flatMap((exit) => {
          if (Exit.isFailure(exit)) this.trouble = messageOf(Cause.squash(exit.cause))
          const { backoff = { firstMs: 50, capMs: 1_000 } } = this.options
          return Effect.sleep(pauseMs(backoff, ++this.failures, this.random.nextDoubleUnsafe()))
        })
      )
    )
  )

  /** Until the connection is over. */
  private converse(stream: Duplex): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      this.isHeard = false
      const conversation = new Conversation(stream, {
        maxMessageBytes: this.options.maxMessageBytes ?? defaultMaxMessageBytes,
        hear: (text) => {
          this.silent = 0
          this.hear(conversation, serverMessage(text))
        },
        over: (why) => {
          this.conversation = undefined
          this.trouble = why ?? "the connection was lost"
          this.lost()
          resume(Effect.void)
        }
      })
      conversation.say(messageToText(["hello", protocolVersion]))
      return Effect.sync(() => conversation.end(undefined))
    }).pipe(Effect.raceFirst(this.untilHeard))
  }

  /** What a store does not remember is not asked twice. */
  private lost(): void {
    if (this.traits?.remembersCalls !== false) return
    for (const call of [...this.calls.values()]) {
      if (!call.method.changes || !call.isSaid) continue
      const message = `The answer was lost (${this.trouble}): it may have been done.`
      this.finish(call, Effect.fail(storeError(call.method.name, new StoreOutcomeUnknown({ message }))))
    }
  }

  /** Ends when the server has not said a word in time; never once it has. */
  private readonly untilHeard: Effect.Effect<void> = Effect.suspend(() =>
    Effect.andThen(
      Effect.sleep(silentMs),
      Effect.suspend(() => (this.isHeard ? Effect.never : Effect.void))
    )
  )

  private hear(conversation: Conversation, message: ServerMessage): void {
    this.isHeard = true
    switch (message[0]) {
      case "welcome":
        return this.connected(conversation, message[2])
      case "unwelcome":
        this.refusal = otherProtocol(message[1])
        this.settled.openUnsafe()
        return conversation.end("another protocol")
      case "done": {
        const call = this.calls.get(message[1])
        if (call !== undefined) this.finish(call, Effect.succeed(answerFromValue(call.method.name, message[2])))
        return
      }
      case "failed": {
        const call = this.calls.get(message[1])
        if (call !== undefined)
          this.finish(call, Effect.fail(storeError(call.method.name, reasonFromValue(message[2]))))
        return
      }
      case "died": {
        const call = this.calls.get(message[1])
        if (call !== undefined) this.finish(call, Effect.die(new Error(`${call.method.name}: ${message[2]}`)))
        return
      }
      case "wake":
        return this.wake(message[1], message[2], message[3])
    }
  }

  /** Asks anew what was not answered, and hears anew what it listened to. What happened meanwhile nobody has told. */
  private connected(conversation: Conversation, traits: JobStore["Service"]["traits"]): void {
    const isFirst = this.traits === undefined
    this.conversation = conversation
    this.traits ??= traits
    this.refusal = undefined
    this.trouble = "it is still at work"
    this.failures = 0
    this.settled.openUnsafe()
    if (this.isListening !== "not") this.tellFirst(listenMethod, this.isListening === "aside")
    if (this.watchers > 0) this.tellFirst(watchMethod, true)
    for (const call of [...this.calls.values()]) this.ask(call)
    if (!isFirst) for (const wake of allWakes) this.wake(wake)
  }

  /** Before anything is asked on a new connection; nobody waits for the answer. */
  private tellFirst({ name }: AnyMethod, argument: boolean): void {
    this.say(["ask", 0, name, [argument], undefined, this.clock.currentTimeMillisUnsafe()])
  }

  private say(message: ClientMessage): void {
    this.conversation?.say(messageToText(message))
  }

  // Wakes.

  private wake(...wake: Parameters<WakeListener>): void {
    for (const listener of this.listeners) listener(...wake)
  }

  /** Where the server cannot be told now, it is told once there is a connection. */
  private tell(method: AnyMethod, argument: boolean): Effect.Effect<void> {
    return Effect.ignore(this.call(method, [argument]))
  }

  private listen(isAside: boolean): Effect.Effect<void> {
    if (this.isListening === "all" || (isAside && this.isListening === "aside")) return Effect.void
    this.isListening = isAside ? "aside" : "all"
    return this.tell(listenMethod, isAside)
  }

  private watch(step: 1 | -1): Effect.Effect<void> {
    this.watchers += step
    return this.watchers === (step === 1 ? 1 : 0) ? this.tell(watchMethod, step === 1) : Effect.void
  }

  close(): void {
    this.isClosed = true
    const message = "The store's layer is closed"
    const calls = [...this.calls.values(), ...[...this.queues.values()].flat()]
    this.queues.clear()
    for (const call of calls) this.finish(call, Effect.fail(storeError(call.method.name, new StoreClosed({ message }))))
    this.conversation?.end(undefined)
  }
}

const storeError = (operation: string, reason: StoreReason): StoreError => new StoreError({ operation, reason })

const otherProtocol = (version: number): StoreReason =>
  new StoreUnavailable({
    message:
      version > protocolVersion
        ? `The server of the store is newer (protocol ${version}, this one speaks ${protocolVersion}). Upgrade this program.`
        : `The server of the store is older (protocol ${version}, this one speaks ${protocolVersion}). Upgrade the server.`
  })

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
