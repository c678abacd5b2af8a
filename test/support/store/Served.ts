/**
 * A store as two clients see it that use it in turns, each through a proxy of its own, one with its clock two minutes
 * behind the server's and one two minutes ahead.
 */
import { Clock, Duration, Effect, Layer } from "effect"
import { callOf, storeOver } from "../../../src/services/Store/Methods.ts"
import { makeClient } from "../../../src/services/Store/remote/StoreClient.ts"
import { serve } from "../../../src/services/Store/remote/StoreServer.ts"
import { type Store, store as wholeStore, toContext } from "../../../src/services/Store/Store.ts"
import { SeededRandom } from "../SeededRandom.ts"
import { type Fate, type Message, Proxy } from "./Proxy.ts"
import type { StoreLayer } from "./StoreDriver.ts"

const skewMs = 120_000

/** The test's time, with a wall clock that is off; who sleeps by it does so in real time. */
class ClientClock implements Clock.Clock {
  private readonly base: Clock.Clock
  private readonly skew: number
  readonly currentTimeMillis = Effect.sync(() => this.currentTimeMillisUnsafe())
  readonly currentTimeNanos: Effect.Effect<bigint>
  readonly monotonicTimeNanos: Effect.Effect<bigint>

  constructor(base: Clock.Clock, skew: number) {
    this.base = base
    this.skew = skew
    this.currentTimeNanos = base.currentTimeNanos
    this.monotonicTimeNanos = base.monotonicTimeNanos
  }

  currentTimeMillisUnsafe(): number {
    return this.base.currentTimeMillisUnsafe() + this.skew
  }
  currentTimeNanosUnsafe(): bigint {
    return this.base.currentTimeNanosUnsafe()
  }
  monotonicTimeNanosUnsafe(): bigint {
    return this.base.monotonicTimeNanosUnsafe()
  }
  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      const timer = setTimeout(() => resume(Effect.void), Duration.toMillis(duration))
      return Effect.sync(() => clearTimeout(timer))
    })
  }
}

/** What a test may do to messages: by its own random numbers, the same with each run. */
export type Fates = (random: SeededRandom) => (message: Message) => Fate

export const undisturbed: Fates = () => () => ({})

/** One message in thirty loses its connection in one of four ways, some are late, every third notice comes twice. */
export const disturbed: Fates =
  (random) =>
  ({ isNotice }) => ({
    ...(random.chance(1 / 30) && { cut: random.pick(["before", "within", "after", "late"] as const) }),
    ...(random.chance(1 / 50) && { delayMs: random.below(3) }),
    ...(isNotice && random.chance(1 / 3) && { copies: 2 })
  })

/** As each client says it by its own clock. */
const inClientTime = (method: { readonly inTime?: unknown }, args: ReadonlyArray<unknown>, skew: number) =>
  method.inTime === undefined
    ? args
    : (method.inTime as (args: ReadonlyArray<unknown>, ms: number) => ReadonlyArray<unknown>)(args, skew)

const inTurns = (
  clients: ReadonlyArray<{ readonly store: Store; readonly skew: number }>,
  random: SeededRandom
): Store => {
  const { jobs } = clients[0]!.store
  return storeOver(
    (method, args) =>
      Effect.suspend(() => {
        const { skew, store } = random.pick(clients)
        return callOf(store, method, inClientTime(method, args, skew))
      }),
    {
      traits: jobs.traits,
      turnSync: undefined,
      keep: undefined,
      hold: jobs.hold,
      onWake: jobs.onWake,
      watch: Effect.all(
        clients.map(({ store }) => store.jobs.watch),
        { discard: true }
      )
    }
  )
}

/** The store of `layer`, which must remember calls, served to two clients. */
export const served =
  (layer: StoreLayer, fates: Fates, seed = 1): StoreLayer =>
  (options) =>
    Layer.effectContext(
      Effect.gen(function* () {
        const store = yield* wholeStore
        const clock = yield* Clock.Clock
        const random = new SeededRandom(seed)
        const clients = yield* Effect.forEach([-skewMs, skewMs], (skew) => {
          const proxy = new Proxy(
            (stream) => Effect.provideService(serve(store, stream), Clock.Clock, clock),
            fates(random)
          )
          return makeClient({ connect: proxy.connect, backoff: { firstMs: 1, capMs: 20 } }).pipe(
            Effect.provideService(Clock.Clock, new ClientClock(clock, skew)),
            Effect.map((store) => ({ store, skew }))
          )
        })
        return toContext(inTurns(clients, random))
      })
    ).pipe(Layer.provide(layer(options)))
