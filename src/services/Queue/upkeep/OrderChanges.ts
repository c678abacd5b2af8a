/**
 * Ranks what waits in groups whose order has changed, where whoever changed it has not, and once more when all
 * processes follow.
 */
import { Duration, Effect } from "effect"
import { followMs, GroupOrders } from "../GroupOrders.ts"
import { layerLed } from "./Leading.ts"

/** One pass over the groups that are changing, a page at a time; answers how many jobs were ranked. */
export const rankOnce = Effect.gen(function* () {
  const orders = yield* GroupOrders
  let ranked = 0
  for (const group of orders.changing()) {
    for (;;) {
      const page = yield* orders.rankWaiting(group)
      ranked += page.ranked
      if (!page.more) break
      yield* Effect.yieldNow
    }
  }
  return ranked
})

/** Costs nothing while no order changes. */
export const layer = layerLed(
  "order",
  Effect.succeed(Duration.millis(followMs)),
  rankOnce,
  GroupOrders.useSync((orders) => orders.changing().length > 0)
)
