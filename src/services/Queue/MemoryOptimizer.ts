/**
 * What a process does about its memory: pools of objects that are dear to make, a measured picture of where memory
 * goes, and collections when they pay.
 *
 * The queue itself needs none of it switched on: the gate that refuses new jobs before memory ends is part of every
 * queue (`MemoryGate`), and this service shows and drives it.
 */
import { Context, type Duration, type Effect, Schema, type Scope } from "effect"
import type {
  CollectionReport,
  HeapSpace,
  MemorySnapshot,
  MemoryTrend,
  PressureState,
  Shrinkable
} from "../Memory/MemoryGate.ts"

/** The pool is closed: its optimizer's layer, or the pool itself. The caller outlived it. */
export class PoolClosed extends Schema.TaggedError<PoolClosed>()("PoolClosed", { message: Schema.String }) {}
/** The factory threw; nothing was handed out. `cause` is what it threw. */
export class FactoryFailed extends Schema.TaggedError<FactoryFailed>()("FactoryFailed", {
  message: Schema.String,
  cause: Schema.Defect()
}) {}

/** A pool had no object to give. */
export class PoolError extends Schema.TaggedError<PoolError>()("PoolError", {
  pool: Schema.String,
  reason: Schema.Union([PoolClosed, FactoryFailed])
}) {
  override get message() {
    return this.reason.message
  }
}

/**
 * A lease was given back a second time. The object was left where it is: somebody else may have it by now. Correct the
 * caller.
 */
export class DoubleRelease extends Schema.TaggedError<DoubleRelease>()("DoubleRelease", {
  pool: Schema.String,
  holder: Schema.String
}) {
  override get message() {
    return `${this.holder} gave its object back to pool ${this.pool} twice`
  }
}

/** An object that did not come back as it should have. */
export interface PoolLeak {
  readonly pool: string
  readonly holder: string
  /**
   * `scope-closed`: a lease was not released by hand before its scope closed; the pool took the object back.
   * `held-long`: it is still out.
   */
  readonly how: "scope-closed" | "held-long"
  readonly heldMs: number
}

export interface PoolOptions<in T> {
  /** Shown in statistics and errors. Default `pool 1`, `pool 2` and so on */
  readonly name?: string
  /** So many objects stay when idle ones go. They are made when first needed. Default 0. */
  readonly min?: number
  /**
   * At most so many exist, those being cleaned up or destroyed included. Whoever comes then waits, first come first
   * served. Default 64.
   */
  readonly max?: number
  /**
   * An object beyond `min` that nobody wanted for this long goes. Default 1 minute: a pause between bursts is survived.
   */
  readonly idleTimeout?: Duration.Input
  /**
   * Held longer, an object counts as leaked: it is named, not taken away. Default 30 minutes, the hard limit of a job.
   */
  readonly maxHold?: Duration.Input
  /**
   * Ends an object's life (closes a connection): when it is discarded, has been idle for too long, its cleanup failed,
   * or the pool closes. Its object counts until it is done; a defect of it is logged and counts as done. Default:
   * nothing is to be done.
   */
  readonly destroy?: (item: T) => Effect.Effect<void>
}

/** An object in the hands of a holder who gives it back himself. */
export interface Lease<out T> {
  /** The object. Reading it after the release is a defect. */
  readonly item: T
  readonly holder: string
  /** Gives the object back, once. */
  readonly release: Effect.Effect<void, DoubleRelease>
  /** As `release`, for an object that is broken: it is destroyed, and a new one takes its place. */
  readonly discard: Effect.Effect<void, DoubleRelease>
}

export interface PoolStats {
  readonly name: string
  readonly min: number
  readonly max: number
  /** All that exist: idle, held, and being cleaned up or destroyed. */
  readonly size: number
  readonly idle: number
  readonly held: number
  /** Callers that wait for an object. */
  readonly waiting: number
  /** Since the pool was made. */
  readonly handedOut: number
  readonly created: number
  readonly destroyed: number
  /** Of those handed out: how many had to wait, and for how long altogether, in milliseconds. */
  readonly waited: number
  readonly waitedMs: number
  readonly doubleReleases: number
  readonly leaks: number
  /** The last 20. */
  readonly lastLeaks: ReadonlyArray<PoolLeak>
  /** How long the object that is out longest has been held, in milliseconds; 0 when none is. */
  readonly longestHeldMs: number
}

/**
 * A pool of objects that are dear to make: at most `max` exist, each is with one holder at a time, the one that came
 * back last goes out first. It shrinks to `min` when the process is short of memory, and does not wake an idle process.
 *
 * Borrowing costs 0.5 to 2 µs: it pays for objects that take longer than that to make (large buffers, compiled codecs,
 * connections) and costs for small records; docs/performance.md has figures.
 */
export interface ObjectPool<in out T> {
  readonly name: string
  /** Borrows an object while the effect runs, however that ends. */
  readonly use: <A, E, R>(f: (item: T) => Effect.Effect<A, E, R>) => Effect.Effect<A, E | PoolError, R>
  /** An object until the scope closes. */
  readonly get: Effect.Effect<T, PoolError, Scope.Scope>
  /**
   * An object that its holder gives back by hand, at the latest before the scope closes; what is not given back by then
   * is a leak.
   */
  readonly lease: (holder?: string) => Effect.Effect<Lease<T>, PoolError, Scope.Scope>
  /** Destroys idle objects until at most so many are idle; answers how many went. Waits for their end. */
  readonly shrink: (keep: number) => Effect.Effect<number>
  readonly stats: Effect.Effect<PoolStats>
  /** Hands nothing out any more, fails who waits, and destroys: idle objects at once, held ones when they come back. */
  readonly close: Effect.Effect<void>
}

/** Where this process's memory is, how it moves, and how near the end is. */
export interface MemoryMetrics extends MemorySnapshot {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly spaces: ReadonlyArray<HeapSpace>
  readonly trend: MemoryTrend
  readonly pressure: PressureState
  readonly pools: ReadonlyArray<PoolStats>
}

export class MemoryOptimizer extends Context.Service<
  MemoryOptimizer,
  {
    /**
     * A pool of what `factory` makes, until the optimizer's layer or the pool closes. `cleanup` runs on an object that
     * comes back, before anyone else gets it; it may take its time, and its object counts until it is done. A defect of
     * it is logged, and the object replaced.
     */
    readonly createPool: <T>(
      factory: () => T,
      cleanup: (item: T) => Effect.Effect<void>,
      options?: PoolOptions<T>
    ) => Effect.Effect<ObjectPool<T>>
    /** Looks now; costs about 0.1 ms. */
    readonly monitorMemory: Effect.Effect<MemoryMetrics>
    /**
     * Collects garbage when that pays: enough of it, and nobody waits (`Memory/policy/CollectionPays.ts`). The program
     * stands still meanwhile, about 0.7 ms per MiB that lives. Answers what it freed, or why it did not collect.
     */
    readonly optimizeGC: Effect.Effect<CollectionReport>
    /** Collects whatever the policy thinks. For operators and measurements. */
    readonly collect: Effect.Effect<CollectionReport>
    /**
     * Registers a cache or the like to be shrunk when memory is short, until the scope closes. Pools are registered.
     */
    readonly shrinkWhenShort: (shrinkable: Shrinkable) => Effect.Effect<void, never, Scope.Scope>
  }
>()("sluice/services/Queue/MemoryOptimizer") {
  /** `createPool` of the optimizer that is provided. */
  static readonly createPool = <T>(
    factory: () => T,
    cleanup: (item: T) => Effect.Effect<void>,
    options?: PoolOptions<T>
  ): Effect.Effect<ObjectPool<T>, never, MemoryOptimizer> =>
    MemoryOptimizer.use((optimizer) => optimizer.createPool(factory, cleanup, options))
}
