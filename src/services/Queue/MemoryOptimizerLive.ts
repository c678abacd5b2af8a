/** Pools, and this process's memory as its gate sees it. */
import { Clock, Duration, Effect, Layer } from "effect"
import { MemoryGate } from "./MemoryGate.ts"
import { MemoryOptimizer, type PoolLeak, type PoolOptions } from "./MemoryOptimizer.ts"
import { Pool } from "./memory/ObjectPool.ts"
import { rankOf } from "./policy/MemoryPressure.ts"
import { monotonicOf } from "./host/Monotonic.ts"

const mostByDefault = 64

const millis = (input: Duration.Input) => Duration.toMillis(Duration.fromInputUnsafe(input))

const describeLeak = ({ heldMs, holder, how, pool }: PoolLeak): string =>
  how === "held-long"
    ? `${holder} has held an object of pool ${pool} for ${Math.round(heldMs / 1000)} s; give it back, or raise maxHold`
    : `${holder} did not release its lease of pool ${pool} before its scope closed; the pool took the object back`

const make = Effect.gen(function* () {
  const gate = yield* MemoryGate
  const clock = yield* Clock.Clock
  const monotonic = monotonicOf(clock)
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  const warn = (...message: ReadonlyArray<unknown>) => void fork(Effect.logWarning(...message))
  const pools = new Set<Pool<any>>()
  let made = 0

  yield* Effect.addFinalizer(() =>
    Effect.suspend(() => Effect.forEach([...pools], (pool) => pool.close, { concurrency: "unbounded", discard: true }))
  )

  const createPool = <T>(
    factory: () => T,
    cleanup: (item: T) => Effect.Effect<void>,
    { destroy, idleTimeout, max, maxHold, min, name }: PoolOptions<T> = {}
  ) =>
    Effect.suspend(() => {
      made++
      const settings = {
        name: name ?? `pool ${made}`,
        min: min ?? 0,
        max: max ?? Math.max(mostByDefault, min ?? 0),
        idleTimeoutMs: millis(idleTimeout ?? "1 minute"),
        maxHoldMs: millis(maxHold ?? "30 minutes")
      }
      const isSound =
        Number.isInteger(settings.min) &&
        Number.isInteger(settings.max) &&
        settings.min >= 0 &&
        settings.max >= Math.max(1, settings.min)
      if (!isSound) {
        return Effect.die(
          new RangeError(
            `pool ${settings.name}: min is ${settings.min} and max ${settings.max}; expected whole numbers, 0 <= min <= max and max >= 1`
          )
        )
      }
      const pool = new Pool<T>({
        ...settings,
        factory,
        cleanup,
        destroy: destroy ?? (() => Effect.void),
        monotonic,
        fork,
        onLeak: (leak) => warn(describeLeak(leak)),
        onCleanupFailed: (cause) => warn(`Pool ${settings.name} could not clean an object up`, cause),
        onClosed: () => {
          pools.delete(pool)
          unregister()
        }
      })
      pools.add(pool)
      const unregister = gate.register({
        name: `pool ${settings.name}`,
        // What is needed all the time stays until memory is really short.
        shrink: (level) => pool.shed(rankOf(level) >= rankOf("high") ? 0 : settings.min)
      })
      return Effect.succeed(pool)
    })

  return MemoryOptimizer.of({
    createPool,
    monitorMemory: Effect.sync(() => ({
      at: clock.currentTimeMillisUnsafe(),
      pressure: gate.state(),
      ...gate.snapshot(),
      trend: gate.trend(),
      pools: [...pools].map((pool) => pool.statistics())
    })),
    optimizeGC: Effect.sync(() => gate.collect(false)),
    collect: Effect.sync(() => gate.collect(true)),
    shrinkWhenShort: (shrinkable) =>
      Effect.asVoid(
        Effect.acquireRelease(
          Effect.sync(() => gate.register(shrinkable)),
          (quit) => Effect.sync(quit)
        )
      )
  })
})

/** The optimizer of the queue it is given, whose gate it shows and drives. Closing it closes its pools. */
export const layer: Layer.Layer<MemoryOptimizer> = Layer.effect(MemoryOptimizer, make)
