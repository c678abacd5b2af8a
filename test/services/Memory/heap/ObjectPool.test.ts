import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Logger, Scope } from "effect"
import { TestClock } from "effect/testing"
import { Sluice } from "../../../../src/services/Queue/index.ts"
import { DoubleRelease, MemoryOptimizer, type PoolOptions } from "../../../../src/services/Queue/MemoryOptimizer.ts"
import { poolSteps } from "./poolSteps.ts"

interface Thing {
  readonly id: number
}

/** A pool that numbers what it makes and writes down what it destroys. */
const numbered = (options?: PoolOptions<Thing>, cleanup: (thing: Thing) => Effect.Effect<void> = () => Effect.void) =>
  Effect.gen(function* () {
    let made = 0
    const gone: Array<number> = []
    const optimizer = yield* MemoryOptimizer
    const pool = yield* optimizer.createPool<Thing>(() => ({ id: ++made }), cleanup, {
      ...options,
      destroy: ({ id }) => Effect.sync(() => void gone.push(id))
    })
    return { pool, gone, made: () => made }
  })

const provided = Effect.provide(Sluice.layerMemoryOptimizer)

describe("a pool of objects", () => {
  it.effect("hands out what came back last, and makes no more than are needed at a time", () =>
    Effect.gen(function* () {
      const { gone, made, pool } = yield* numbered()
      for (let i = 0; i < 10; i++) yield* pool.use(() => Effect.yieldNow)
      assert.strictEqual(made(), 1)
      yield* Effect.all([pool.use(() => Effect.yieldNow), pool.use(() => Effect.yieldNow)], { concurrency: 2 })
      assert.strictEqual(made(), 2)
      const { handedOut, held, idle, size } = yield* pool.stats
      assert.deepStrictEqual({ handedOut, held, idle, size }, { handedOut: 12, held: 0, idle: 2, size: 2 })
      assert.deepStrictEqual(gone, [])
    }).pipe(provided)
  )

  it.effect("lets callers wait in their order when all are out", () =>
    Effect.gen(function* () {
      const { pool } = yield* numbered({ max: 1 })
      const open = yield* Deferred.make<void>()
      const order: Array<string> = []
      yield* Effect.forkChild(
        pool.use(() => Deferred.await(open)),
        { startImmediately: true }
      )
      const waiters = yield* Effect.forEach(["a", "b", "c"], (name) =>
        Effect.forkChild(
          pool.use(() => Effect.sync(() => void order.push(name))),
          { startImmediately: true }
        )
      )
      assert.strictEqual((yield* pool.stats).waiting, 3)
      yield* TestClock.adjust("3 seconds")
      yield* Fiber.interrupt(waiters[1]!)
      yield* Deferred.succeed(open, undefined)
      yield* Fiber.awaitAll(waiters)
      assert.deepStrictEqual(order, ["a", "c"])
      const { size, waited, waitedMs } = yield* pool.stats
      assert.deepStrictEqual({ size, waited, waitedMs }, { size: 1, waited: 2, waitedMs: 6000 })
    }).pipe(provided)
  )

  it.effect("cleans up what nobody wanted for the idle time, but for the least number", () =>
    Effect.gen(function* () {
      const { gone, pool } = yield* numbered({ min: 1, max: 4, idleTimeout: "10 seconds" })
      yield* Effect.all(
        Array.from({ length: 4 }, () => pool.use(() => Effect.sleep("1 second"))),
        { concurrency: 4 }
      ).pipe(Effect.forkChild({ startImmediately: true }))
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(gone, [])
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual(gone.length, 3)
      assert.strictEqual((yield* pool.stats).idle, 1)
    }).pipe(provided)
  )

  it.effect("names who gives an object back twice, and leaves the object with whoever has it now", () =>
    Effect.gen(function* () {
      const { pool } = yield* numbered({ name: "codecs", max: 1 })
      const lease = yield* pool.lease("first")
      const { id } = lease.item
      yield* lease.release
      const second = yield* pool.lease("second")
      const error = yield* Effect.flip(lease.release)
      assert.instanceOf(error, DoubleRelease)
      assert.strictEqual(error.message, "first gave its object back to pool codecs twice")
      assert.throws(() => lease.item, /first uses an object of pool codecs that it has given back/)
      assert.strictEqual(second.item.id, id)
      const { doubleReleases, held } = yield* pool.stats
      assert.deepStrictEqual({ doubleReleases, held }, { doubleReleases: 1, held: 1 })
      yield* second.release
    }).pipe(Effect.scoped, provided)
  )

  it.effect("takes a lease back whose scope closed without a release, and names its holder", () => {
    const logged: Array<unknown> = []
    const logger = Logger.layer([Logger.make(({ message }) => void logged.push(message))])
    return Effect.gen(function* () {
      const { pool } = yield* numbered({ name: "codecs", max: 1 })
      const scope = yield* Scope.make()
      yield* Scope.provide(pool.lease("import 7"), scope)
      yield* TestClock.adjust("2 seconds")
      yield* Scope.close(scope, Exit.void)
      const { held, idle, lastLeaks, leaks } = yield* pool.stats
      assert.deepStrictEqual({ held, idle, leaks }, { held: 0, idle: 1, leaks: 1 })
      assert.deepStrictEqual(lastLeaks, [{ pool: "codecs", holder: "import 7", how: "scope-closed", heldMs: 2000 }])
      yield* Effect.yieldNow
      assert.match(String(logged), /import 7 did not release its lease of pool codecs/)
    }).pipe(Effect.provide(Sluice.layerMemoryOptimizer.pipe(Layer.provideMerge(logger))))
  })

  it.effect("names who holds an object too long, once, and does not take it away", () =>
    Effect.gen(function* () {
      const { pool } = yield* numbered({ name: "codecs", maxHold: "1 minute" })
      const lease = yield* pool.lease("slow import")
      yield* TestClock.adjust("5 minutes")
      const { held, lastLeaks, leaks, longestHeldMs } = yield* pool.stats
      assert.deepStrictEqual({ held, leaks, longestHeldMs }, { held: 1, leaks: 1, longestHeldMs: 300_000 })
      assert.strictEqual(lastLeaks[0]!.holder, "slow import")
      assert.strictEqual(lastLeaks[0]!.how, "held-long")
      assert.strictEqual(lease.item.id, 1)
      yield* lease.release
    }).pipe(Effect.scoped, provided)
  )

  it.effect("replaces an object that was discarded, or whose cleanup failed, also for one who waits", () =>
    Effect.gen(function* () {
      const { gone, pool } = yield* numbered({ max: 1 }, ({ id }) => (id === 2 ? Effect.die("stuck") : Effect.void))
      const lease = yield* pool.lease()
      const waiting = yield* Effect.forkChild(
        pool.use(({ id }) => Effect.succeed(id)),
        { startImmediately: true }
      )
      yield* lease.discard
      assert.strictEqual(yield* Fiber.join(waiting), 2)
      assert.strictEqual(yield* pool.use(({ id }) => Effect.succeed(id)), 3)
      assert.deepStrictEqual(gone, [1, 2])
    }).pipe(Effect.scoped, provided)
  )

  it.effect("hands out objects as its cleanup left them", () =>
    Effect.gen(function* () {
      class Job {
        words: ReadonlyArray<string> = []
        reset(): void {
          this.words = []
        }
      }
      const optimizer = yield* MemoryOptimizer
      const pool = yield* optimizer.createPool(
        () => new Job(),
        (job) => Effect.succeed(job.reset())
      )
      const use = (word: string) =>
        pool.use((job) =>
          Effect.sync(() => {
            job.words = [...job.words, word]
            return [job, job.words] as const
          })
        )
      const [first, said] = yield* use("one")
      assert.deepStrictEqual(said, ["one"])
      const [second, then] = yield* use("two")
      assert.strictEqual(second, first)
      assert.deepStrictEqual(then, ["two"])
    }).pipe(provided)
  )

  it.effect("lets the next holder wait for a cleanup that takes its time, and tends what came back idle", () =>
    Effect.gen(function* () {
      const { gone, pool } = yield* numbered({ max: 1, idleTimeout: "1 minute" }, () => Effect.sleep("1 second"))
      yield* pool.use(() => Effect.void)
      const next = yield* Effect.forkChild(
        pool.use(({ id }) => Effect.succeed(id)),
        { startImmediately: true }
      )
      assert.strictEqual((yield* pool.stats).size, 1)
      yield* TestClock.adjust("999 millis")
      assert.strictEqual(next.pollUnsafe(), undefined)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* Fiber.join(next), 1)
      yield* TestClock.adjust("2 minutes")
      assert.deepStrictEqual(gone, [1])
      assert.strictEqual((yield* pool.stats).size, 0)
    }).pipe(provided)
  )

  it.effect("counts an object until its end is done", () =>
    Effect.gen(function* () {
      const optimizer = yield* MemoryOptimizer
      let existing = 0
      const pool = yield* optimizer.createPool(
        () => ++existing,
        () => Effect.void,
        { max: 1, destroy: () => (existing++ === 1 ? Effect.sleep("1 second") : Effect.void) }
      )
      const lease = yield* pool.lease()
      yield* lease.discard
      const next = yield* Effect.forkChild(
        pool.use((count) => Effect.succeed(count)),
        { startImmediately: true }
      )
      assert.strictEqual((yield* pool.stats).size, 1)
      yield* TestClock.adjust("999 millis")
      assert.strictEqual(next.pollUnsafe(), undefined)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* Fiber.join(next), 3)
    }).pipe(Effect.scoped, provided)
  )

  it.effect("says what the factory threw, and goes on", () =>
    Effect.gen(function* () {
      const optimizer = yield* MemoryOptimizer
      let calls = 0
      const pool = yield* optimizer.createPool(
        () => {
          if (++calls === 1) throw new Error("no such codec")
          return calls
        },
        () => Effect.void,
        { name: "codecs" }
      )
      const error = yield* Effect.flip(pool.use(() => Effect.void))
      assert.strictEqual(error.reason._tag, "FactoryFailed")
      assert.strictEqual(error.message, "Pool codecs could not make an object: no such codec")
      assert.strictEqual(yield* pool.use((id) => Effect.succeed(id)), 2)
    }).pipe(provided)
  )

  it.effect(
    "closes with its optimizer: idle objects are gone up, held ones when they come back, waiters are told",
    () =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const context = yield* Scope.provide(Layer.build(Sluice.layerMemoryOptimizer), scope)
        const { gone, pool } = yield* Effect.provideContext(numbered({ max: 1 }), context)
        const lease = yield* pool.lease()
        const waiting = yield* Effect.forkChild(
          pool.use(() => Effect.void),
          { startImmediately: true }
        )
        yield* Scope.close(scope, Exit.void)
        const told = yield* Effect.flip(Fiber.join(waiting))
        assert.strictEqual(told.reason._tag, "PoolClosed")
        assert.deepStrictEqual(gone, [])
        yield* lease.release
        assert.deepStrictEqual(gone, [1])
        assert.strictEqual((yield* Effect.flip(pool.use(() => Effect.void))).reason._tag, "PoolClosed")
      }).pipe(Effect.scoped)
  )

  it.effect("never hands an object out twice, whatever is interrupted (100,000 random steps)", () =>
    Effect.gen(function* () {
      const { existing, existingMost, interrupted, max, stats } = yield* poolSteps(20261121, 100_000)
      assert.strictEqual(stats.held, 0)
      assert.strictEqual(stats.waiting, 0)
      assert.strictEqual(existing, 0)
      assert.isAtMost(existingMost, max)
      // The steps have been where it matters.
      assert.isAbove(stats.handedOut, 10_000)
      assert.isAbove(stats.waited, 1_000)
      assert.isAbove(stats.doubleReleases, 100)
      assert.isAbove(interrupted, 10_000)
    }).pipe(provided)
  )
})
