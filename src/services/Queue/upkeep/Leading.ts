/**
 * Upkeep is led by one worker at a time. The lead of a role is a lease of its own, renewed with the passes; when its
 * holder dies or is stopped another worker takes it with its next pass, when it hangs within three intervals.
 */
import { Clock, Duration, Effect, Layer, Schedule } from "effect"
import { WorkerRegistry } from "../../Store/WorkerRegistry.ts"
import { leadMs } from "../policy/Lead.ts"
import type { StoreError } from "../../Store/StoreError.ts"
import { Worker } from "../Worker.ts"

/** What `Schedule.jittered` may add to a delay. */
const jitterMost = 1.2

/**
 * Repeats the pass, jittered so that workers spread out and never later than `every`; a failed one is logged and the
 * next one tried.
 */
export const layerRepeated = <R>(
  role: string,
  every: Effect.Effect<Duration.Duration>,
  pass: Effect.Effect<unknown, StoreError, R>
): Layer.Layer<never, never, R> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const interval = yield* every
      yield* pass.pipe(
        Effect.catchCause((cause) => Effect.logWarning("Upkeep failed; it is tried again", cause)),
        Effect.repeat(Schedule.spaced(Duration.times(interval, 1 / jitterMost)).pipe(Schedule.jittered)),
        Effect.annotateLogs({ module: role }),
        Effect.forkScoped
      )
    })
  )

/** The same while this process's worker leads the role. While no pass is `needed` the lead is not asked for. */
export const layerLed = <R>(
  role: string,
  every: Effect.Effect<Duration.Duration>,
  pass: Effect.Effect<unknown, StoreError, R>,
  needed: Effect.Effect<boolean, never, R> = Effect.succeed(true)
): Layer.Layer<never, never, WorkerRegistry | Worker | R> =>
  layerRepeated(
    role,
    every,
    Effect.gen(function* () {
      const registry = yield* WorkerRegistry
      const worker = yield* Worker
      const interval = yield* every
      const { isFresh, session } = yield* worker.status
      if (!(yield* needed) || !isFresh) return
      const now = yield* Clock.currentTimeMillis
      if (yield* registry.lead(role, session, { now, ttlMs: leadMs(Duration.toMillis(interval)) })) yield* pass
    })
  )
