/**
 * Proposes the slots of a worker's pools: looks at their groups each second and asks for what the sizing in force says.
 */
import { Clock, Effect, Layer, Schedule } from "effect"
import type { CounterRecord } from "../../Store/GroupRecord.ts"
import { JobStore } from "../../Store/JobStore.ts"
import { WorkerRegistry } from "../../Store/WorkerRegistry.ts"
import { isWorkerAlive, type WorkerRecord } from "../../Store/WorkerRecord.ts"
import { concurrency } from "../policy/Concurrency.ts"
import type { PoolSample, PoolSizing, Sized, SlotBounds } from "../policy/PoolSize.ts"
import { SlotPoolSizing, SlotPools } from "../SlotPools.ts"
import { type GroupLoad, Worker } from "../Worker.ts"

/**
 * Often enough to follow a burst, long enough that a sample of full slots says something; costs one read of the
 * counters.
 */
const everyMs = 1000

interface Pool {
  readonly group: string
  readonly bounds: SlotBounds
  readonly size: () => Sized
  /** A sample was taken; answers the size from now on. */
  readonly sampled: (sample: PoolSample) => Sized
  finished: number
  succeeded: number
}

const poolOf = <S extends Sized>(group: string, bounds: SlotBounds, sizing: PoolSizing<S>): Pool => {
  let state = sizing.initial(bounds)
  return {
    group,
    bounds,
    size: () => state,
    sampled: (sample) => {
      state = sizing.next(state, bounds, sample)
      return state
    },
    finished: 0,
    succeeded: 0
  }
}

const idle = { busy: 0, finished: 0, succeeded: 0 }

const sampleOf = (
  pool: Pool,
  elapsedMs: number,
  counters: ReadonlyArray<CounterRecord>,
  loads: ReadonlyArray<GroupLoad>,
  others: ReadonlyArray<WorkerRecord>
): PoolSample => {
  const { busy, finished, succeeded } = loads.find(({ group }) => group === pool.group) ?? idle
  const sample = {
    elapsedMs,
    busy,
    waiting: counters.reduce(
      (sum, { count, group, state }) => (group === pool.group && state === "pending" ? sum + count : sum),
      0
    ),
    finished: finished - pool.finished,
    succeeded: succeeded - pool.succeeded,
    elsewhere: others.reduce((sum, { load }) => sum + (load?.busy[pool.group] ?? 0), 0)
  }
  pool.finished = finished
  pool.succeeded = succeeded
  return sample
}

/** The pools by group. Without any nothing runs. */
export const layer = (
  bounds: Readonly<Record<string, SlotBounds>>
): Layer.Layer<SlotPools, never, JobStore | WorkerRegistry | Worker> =>
  Layer.effect(
    SlotPools,
    Effect.gen(function* () {
      const store = yield* JobStore
      const registry = yield* WorkerRegistry
      const worker = yield* Worker
      const sizing = yield* SlotPoolSizing
      const pools = Object.entries(bounds).map(([group, each]) =>
        each.tune === true ? poolOf(group, each, concurrency) : poolOf(group, each, sizing)
      )
      const tunes = pools.some((pool) => pool.bounds.tune === true)
      let lookedAt = yield* Clock.currentTimeMillis

      const propose = ({ bounds: { max, min }, group, size }: Pool) =>
        worker.propose(group, "pool", { slots: size().slots, reason: `${size().reason}, between ${min} and ${max}` })

      const look = Effect.gen(function* () {
        const counters = yield* store.counters
        const loads = yield* worker.loads
        const { session } = yield* worker.status
        const now = yield* Clock.currentTimeMillis
        const elapsedMs = now - lookedAt
        lookedAt = now
        const others = tunes
          ? (yield* registry.all).filter((each) => each.session !== session && isWorkerAlive(each, now))
          : []
        for (const pool of pools) {
          const before = pool.size().slots
          const { reason, slots } = pool.sampled(sampleOf(pool, elapsedMs, counters, loads, others))
          if (slots === before) continue
          yield* propose(pool)
          yield* Effect.logDebug(`Group ${pool.group} has ${slots} slots instead of ${before}: ${reason}`)
        }
      })

      if (pools.length > 0) {
        yield* Effect.forEach(pools, propose, { discard: true })
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
          pools.map(({ bounds: { max, min, tune = false }, group, size }) => ({
            group,
            min,
            max,
            slots: size().slots,
            tune,
            reason: size().reason
          }))
        )
      }
    })
  )
