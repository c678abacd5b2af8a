/** Random use of a pool, with interruptions at every point, against what must hold for each object. */
import { Effect, Exit, Fiber, Scheduler, Scope } from "effect"
import { TestClock } from "effect/testing"
import type { Lease, ObjectPool } from "../../../../src/services/Queue/MemoryOptimizer.ts"
import { MemoryOptimizer } from "../../../../src/services/Queue/MemoryOptimizer.ts"
import { SeededRandom } from "../../../support/SeededRandom.ts"

/** Who has it. An object that is destroyed is nobody's ever after. */
class Thing {
  owner: string | undefined = undefined
  isGone = false

  taken(owner: string): void {
    if (this.isGone) throw new Error(`${owner} was handed an object that is gone`)
    if (this.owner !== undefined) throw new Error(`handed to ${owner} while ${this.owner} has it`)
    this.owner = owner
  }

  left(owner: string): void {
    if (this.owner !== owner) throw new Error(`${owner} gives back what ${this.owner} has`)
    this.owner = undefined
  }
}

const max = 8
const fibersMost = 40

/**
 * Takes so many steps; dies at the first fault. Answers how often an object was handed out, waited for, and an
 * interruption came.
 */
export const poolSteps = (seed: number, steps: number) =>
  Effect.gen(function* () {
    const random = new SeededRandom(seed)
    const below = (n: number) => random.below(n)
    let existing = 0
    let existingMost = 0
    let fault: unknown
    const optimizer = yield* MemoryOptimizer
    const pool: ObjectPool<Thing> = yield* optimizer.createPool(
      () => {
        existing++
        existingMost = Math.max(existingMost, existing)
        return new Thing()
      },
      (thing) =>
        Effect.gen(function* () {
          if (thing.owner !== undefined || thing.isGone)
            fault ??= new Error("cleaned up while it is somebody's, or gone")
          const how = below(4)
          if (how === 0) return
          thing.owner = "its cleanup"
          if (how > 1) yield* Effect.yieldNow
          thing.owner = undefined
          if (how === 3) return yield* Effect.die("cannot be cleaned up")
        }),
      {
        min: 2,
        max,
        idleTimeout: "1 second",
        destroy: (thing) =>
          Effect.gen(function* () {
            if (thing.owner !== undefined) fault ??= new Error(`destroyed while ${thing.owner} has it`)
            thing.isGone = true
            if (below(2) === 0) yield* Effect.yieldNow
            existing--
          })
      }
    )

    const yields = (count: number) =>
      Effect.gen(function* () {
        for (let i = 0; i < count; i++) yield* Effect.yieldNow
      })
    const owning = (thing: Thing, owner: string, count: number) =>
      Effect.acquireUseRelease(
        Effect.sync(() => thing.taken(owner)),
        () => yields(count),
        () => Effect.sync(() => thing.left(owner))
      )
    const byHand = (owner: string, count: number, end: number) =>
      Effect.scoped(
        Effect.uninterruptibleMask((restore) =>
          Effect.gen(function* () {
            const lease: Lease<Thing> = yield* restore(pool.lease(owner))
            yield* restore(owning(lease.item, owner, count)).pipe(Effect.exit)
            if (end < 8) yield* lease.release
            else if (end === 8) yield* lease.discard
            if (end === 0) {
              const twice = yield* Effect.exit(lease.release)
              if (!Exit.isFailure(twice)) fault ??= new Error("a second release was accepted")
            }
          })
        )
      )
    const inScope = (owner: string, count: number) =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        yield* Scope.provide(pool.get, scope).pipe(
          Effect.flatMap((thing) => owning(thing, owner, count)),
          Effect.onExit((exit) => Scope.close(scope, exit))
        )
      })

    const live = new Map<number, Fiber.Fiber<unknown, unknown>>()
    let interrupted = 0
    let next = 0
    const begin = Effect.gen(function* () {
      const number = next++
      const owner = `holder ${number}`
      const count = below(6)
      const kind = below(3)
      const program: Effect.Effect<unknown, unknown> =
        kind === 0
          ? pool.use((thing) => owning(thing, owner, count))
          : kind === 1
            ? inScope(owner, count)
            : byHand(owner, count, below(10))
      // A fiber that yields after every few operations can be interrupted between any two of them.
      const yielding =
        below(2) === 0 ? program : Effect.provideService(program, Scheduler.MaxOpsBeforeYield, 3 + below(6))
      const fiber = yield* Effect.forkChild(yielding, { startImmediately: below(2) === 0 })
      live.set(number, fiber)
      fiber.addObserver((exit) => {
        live.delete(number)
        if (Exit.isFailure(exit)) {
          for (const reason of exit.cause.reasons) if (reason._tag !== "Interrupt") fault ??= reason
        }
      })
    })

    for (let step = 0; step < steps && fault === undefined; step++) {
      const what = below(20)
      if (what < 9) {
        if (live.size < fibersMost) yield* begin
        else yield* Effect.yieldNow
      } else if (what < 13) {
        const victim = [...live.keys()][below(live.size)]
        if (victim !== undefined) {
          interrupted++
          live.get(victim)!.interruptUnsafe()
        }
      } else if (what < 18) yield* Effect.yieldNow
      else if (what === 18) yield* below(50) === 0 ? TestClock.adjust("2 seconds") : Effect.yieldNow
      else if (below(20) === 0) yield* Effect.forkChild(pool.shrink(below(3)))
    }
    yield* Fiber.awaitAll([...live.values()])
    const stats = yield* pool.stats
    yield* pool.close
    if (fault !== undefined) return yield* Effect.die(new Error(`seed ${seed}`, { cause: fault }))
    return { stats, interrupted, existing, existingMost, max }
  })
