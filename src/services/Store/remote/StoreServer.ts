/**
 * A store served to other processes. Whoever may connect may do all that the store can: who that is, the owner of the
 * socket decides.
 *
 * A call that has begun is finished, whatever becomes of its connection: who lost the answer asks again, under the
 * number of the call, so the store must remember calls (`remembersCalls`). Times that a client names are moved to the
 * store's clock.
 */
import { Cause, Clock, Effect, Exit, Scope } from "effect"
import type { Duplex } from "node:stream"
import { Asked } from "../Asked.ts"
import type { WakeListener } from "../JobStore.ts"
import { ClockDifference } from "../../Queue/policy/ClockDifference.ts"
import type { Store } from "../Store.ts"
import { StoreError, StoreUnavailable } from "../StoreError.ts"
import { callOf, type MethodName, methods } from "../Methods.ts"
import { Conversation } from "./Conversation.ts"
import { FrameTooLarge } from "./Frames.ts"
import {
  answerToValue,
  argumentsFromValues,
  clientMessage,
  type ClientMessage,
  defaultMaxMessageBytes,
  listenName,
  messageToText,
  protocolVersion,
  type ServerMessage,
  watchName,
  workingMs
} from "./Protocol.ts"
import { reasonToValue } from "./TurnValue.ts"

export interface ServeOptions {
  /** Bytes of the longest message; both sides must agree. Default 256 MiB. */
  readonly maxMessageBytes?: number
}

/** From connecting to the first word, in milliseconds. */
const greetingMs = 10_000

/** Serves the store to who is at the other end, until the stream is closed or this is interrupted. */
export const serve = (
  store: Store,
  stream: Duplex,
  { maxMessageBytes = defaultMaxMessageBytes }: ServeOptions = {}
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const clock = yield* Clock.Clock
    const fork = Effect.runForkWith(yield* Effect.context<never>())
    yield* Effect.callback<void>((resume) => {
      const client = new ServedClient({ store, clock, fork, scope })
      client.conversation = new Conversation(stream, {
        maxMessageBytes,
        hear: (text) => client.hear(clientMessage(text)),
        over: () => resume(Effect.void)
      })
      client.expectGreeting()
      return Effect.sync(() => client.conversation.end(undefined))
    })
  }).pipe(Effect.scoped)

interface Parts {
  readonly store: Store
  readonly clock: Clock.Clock
  readonly fork: <A, E>(effect: Effect.Effect<A, E>) => unknown
  /** Of the connection. */
  readonly scope: Scope.Scope
}

class ServedClient {
  private readonly parts: Parts
  conversation!: Conversation
  private readonly difference = new ClockDifference()
  private underWay = 0
  private isWorkingSaid = false
  private isGreeted = false
  private isListening = false
  private isAside = true
  private watching: Scope.Closeable | undefined

  constructor(parts: Parts) {
    this.parts = parts
  }

  hear(message: ClientMessage): void {
    if (message[0] === "hello") return this.greet(message[1])
    if (!this.isGreeted) throw new SyntaxError("Who says nothing first is not served")
    const [kind, sequence, method, args, asked, sentAt] = message
    if (kind !== "ask") throw new SyntaxError("Nobody knows this message")
    this.difference.observe(sentAt, this.parts.clock.currentTimeMillisUnsafe())
    this.answer(sequence, method, args, asked)
  }

  private say(message: ServerMessage): void {
    this.conversation.say(messageToText(message))
  }

  private greet(version: number): void {
    // Who is not welcome hangs up.
    if (version !== protocolVersion) return this.say(["unwelcome", protocolVersion])
    this.isGreeted = true
    // To another process it has no file, and does not end with it.
    const traits = { ...this.parts.store.jobs.traits, file: undefined, restsInHeap: false, shared: true }
    this.say(["welcome", protocolVersion, traits])
  }

  /** Who only holds a connection is left. */
  expectGreeting(): void {
    this.forkHere(
      Effect.andThen(
        Effect.sleep(greetingMs),
        Effect.sync(() => this.isGreeted || this.conversation.end("Nobody greeted"))
      )
    )
  }

  private answer(sequence: number, name: MethodName, args: ReadonlyArray<unknown>, asked: Asked | undefined): void {
    if (name === listenName || name === watchName) {
      if (name === listenName) this.listen(args[0] === true)
      else this.watch(args[0] === true)
      return this.say(["done", sequence, undefined])
    }
    const method = methods.get(name)
    if (method === undefined) return this.say(["died", sequence, `No store has a call ${name}`])
    const { ms } = this.difference
    const here = argumentsFromValues(name, args)
    const there = ms === 0 || method.inTime === undefined ? here : method.inTime(here, ms)
    this.underWay++
    this.parts.fork(
      callOf(this.parts.store, method, there).pipe(
        Effect.provideService(Asked, asked),
        Effect.exit,
        Effect.map((exit) => {
          this.underWay--
          this.tell(sequence, name, exit)
        })
      )
    )
    this.sayWorking()
  }

  private tell(sequence: number, name: MethodName, exit: Exit.Exit<unknown, StoreError>): void {
    try {
      this.say(
        Exit.isSuccess(exit)
          ? ["done", sequence, answerToValue(name, exit.value)]
          : failureMessage(sequence, Cause.squash(exit.cause))
      )
    } catch (error) {
      if (!(error instanceof FrameTooLarge)) throw error
      const message = `The answer of ${name} is too long: ${error.message}. Ask for less at a time.`
      this.say(["failed", sequence, reasonToValue(new StoreUnavailable({ message }))])
    }
  }

  /** While calls are under way. */
  private sayWorking(): void {
    if (this.isWorkingSaid || this.underWay === 0) return
    this.isWorkingSaid = true
    this.forkHere(
      Effect.gen({ self: this }, function* () {
        while (this.underWay > 0) {
          yield* Effect.sleep(workingMs)
          if (this.underWay > 0) this.say(["working"])
        }
        this.isWorkingSaid = false
      })
    )
  }

  /** Ends with the connection. */
  private forkHere(effect: Effect.Effect<unknown>): void {
    this.parts.fork(Scope.provide(Effect.forkScoped(effect), this.parts.scope))
  }

  private listen(isAside: boolean): void {
    if (this.isListening && (isAside || !this.isAside)) return
    const isFirst = !this.isListening
    this.isListening = true
    this.isAside = isAside
    const tell: WakeListener = (wake, origin, groups) => this.say(["wake", wake, origin, groups])
    this.parts.fork(
      Scope.provide(this.parts.store.jobs.onWake(isFirst ? tell : () => {}, { aside: isAside }), this.parts.scope)
    )
  }

  private watch(on: boolean): void {
    if (on === (this.watching !== undefined)) return
    const { fork, scope, store } = this.parts
    if (on) {
      const watching = Scope.forkUnsafe(scope)
      this.watching = watching
      fork(Scope.provide(store.jobs.watch, watching))
    } else {
      fork(Scope.close(this.watching!, Exit.void))
      this.watching = undefined
    }
  }
}

const failureMessage = (sequence: number, error: unknown): ServerMessage =>
  error instanceof StoreError
    ? ["failed", sequence, reasonToValue(error.reason)]
    : ["died", sequence, error instanceof Error ? error.message : String(error)]
