/** Moves the slots of a worker's pools: looks at their groups each second and does what the decision in force says. */
import { Clock, Effect, Layer, Schedule } from "effect"
import { JobStore } from "../JobStore.ts"
import { type PoolState, Sizing, type SlotBounds, SlotPools } from "../SlotPools.ts"
import { Worker } from "../Worker.ts"

/** Often enough to follow a burst, long enough that a sample of full slots says something; costs one read of the counters. */
const everyMs = 1000

interface Pool {
  readonly group: string
  readonly bounds: SlotBounds
  state: PoolState
  finished: number
}

/** The pools by group. Without any nothing runs. */
export const layer = (bounds: Readonly<Record<string, SlotBounds>>): Layer.Layer<SlotPools, never, JobStore | Worker> =>
  Layer.effect(
    SlotPools,
    Effect.gen(function* () {
      const store = yield* JobStore
      const worker = yield* Worker
      const sizing = yield* Sizing
      const pools = Object.entries(bounds).map(
        ([group, each]): Pool => ({ group, bounds: each, state: sizing.initial(each), finished: 0 })
      )
      let lookedAt = yield* Clock.currentTimeMillis

      const look = Effect.gen(function* () {
        const counters = yield* store.counters
        const loads = yield* worker.loads
        const now = yield* Clock.currentTimeMillis
        const elapsedMs = now - lookedAt
        lookedAt = now
        for (const pool of pools) {
          const load = loads.find(({ group }) => group === pool.group)
          const ended = load?.finished ?? 0
          const before = pool.state.slots
          pool.state = sizing.next(pool.state, pool.bounds, {
            elapsedMs,
            busy: load?.busy ?? 0,
            waiting: counters.reduce(
              (sum, { count, group, state }) => (group === pool.group && state === "pending" ? sum + count : sum),
              0
            ),
            finished: ended - pool.finished
          })
          pool.finished = ended
          const { reason, slots } = pool.state
          if (slots === before) continue
          yield* worker.setSlots(pool.group, slots)
          yield* Effect.logDebug(`Group ${pool.group} has ${slots} slots instead of ${before}: ${reason}`)
        }
      })

      if (pools.length > 0) {
        yield* look.pipe(
          Effect.catchCause((cause) => Effect.logDebug("The slots stay as they are; the store did not answer", cause)),
          Effect.delay(everyMs),
          Effect.repeat(Schedule.forever),
          Effect.annotateLogs({ module: "pools" }),
          Effect.forkScoped
        )
      }
      return {
        status: Effect.sync(() =>
          pools.map(({ bounds: { max, min }, group, state: { reason, slots } }) => ({ group, min, max, slots, reason }))
        )
      }
    })
  )
