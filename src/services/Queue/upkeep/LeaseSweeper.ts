/** Takes jobs back from workers that are gone, and cancels what waited beyond its expiry. */
import { Clock, Duration, Effect } from "effect"
import { JobStore } from "../JobStore.ts"
import { QueueEvents } from "../QueueEvents.ts"
import { Settings } from "../QueueSettings.ts"
import { layerLed } from "./Leading.ts"

const pageSize = 500

/** One pass, a page at a time until nothing is left; answers how many jobs were freed or buried. */
export const sweepOnce = Effect.gen(function* () {
  const store = yield* JobStore
  const events = yield* QueueEvents
  let freed = 0
  for (;;) {
    const now = yield* Clock.currentTimeMillis
    const { buried, more, recovered } = yield* store.sweep({ now, limit: pageSize })
    freed += recovered.length + buried.length
    if (recovered.length + buried.length > 0 && events.active()) {
      events.publish({ _tag: "Recovered", ids: recovered, buried, at: now })
    }
    if (!more) return freed
  }
})

/** Sweeps each sweep interval, at most half a lease apart. */
export const layer = layerLed(
  "sweep",
  Settings.useSync(({ lease, sweepInterval }) => Duration.min(sweepInterval, Duration.times(lease, 0.5))),
  sweepOnce
)
