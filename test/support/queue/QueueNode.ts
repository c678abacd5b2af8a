/** One simulated process: a queue and a worker of its own on a store it shares with others, on the virtual clock. */
import { Clock, Context, Effect, Exit, Layer, Random, Scope } from "effect"
import type { StoreError } from "../../../src/services/Store/StoreError.ts"
import {
  type JobStore,
  type Placements,
  QueueEvents,
  QueueSettings,
  Sluice,
  TaskQueue,
  GroupOrders,
  type TaskRegistry,
  Worker,
  type WorkerOptions
} from "../../../src/services/Queue/index.ts"
import { type Fate, FaultyStore, type FaultyStoreOptions } from "./FaultyStore.ts"
import { NodeClock } from "./NodeClock.ts"
import { type Store, toContext } from "../../../src/services/Store/Store.ts"

export interface QueueNodeOptions {
  readonly store: Store
  /** Default: none, the process only enqueues. */
  readonly handlers?: Layer.Layer<never, StoreError, TaskRegistry | JobStore | GroupOrders | Placements>
  readonly worker?: WorkerOptions
  readonly settings?: Partial<QueueSettings.QueueSettings>
  readonly fate?: (operation: string) => Fate
  readonly accepted?: FaultyStoreOptions["accepted"]
  readonly observed?: FaultyStoreOptions["observed"]
  readonly asynchronous?: boolean
  readonly exit?: () => void
  readonly random?: () => number
  /** Wakes never come, as when notifications are broken. */
  readonly deaf?: boolean
  /** How far its wall clock is off from the start; default 0. */
  readonly skewMs?: number
}

export interface QueueNode {
  readonly queue: TaskQueue["Service"]
  readonly events: QueueEvents["Service"]
  readonly worker: Worker["Service"]
  readonly orders: GroupOrders["Service"]
  /** Moves its wall clock. */
  readonly skew: (ms: number) => void
  /** As SIGSTOP and SIGCONT. */
  readonly freeze: () => void
  readonly thaw: () => void
  /** As SIGKILL: no finalizer runs. */
  readonly kill: () => void
  /** As SIGTERM. */
  readonly stop: Effect.Effect<void>
}

const noHandlers: Layer.Layer<never, never, TaskRegistry> = Layer.empty

/** Started on the virtual clock of the test. A node that is not stopped is not cleaned up: it may be dead. */
export const startNode = (options: QueueNodeOptions): Effect.Effect<QueueNode, StoreError> =>
  Effect.gen(function* () {
    const clock = new NodeClock(yield* Clock.Clock)
    clock.skewMs = options.skewMs ?? 0
    const faulty = new FaultyStore(options.store, {
      fate: options.fate ?? (() => "answer"),
      clock,
      hears: () => options.deaf !== true && !clock.frozen,
      exit: () => {
        clock.freeze()
        options.exit?.()
      },
      ...(options.accepted === undefined ? {} : { accepted: options.accepted }),
      ...(options.observed === undefined ? {} : { observed: options.observed }),
      ...(options.asynchronous === undefined ? {} : { asynchronous: options.asynchronous })
    })
    const layer = Sluice.layerWorker(options.worker).pipe(
      Layer.provideMerge(options.handlers ?? noHandlers),
      Layer.provideMerge(Sluice.layer),
      Layer.provide(Layer.succeedContext(toContext(faulty.store))),
      Layer.provide(Layer.succeed(QueueSettings.Settings, { ...QueueSettings.defaults, ...options.settings }))
    )
    const random = options.random === undefined ? undefined : seeded(options.random)
    const scope = yield* Scope.make()
    const built = Layer.buildWithScope(layer, scope).pipe(Effect.provideService(Clock.Clock, clock))
    const context = yield* random === undefined ? built : Effect.provideService(built, Random.Random, random)
    return {
      queue: Context.get(context, TaskQueue),
      events: Context.get(context, QueueEvents),
      worker: Context.get(context, Worker),
      orders: Context.get(context, GroupOrders),
      skew: (ms) => {
        clock.skewMs = ms
      },
      freeze: () => clock.freeze(),
      thaw: () => {
        clock.thaw()
        faulty.deliver()
      },
      kill: () => {
        faulty.kill()
        clock.freeze()
      },
      stop: Scope.close(scope, Exit.void)
    }
  })

const seeded = (next: () => number): typeof Random.Random.Service => ({
  nextDoubleUnsafe: next,
  nextIntUnsafe: () => Math.floor(next() * Number.MAX_SAFE_INTEGER)
})
