/**
 * A worker's session with the store: joined with what the worker has, renewed by a heartbeat, left when it ends. A
 * session that is lost is joined anew, once its worker has let go of the jobs it ran: another may run them by now.
 */
import { Clock, Duration, Effect, Random } from "effect"
import { hostname } from "node:os"
import { version } from "../../../files/Package.ts"
import { GroupOrders } from "../GroupOrders.ts"
import { JobStore } from "../../Store/JobStore.ts"
import { WorkerRegistry } from "../../Store/WorkerRegistry.ts"
import { Settings } from "../QueueSettings.ts"
import { pauseMs } from "../policy/Backoff.ts"
import * as ResourceGroup from "../ResourceGroup.ts"
import type { StoreError } from "../../Store/StoreError.ts"
import { TaskRegistry } from "../TaskRegistry.ts"
import * as Heartbeat from "./Heartbeat.ts"
import { monotonicOf } from "../host/Monotonic.ts"

/** After a store that could not be joined. */
const backoff = { firstMs: 1000, capMs: 1000 }

export interface SessionHost extends Omit<Heartbeat.HeartbeatOptions, "session" | "leaseMs" | "lost"> {
  /** Shown to operators. */
  readonly name: string
  /** Reads the limits of the groups. */
  readonly refreshGroups: Effect.Effect<void, StoreError>
  /** Whether a lost session is joined anew. */
  readonly stays: () => boolean
  readonly joined: () => void
  /** Stop every handler, settle nothing. */
  readonly lost: () => void
}

export const makeSession = Effect.fnUntraced(function* (host: SessionHost) {
  const store = yield* JobStore
  const workerRegistry = yield* WorkerRegistry
  const registry = yield* TaskRegistry
  const orders = yield* GroupOrders
  const settings = yield* Settings
  const clock = yield* Clock.Clock
  const random = yield* Random.Random
  const monotonic = monotonicOf(clock)
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  const leaseMs = Duration.toMillis(settings.lease)
  /** 0: none. */
  let session = 0
  let announced = -1

  const lost = () => {
    session = 0
    host.lost()
    fork(rejoin)
  }

  const heartbeat = yield* Heartbeat.make({ ...host, session: () => session, leaseMs, lost })

  const join = Effect.gen(function* () {
    const declared = new Map(ResourceGroup.defaults.map((group) => [group.name, group]))
    for (const { task } of registry.all()) declared.set(task.group.name, task.group)
    const { computationLimit } = yield* Settings
    yield* store.declareGroups(ResourceGroup.withComputation([...declared.values()], computationLimit))
    yield* orders.declare([...declared.values()])
    yield* host.refreshGroups
    const joinedAt = monotonic()
    announced = registry.version()
    const joined = yield* workerRegistry.join(
      {
        name: host.name,
        host: hostname(),
        pid: process.pid,
        version,
        slots: host.slots(),
        tasks: host.tasks(),
        suspendedForMs: host.suspendedForMs()
      },
      { now: clock.currentTimeMillisUnsafe(), leaseMs }
    )
    heartbeat.joined(joinedAt)
    session = joined
    host.joined()
  })

  const rejoin: Effect.Effect<void> = Effect.suspend(() => (session === 0 && host.stays() ? join : Effect.void)).pipe(
    Effect.catch(() => Effect.andThen(Effect.sleep(pauseMs(backoff, 1, random.nextDoubleUnsafe())), rejoin))
  )

  return {
    current: () => session,
    /** Whether it has a session whose lease cannot have run out. Otherwise it renews before it takes anything new. */
    isFresh: () => session !== 0 && heartbeat.isFresh(),
    join,
    /** The store says that the session has ended. */
    lost,
    leave: Effect.suspend(() => {
      const leaving = session
      session = 0
      return leaving === 0 ? Effect.void : Effect.ignore(workerRegistry.leave(leaving, clock.currentTimeMillisUnsafe()))
    }),
    /** Renews the lease until it is interrupted. */
    renew: heartbeat.run,
    works: heartbeat.works,
    /** Tells the store of handlers that have come or gone, if any have. */
    announce: Effect.suspend(() => {
      if (announced === registry.version()) return Effect.void
      announced = registry.version()
      return heartbeat.beatNow
    })
  }
})
