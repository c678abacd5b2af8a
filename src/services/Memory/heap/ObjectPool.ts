/**
 * The pool behind `MemoryOptimizer.createPool`. Its state changes in its methods only, each of which runs to its end in
 * one turn of the event loop, and an object is in exactly one place: idle, held, or on its way out.
 *
 * Effect's own `Pool` does not carry the contract as it is: it knows no release but that of a scope, so none can come
 * twice or be missed, names no holder, and is shrunk by its own strategies only, whose time to live wakes the process
 * when nothing happens. Borrowing from it costs about half (`docs/decisions/0040-libraries.md`).
 */
import { type Cause, Effect, Exit, type Fiber, type Scope } from "effect"
import {
  DoubleRelease,
  FactoryFailed,
  type Lease,
  type ObjectPool,
  PoolClosed,
  PoolError,
  type PoolLeak,
  type PoolStats
} from "../../Queue/MemoryOptimizer.ts"

export interface PoolSettings<T> {
  readonly name: string
  readonly min: number
  readonly max: number
  readonly idleTimeoutMs: number
  readonly maxHoldMs: number
  readonly factory: () => T
  readonly cleanup: (item: T) => Effect.Effect<void>
  readonly destroy: (item: T) => Effect.Effect<void>
  readonly monotonic: () => number
  /** Runs apart from callers. */
  readonly fork: (effect: Effect.Effect<unknown>) => Fiber.Fiber<unknown>
  readonly onLeak: (leak: PoolLeak) => void
  readonly onCleanupFailed: (cause: Cause.Cause<unknown>) => void
  readonly onClosed: () => void
}

interface Entry<T> {
  readonly item: T
  idleSince: number
}

interface Held<T> {
  readonly entry: Entry<T>
  readonly holder: string | Fiber.Fiber<unknown, unknown>
  readonly since: number
  /** Told as held too long already. */
  isTold: boolean
}

interface Waiter<T> {
  readonly holder: Held<T>["holder"]
  readonly since: number
  held: Held<T> | undefined
  readonly resume: (effect: Effect.Effect<Held<T>, PoolError>) => void
}

const leaksKept = 20

const nameOf = (holder: Held<unknown>["holder"]): string =>
  typeof holder === "string" ? holder : `fiber #${holder.id}`

class LeaseOf<T> implements Lease<T> {
  private held: Held<T> | undefined
  private readonly pool: Pool<T>
  readonly holder: string

  constructor(pool: Pool<T>, held: Held<T>) {
    this.pool = pool
    this.held = held
    this.holder = nameOf(held.holder)
  }

  get item(): T {
    if (this.held === undefined)
      throw new Error(`${this.holder} uses an object of pool ${this.pool.name} that it has given back`)
    return this.held.entry.item
  }

  private end(isBroken: boolean): Effect.Effect<void, DoubleRelease> {
    return Effect.suspend(() => {
      const { held } = this
      if (held === undefined) return Effect.fail(this.pool.releasedTwice(this.holder))
      this.held = undefined
      this.pool.giveBack(held, isBroken)
      return Effect.void
    })
  }

  get release() {
    return this.end(false)
  }

  get discard() {
    return this.end(true)
  }

  /** Its scope closes: what is still out has leaked. */
  closed(): void {
    const { held } = this
    if (held === undefined) return
    this.held = undefined
    this.pool.leaked(held, "scope-closed")
    this.pool.giveBack(held, false)
  }
}

export class Pool<T> implements ObjectPool<T> {
  readonly name: string
  private readonly settings: PoolSettings<T>
  /** The first has been idle longest. */
  private readonly idle: Array<Entry<T>> = []
  private readonly out = new Set<Held<T>>()
  private readonly waiters = new Set<Waiter<T>>()
  /** Cleanups and ends that take their time. */
  private readonly endings = new Set<Fiber.Fiber<unknown>>()
  private readonly lastLeaks: Array<PoolLeak> = []
  /** Objects that are being cleaned up or destroyed. */
  private ending = 0
  /** Looks after idle and held objects. */
  private tender: Fiber.Fiber<unknown> | undefined
  private closed = false
  private readonly counts = {
    handedOut: 0,
    created: 0,
    destroyed: 0,
    waited: 0,
    waitedMs: 0,
    doubleReleases: 0,
    leaks: 0
  }

  constructor(settings: PoolSettings<T>) {
    this.settings = settings
    this.name = settings.name
  }

  private get size(): number {
    return this.idle.length + this.out.size + this.ending
  }

  // Handing out -------------------------------------------------------------------------------------------------------

  private hold(entry: Entry<T>, holder: Held<T>["holder"]): Held<T> {
    const held: Held<T> = { entry, holder, since: this.settings.monotonic(), isTold: false }
    this.out.add(held)
    this.counts.handedOut++
    this.tend()
    return held
  }

  private make(): Entry<T> {
    const item = this.settings.factory()
    this.counts.created++
    return { item, idleSince: 0 }
  }

  private failure(reason: PoolClosed | FactoryFailed): PoolError {
    return new PoolError({ pool: this.name, reason })
  }

  private factoryFailed(cause: unknown): PoolError {
    const what = cause instanceof Error ? cause.message : String(cause)
    return this.failure(new FactoryFailed({ message: `Pool ${this.name} could not make an object: ${what}`, cause }))
  }

  private isClosed(): PoolError {
    return this.failure(new PoolClosed({ message: `Pool ${this.name} is closed` }))
  }

  /**
   * An object for the holder; waits interruptibly when all are out. To be called where it cannot be interrupted itself.
   */
  private take(holder: Held<T>["holder"]): Effect.Effect<Held<T>, PoolError> {
    if (this.closed) return Effect.fail(this.isClosed())
    if (this.waiters.size === 0) {
      const entry = this.idle.pop()
      if (entry !== undefined) return Effect.succeed(this.hold(entry, holder))
      if (this.size < this.settings.max) {
        try {
          return Effect.succeed(this.hold(this.make(), holder))
        } catch (cause) {
          return Effect.fail(this.factoryFailed(cause))
        }
      }
    }
    return Effect.interruptible(this.wait(holder))
  }

  private wait(holder: Held<T>["holder"]): Effect.Effect<Held<T>, PoolError> {
    return Effect.callback<Held<T>, PoolError>((resume) => {
      if (this.closed) return resume(Effect.fail(this.isClosed()))
      const waiter: Waiter<T> = { holder, since: this.settings.monotonic(), held: undefined, resume }
      this.waiters.add(waiter)
      return Effect.sync(() => {
        // Interrupted with the object in hand already: it goes to the next.
        if (!this.waiters.delete(waiter) && waiter.held !== undefined) this.giveBack(waiter.held, false)
      })
    })
  }

  /** To whoever has waited longest. */
  private serve(entry: Entry<T>, waiter: Waiter<T>): void {
    this.waiters.delete(waiter)
    this.counts.waited++
    this.counts.waitedMs += this.settings.monotonic() - waiter.since
    waiter.held = this.hold(entry, waiter.holder)
    waiter.resume(Effect.succeed(waiter.held))
  }

  /** There is room again: makes objects for those who wait. */
  private serveWaiting(): void {
    while (!this.closed && this.waiters.size > 0 && this.size < this.settings.max) {
      const [waiter] = this.waiters
      let entry: Entry<T>
      try {
        entry = this.make()
      } catch (cause) {
        this.waiters.delete(waiter!)
        waiter!.resume(Effect.fail(this.factoryFailed(cause)))
        continue
      }
      this.serve(entry, waiter!)
    }
  }

  // Coming back -------------------------------------------------------------------------------------------------------

  giveBack(held: Held<T>, isBroken: boolean): void {
    if (!this.out.delete(held)) return
    const { entry } = held
    if (this.closed || isBroken) return this.destroy(entry)
    this.end(this.settings.cleanup, entry, (isClean) => {
      if (!isClean || this.closed) this.destroy(entry)
      else this.keep(entry)
    })
  }

  private keep(entry: Entry<T>): void {
    const [waiter] = this.waiters
    if (waiter !== undefined) return this.serve(entry, waiter)
    entry.idleSince = this.settings.monotonic()
    this.idle.push(entry)
    this.tend()
  }

  private destroy(entry: Entry<T>): void {
    this.end(this.settings.destroy, entry, () => {
      this.counts.destroyed++
      this.serveWaiting()
    })
  }

  /** Does the last for an object; it counts until that is done. What is done at once takes no fiber. */
  private end(how: (item: T) => Effect.Effect<void>, { item }: Entry<T>, then: (isDone: boolean) => void): void {
    this.ending++
    const done = (exit: Exit.Exit<unknown, unknown>) => {
      this.ending--
      if (Exit.isFailure(exit)) this.settings.onCleanupFailed(exit.cause)
      then(Exit.isSuccess(exit))
    }
    let effect: Effect.Effect<void>
    try {
      effect = how(item)
    } catch (defect) {
      return done(Exit.die(defect))
    }
    if (Exit.isExit(effect)) return done(effect)
    const fiber = this.settings.fork(effect)
    const exit = fiber.pollUnsafe()
    if (exit !== undefined) return done(exit)
    this.endings.add(fiber)
    fiber.addObserver((late) => {
      this.endings.delete(fiber)
      done(late)
    })
  }

  // Watching ----------------------------------------------------------------------------------------------------------

  releasedTwice(holder: string): DoubleRelease {
    this.counts.doubleReleases++
    return new DoubleRelease({ pool: this.name, holder })
  }

  leaked(held: Held<T>, how: PoolLeak["how"]): void {
    const leak: PoolLeak = {
      pool: this.name,
      holder: nameOf(held.holder),
      how,
      heldMs: this.settings.monotonic() - held.since
    }
    this.counts.leaks++
    this.lastLeaks.push(leak)
    if (this.lastLeaks.length > leaksKept) this.lastLeaks.shift()
    this.settings.onLeak(leak)
  }

  private get isWorthTending(): boolean {
    return !this.closed && (this.out.size > 0 || this.idle.length > this.settings.min)
  }

  /** Looks after idle and held objects while there are any to look after; an idle process sleeps on. */
  private tend(): void {
    if (this.tender !== undefined || this.closed) return
    const { idleTimeoutMs, maxHoldMs } = this.settings
    const pass = Effect.sync(() => {
      this.look()
      return this.isWorthTending
    })
    const everyMs = Math.max(1, Math.min(idleTimeoutMs, maxHoldMs) / 2)
    const loop: Effect.Effect<void> = Effect.sleep(everyMs).pipe(
      Effect.andThen(pass),
      Effect.flatMap((more) => (more ? loop : Effect.void))
    )
    this.tender = this.settings.fork(loop)
    this.tender.addObserver(() => {
      this.tender = undefined
    })
  }

  private look(): void {
    const now = this.settings.monotonic()
    const { idleTimeoutMs, maxHoldMs, min } = this.settings
    while (this.idle.length > 0 && this.size - this.ending > min && now - this.idle[0]!.idleSince >= idleTimeoutMs)
      this.destroy(this.idle.shift()!)
    for (const held of this.out) {
      if (now - held.since < maxHoldMs) break
      if (held.isTold) continue
      held.isTold = true
      this.leaked(held, "held-long")
    }
  }

  /** Destroys idle objects beyond so many, without waiting for it; answers how many. */
  shed(keep: number): number {
    const before = this.idle.length
    while (this.idle.length > keep) this.destroy(this.idle.shift()!)
    return before - this.idle.length
  }

  // The contract ------------------------------------------------------------------------------------------------------

  use<A, E, R>(f: (item: T) => Effect.Effect<A, E, R>): Effect.Effect<A, E | PoolError, R> {
    return Effect.acquireUseRelease(
      Effect.withFiber((fiber) => this.take(fiber)),
      (held) => f(held.entry.item),
      (held) => Effect.sync(() => this.giveBack(held, false))
    )
  }

  get get(): Effect.Effect<T, PoolError, Scope.Scope> {
    return Effect.acquireRelease(
      Effect.withFiber((fiber) => this.take(fiber)),
      (held) => Effect.sync(() => this.giveBack(held, false))
    ).pipe(Effect.map(({ entry }) => entry.item))
  }

  lease(holder?: string): Effect.Effect<Lease<T>, PoolError, Scope.Scope> {
    return Effect.acquireRelease(
      Effect.withFiber((fiber) => Effect.map(this.take(holder ?? fiber), (held) => new LeaseOf(this, held))),
      (lease) => Effect.sync(() => lease.closed())
    )
  }

  shrink(keep: number): Effect.Effect<number> {
    return Effect.suspend(() => {
      const count = this.shed(keep)
      return Effect.as(this.settled, count)
    })
  }

  /** Once nothing is being cleaned up or destroyed that was when this began. */
  private get settled(): Effect.Effect<void> {
    return Effect.suspend(() =>
      Effect.forEach(
        [...this.endings],
        (fiber) =>
          Effect.callback<void>((resume) => {
            const quit = fiber.addObserver(() => resume(Effect.void))
            return Effect.sync(quit)
          }),
        { discard: true }
      )
    )
  }

  get stats(): Effect.Effect<PoolStats> {
    return Effect.sync(() => this.statistics())
  }

  statistics(): PoolStats {
    const now = this.settings.monotonic()
    const [first] = this.out
    return {
      name: this.name,
      min: this.settings.min,
      max: this.settings.max,
      size: this.size,
      idle: this.idle.length,
      held: this.out.size,
      waiting: this.waiters.size,
      ...this.counts,
      lastLeaks: [...this.lastLeaks],
      longestHeldMs: first === undefined ? 0 : now - first.since
    }
  }

  get close(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.closed = true
      this.tender?.interruptUnsafe()
      for (const waiter of [...this.waiters]) {
        this.waiters.delete(waiter)
        waiter.resume(Effect.fail(this.isClosed()))
      }
      this.shed(0)
      this.settings.onClosed()
      return this.settled
    })
  }
}
