/** Removes finished jobs beyond their retention, and old roll-ups. Only finished jobs ever go. */
import { Clock, Duration, Effect } from "effect"
import { JobStore } from "../../Store/JobStore.ts"
import { Settings } from "../QueueSettings.ts"
import { RollUps } from "../../Store/RollUps.ts"
import { layerLed } from "./Leading.ts"

/** Small, so that a pass between turns costs a few milliseconds. */
const pageSize = 500

/** One pass, a page at a time until nothing is left; answers how many jobs were removed. */
export const pruneOnce = Effect.gen(function* () {
  const store = yield* JobStore
  const rollUps = yield* RollUps
  const { retention } = yield* Settings
  yield* rollUps.prune({ now: yield* Clock.currentTimeMillis })
  let removed = 0
  for (;;) {
    const count = yield* store.prune(retention, { now: yield* Clock.currentTimeMillis, limit: pageSize })
    removed += count
    if (count < pageSize) return removed
    yield* Effect.yieldNow
  }
})

/**
 * Often enough that a busy store holds little more than its retention allows; a pass with nothing to do costs one look.
 */
const interval = Duration.seconds(10)

export const layer = layerLed("prune", Effect.succeed(interval), pruneOnce)
