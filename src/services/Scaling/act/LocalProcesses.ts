/**
 * Worker processes on this host as actuator: starts them when more slots are wanted and drains them when fewer are.
 *
 * Fewer processes are reached as `sluice worker drain` does it: the newest are asked, through the store, to claim no
 * more, and leave when what they run has ended, however long that takes. One that has not joined yet has nothing to
 * finish and gets SIGTERM. None is killed.
 *
 * Bounds: `min` and `max` count processes that claim. Draining ones come on top, as their jobs cannot be taken from
 * them; that the host is not overrun is seen to by memory: nothing is started that does not fit into what is free.
 */
import { Clock, Effect, type Scope } from "effect"
import { JobStore } from "../../Store/JobStore.ts"
import { WorkerRegistry } from "../../Store/WorkerRegistry.ts"
import { unlimited } from "../../Queue/ResourceGroup.ts"
import { isWorkerAlive, type WorkerRecord } from "../../Store/WorkerRecord.ts"
import { type ProcessBounds, processCount, roomInMemory, slotsPerProcess } from "../policy/ProcessCount.ts"
import type { StoreError } from "../../Store/StoreError.ts"
import {
  type Actuator,
  ActuatorError,
  ActuatorFailed,
  ActuatorUnreachable,
  type GroupTarget,
  type OrderStatus
} from "./Actuator.ts"
import * as ScaleRequests from "./ScaleRequests.ts"
import type { PoolProcess, ProcessPool } from "./ProcessPool.ts"
import * as StartUpTimes from "./StartUpTimes.ts"

export const name = "processes"

/** What one process takes until some have been measured: an idle worker of ours, 184 MiB, rounded up. In bytes. */
const assumedProcessBytes = 192 * 1024 * 1024

export interface LocalProcessesOptions {
  readonly pool: ProcessPool
  readonly bounds: ProcessBounds
  /**
   * Slots of each group that one process is started with, the most where they move; groups not named share their limit
   * evenly.
   */
  readonly slots: Readonly<Record<string, number>>
  /** As workers here announce themselves. */
  readonly host: string
  /** Memory that could be taken now, in bytes: the container's, else the machine's. */
  readonly availableBytes: () => number
  /** A line for people, when their number changes. */
  readonly note: (line: string) => Effect.Effect<void>
}

export interface LocalProcesses extends Actuator {
  /** Starts so many before anything is ordered, at least `min`, fewer where memory does not go further. */
  readonly begin: (count: number) => Effect.Effect<void>
  /**
   * As `apply`, with all groups that are scaled; others keep no order. While those have work (`othersBusy`) no process
   * is taken away.
   */
  readonly follow: (
    targets: ReadonlyArray<GroupTarget>,
    othersBusy: boolean
  ) => Effect.Effect<ReadonlyArray<OrderStatus>>
}

interface Joined {
  readonly process: PoolProcess
  /** Undefined: it has not joined. */
  readonly worker: WorkerRecord | undefined
}

export const make = (
  options: LocalProcessesOptions
): Effect.Effect<LocalProcesses, never, JobStore | WorkerRegistry | Scope.Scope> =>
  Effect.gen(function* () {
    const store = yield* JobStore
    const registry = yield* WorkerRegistry
    const { bounds, pool } = options
    const startUps = StartUpTimes.make()
    /** Starts already learned from: process number and when it was started. */
    const learned = new Map<number, number>()
    const wanted = new Map<string, GroupTarget>()
    let othersBusy = false
    let processBytes = assumedProcessBytes

    const learn = (joined: ReadonlyArray<Joined>) => {
      for (const { process, worker } of joined) {
        if (worker === undefined || learned.get(process.number) === process.startedAt) continue
        learned.set(process.number, process.startedAt)
        startUps.saw(worker.startedAt - process.startedAt)
      }
      const largest = Math.max(0, ...joined.map(({ worker }) => worker?.load?.rssBytes ?? 0))
      processBytes = Math.max(assumedProcessBytes, largest)
    }

    const look = Effect.gen(function* () {
      const workers = yield* registry.all
      const now = yield* Clock.currentTimeMillis
      const processes = yield* pool.processes
      const here = workers.filter((worker) => worker.host === options.host && isWorkerAlive(worker, now))
      const joined = processes.map(
        (process): Joined => ({ process, worker: here.find(({ pid }) => pid === process.pid) })
      )
      learn(joined)
      return joined
    })

    const perProcess = Effect.map(store.groups, (groups) => (group: string) => {
      const limit = groups.find((record) => record.name === group)?.limit ?? unlimited
      return slotsPerProcess(options.slots[group] ?? options.slots["*"], limit, unlimited, bounds.max)
    })

    const claims = ({ process, worker }: Joined) => !process.retired && worker?.draining !== true

    /** Those that lose least: not joined yet before joined, newest before oldest. */
    const leaving = (claiming: ReadonlyArray<Joined>, count: number) =>
      claiming
        .toSorted(
          (a, b) =>
            Number(a.worker !== undefined) - Number(b.worker !== undefined) || b.process.startedAt - a.process.startedAt
        )
        .slice(0, count)

    const retire = ({ process, worker }: Joined) =>
      worker === undefined
        ? pool.retire(process.number, "SIGTERM")
        : Effect.andThen(registry.drain(worker.session), pool.retire(process.number, undefined))

    const unreachable = (error: StoreError) =>
      new ActuatorError({ actuator: name, reason: new ActuatorUnreachable({ message: `the store: ${error.message}` }) })

    const fitting = (count: number, availableBytes: number) =>
      Math.min(count, roomInMemory(availableBytes, processBytes))

    const reach = Effect.fnUntraced(
      function* ({ desired, reason }: GroupTarget) {
        const claiming = (yield* look).filter(claims)
        const change = (count: number) =>
          count === claiming.length
            ? Effect.void
            : options.note(`sluice: ${count} worker processes instead of ${claiming.length}: ${reason}`)
        const more = desired - claiming.length
        if (more <= 0) {
          yield* change(desired)
          return yield* Effect.forEach(leaving(claiming, -more), retire, { discard: true })
        }
        const availableBytes = options.availableBytes()
        const fit = fitting(more, availableBytes)
        yield* change(claiming.length + fit)
        yield* pool.start(fit)
        if (fit < more) {
          const mib = (bytes: number) => `${Math.round(bytes / 1024 / 1024)} MiB`
          const message = `memory has room for ${fit} of ${more} more worker processes: ${mib(availableBytes)} free, ${mib(processBytes)} each`
          return yield* new ActuatorError({ actuator: name, reason: new ActuatorFailed({ message }) })
        }
      },
      Effect.catchTag("StoreError", (error) => Effect.fail(unreachable(error)))
    )

    // One level for all groups: processes serve them all. Carried out anew each time, since processes come and go by
    // themselves.
    const every = "*"
    const orders = yield* ScaleRequests.make({ actuator: name, carryOut: reach, repeatAfterMs: 0 })

    /** One order for all that is wanted, with the state it has come to. */
    const reachWanted = Effect.gen(function* () {
      yield* pool.hold(wanted.size > 0)
      if (wanted.size === 0) return undefined
      const slotsOf = yield* perProcess
      const processes = (yield* pool.processes).filter(({ retired }) => !retired).length
      const needs = [...wanted.values()].map((target) => ({
        target,
        slots: target.desired,
        perProcess: slotsOf(target.group)
      }))
      const count = processCount(needs, bounds, { processes, others: othersBusy })
      const most = needs.reduce((a, b) =>
        b.slots / (b.perProcess ?? Infinity) > a.slots / (a.perProcess ?? Infinity) ? b : a
      )
      const reason = `${most.target.group} needs ${most.target.desired} slots (${most.target.reason})`
      const [order] = yield* orders.place([{ ...most.target, group: every, desired: count, reason }])
      return order
    }).pipe(
      Effect.catch((error) => Effect.succeed({ state: "failing", tries: 1, failure: unreachable(error) } as const))
    )
    const statusOf = Effect.map(reachWanted, (order) =>
      order === undefined
        ? []
        : [...wanted.values()].map(
            ({ desired, group }): OrderStatus => ({
              group,
              desired,
              state: order.state,
              tries: order.tries,
              failure: order.failure
            })
          )
    )

    return {
      name,
      begin: (count) =>
        pool.start(Math.max(bounds.min, fitting(Math.min(bounds.max, count), options.availableBytes()))),
      serves: () => true,
      apply: Effect.fnUntraced(function* (targets) {
        for (const target of targets) wanted.set(target.group, target)
        return (yield* statusOf).filter(({ group }) => targets.some((target) => target.group === group))
      }),
      follow: Effect.fnUntraced(function* (targets, busy) {
        wanted.clear()
        for (const target of targets) wanted.set(target.group, target)
        othersBusy = busy
        return yield* statusOf
      }),
      capacity: Effect.gen(function* () {
        const joined = yield* look
        const slotsOf = yield* perProcess
        const groups = new Set([...wanted.keys(), ...Object.keys(options.slots).filter((group) => group !== "*")])
        const slotsIn = (group: string, of: (each: Joined) => boolean) =>
          joined.filter(of).length * (slotsOf(group) ?? 0)
        return [...groups].sort().map((group) => ({
          group,
          ready: slotsIn(group, (each) => claims(each) && each.worker !== undefined),
          starting: slotsIn(group, (each) => claims(each) && each.worker === undefined),
          draining: slotsIn(group, (each) => !claims(each)),
          most: slotsOf(group) === undefined ? undefined : bounds.max * slotsOf(group)!
        }))
      }).pipe(Effect.mapError(unreachable)),
      startUp: Effect.sync(startUps.read)
    }
  })
