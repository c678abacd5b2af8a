/** Pools, and this process's memory as its gate sees it. */
import { Clock, Effect, Layer } from "effect"
import { MemoryGate } from "../Memory/MemoryGate.ts"
import { MemoryOptimizer, type PoolLeak, type PoolOptions } from "./MemoryOptimizer.ts"
import { Pool } from "../Memory/heap/ObjectPool.ts"
import * as Bounds from "./policy/Bounds.ts"
import * as Durations from "./policy/Durations.ts"
import { rankOf } from "../Memory/policy/MemoryPressure.ts"
import { monotonicOf } from "./host/Monotonic.ts"

const mostByDefault = 64

const optionNames: ReadonlySet<string> = new Set<keyof PoolOptions<unknown>>([
  "name",
  "min",
  "max",
  "idleTimeout",
  "maxHold",
  "destroy"
])

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

  const createPool = <T>(factory: () => T, cleanup: (item: T) => Effect.Effect<void>, options: PoolOptions<T> = {}) =>
    // What is out of bounds dies as a `RangeError`.
    Effect.sync(() => {
      made++
      Bounds.fields("pool options", options, optionNames)
      const { idleTimeout = "1 minute", maxHold = "30 minutes", destroy } = options
      const name = Bounds.label("a pool's name", options.name ?? `pool ${made}`)
      const min = Bounds.whole(`pool ${name}: min`, options.min ?? 0, 0, Number.MAX_SAFE_INTEGER)
      const settings = {
        name,
        min,
        max: Bounds.whole(
          `pool ${name}: max`,
          options.max ?? Math.max(mostByDefault, min),
          Math.max(1, min),
          Number.MAX_SAFE_INTEGER
        ),
        idleTimeoutMs: Durations.limit(`pool ${name}: idleTimeout`, idleTimeout),
        maxHoldMs: Durations.limit(`pool ${name}: maxHold`, maxHold)
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
      return pool
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
