/**
 * Takes jobs back from workers that are gone, cancels what waited beyond its expiry, and compares limited keys with
 * their jobs.
 */
import { Clock, Duration, Effect, Layer, Metric } from "effect"
import { monotonicOf } from "../host/Monotonic.ts"
import { JobStore } from "../../Store/JobStore.ts"
import { WorkerRegistry } from "../../Store/WorkerRegistry.ts"
import { QueueEvents } from "../QueueEvents.ts"
import { limits } from "../QueueMetrics.ts"
import { Settings } from "../QueueSettings.ts"
import { layerLed } from "./Leading.ts"

const pageSize = 500

/** One pass, a page at a time until nothing is left; answers how many jobs were freed or buried. */
export const sweepOnce = Effect.gen(function* () {
  const registry = yield* WorkerRegistry
  const store = yield* JobStore
  const events = yield* QueueEvents
  let freed = 0
  for (;;) {
    const now = yield* Clock.currentTimeMillis
    const { buried, more, recovered } = yield* registry.sweep({ now, limit: pageSize })
    freed += recovered.length + buried.length
    if (recovered.length + buried.length > 0 && events.active()) {
      events.publish({ _tag: "Recovered", ids: recovered, buried, at: now })
    }
    if (more) continue
    const mended = yield* store.repairKeys(now)
    yield* Metric.update(limits.mended, mended)
    if (mended > 0)
      yield* Effect.logWarning(`${mended} limited keys differed from their jobs and were mended: please report this`)
    return freed
  }
})

/**
 * Whether this process may judge others. When it stood still itself, they may have stood still with it (a frozen
 * container): they get a lease to renew in. Two beats are a third of a lease apart, so nobody can have lost one through
 * a stop of half a lease.
 */
const makeJudgement = Effect.gen(function* () {
  const monotonic = monotonicOf(yield* Clock.Clock)
  const leaseMs = Duration.toMillis((yield* Settings).lease)
  const intervalMs = Duration.toMillis(yield* interval)
  let lookedAt = monotonic()
  let sparesUntil = Number.NEGATIVE_INFINITY
  return Effect.sync(() => {
    const now = monotonic()
    if (now - lookedAt - intervalMs > leaseMs / 2) sparesUntil = now + leaseMs
    lookedAt = now
    return now >= sparesUntil
  })
})

const interval = Settings.useSync(({ lease, sweepInterval }) => Duration.min(sweepInterval, Duration.times(lease, 0.5)))

/** Sweeps each sweep interval, at most half a lease apart. */
export const layer = Layer.unwrap(
  Effect.map(makeJudgement, (mayJudge) => layerLed("sweep", interval, sweepOnce, mayJudge))
)
