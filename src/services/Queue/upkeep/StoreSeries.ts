/**
 * What happens in the store, by whichever process, as series of Effect's metric registry, told by one worker at a time.
 * Four small reads each 10 s; nothing on the way of a job.
 */
import { Clock, Duration, Effect, Layer } from "effect"
import { rateInForce } from "../../Limits/policy/Starts.ts"
import type { CounterRecord, GroupRecord } from "../../Store/GroupRecord.ts"
import { finishedStates, liveStates } from "../Job.ts"
import { JobStore } from "../../Store/JobStore.ts"
import { RollUps } from "../../Store/RollUps.ts"
import { WorkerRegistry } from "../../Store/WorkerRegistry.ts"
import { type Counter, type Counters, counters, countersOf } from "../policy/Counters.ts"
import { leadMs } from "../policy/Lead.ts"
import { baseWidth, intervalStart } from "../policy/RollUps.ts"
import * as QueueMetrics from "../QueueMetrics.ts"
import type { RollUp } from "../../Store/RollUp.ts"
import { Worker } from "../Worker.ts"
import { isWorkerAlive, type WorkerRecord } from "../../Store/WorkerRecord.ts"
import { layerRepeated } from "./Leading.ts"

const every = Duration.seconds(10)

/**
 * Processes write what they counted about each second: an interval that ended so long ago, in milliseconds, gains
 * nothing any more.
 */
const settledMs = 2 * baseWidth

const plus = (sum: Counters | undefined, rollUp: RollUp): Counters =>
  countersOf((counter) => (sum?.[counter] ?? 0) + rollUp[counter])

/** Sums of intervals as they pass: what is settled is added once, what may still grow is read again. */
class RunningSums {
  private readonly settled = new Map<string, Counters>()
  private current = new Map<string, Counters>()
  /** Where the next reading begins, in milliseconds since 1970. */
  from: number

  constructor(from: number) {
    this.from = from
  }

  read(rollUps: ReadonlyArray<RollUp>, now: number): void {
    const open = intervalStart(now - settledMs, baseWidth)
    const current = new Map(this.settled)
    for (const rollUp of rollUps) {
      const lane = laneKey(rollUp.group, rollUp.task)
      if (rollUp.start < open) this.settled.set(lane, plus(this.settled.get(lane), rollUp))
      current.set(lane, plus(current.get(lane), rollUp))
    }
    this.current = current
    this.from = Math.max(this.from, open)
  }

  get lanes(): Iterable<string> {
    return this.current.keys()
  }

  of(lane: string, counter: Counter): number {
    return this.current.get(lane)?.[counter] ?? 0
  }
}

const laneKey = (group: string, task: string): string => JSON.stringify([group, task])

/** What was read last. */
interface Looked {
  readonly sums: RunningSums
  readonly counts: ReadonlyMap<string, number>
  readonly groups: ReadonlyMap<string, GroupRecord>
  readonly oldest: ReadonlyMap<string, number>
  readonly workers: ReadonlyArray<WorkerRecord>
  readonly paused: boolean
  readonly at: number
}

const byState = (records: ReadonlyArray<CounterRecord>): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (const { count, group, state } of records) {
    const key = JSON.stringify([group, state])
    counts.set(key, (counts.get(key) ?? 0) + count)
  }
  return counts
}

const makePass = Effect.gen(function* () {
  const store = yield* JobStore
  const registry = yield* WorkerRegistry
  const rollUps = yield* RollUps
  const worker = yield* Worker
  const context = yield* Effect.context<never>()
  let looked: Looked | undefined
  const shown = new Map<string, () => void>()

  const show = (key: string, register: () => () => void) => {
    if (!shown.has(key)) shown.set(key, register())
  }

  const showGroup = (group: string) => {
    const { limits, queue } = QueueMetrics
    const { jobs, oldestPending, paused, workers } = queue
    const gauge = (metric: typeof jobs, more: QueueMetrics.Labels, value: (looked: Looked) => number) =>
      show(JSON.stringify([metric.id, group, more]), () =>
        QueueMetrics.register(metric, { group, ...more }, context, () =>
          QueueMetrics.gaugeState(looked === undefined ? 0 : value(looked))
        )
      )
    for (const state of [...liveStates, ...finishedStates])
      gauge(jobs, { state }, ({ counts }) => counts.get(JSON.stringify([group, state])) ?? 0)
    gauge(oldestPending, {}, ({ at, oldest }) => Math.max(0, at - (oldest.get(group) ?? at)) / 1000)
    gauge(paused, {}, (now) => (now.paused || now.groups.get(group)?.paused === true ? 1 : 0))
    const bounded = (of: GroupRecord | undefined) => (of === undefined ? undefined : rateInForce(of.policy, of))
    gauge(limits.heldBack, {}, ({ at, groups }) => ((groups.get(group)?.heldBackUntil ?? 0) > at ? 1 : 0))
    gauge(limits.breakerOpen, {}, ({ groups }) => ((groups.get(group)?.feedback?.breaker?.openUntil ?? 0) > 0 ? 1 : 0))
    if (bounded(looked?.groups.get(group)) !== undefined)
      gauge(limits.rate, {}, ({ groups }) => {
        const rate = bounded(groups.get(group))
        return rate === undefined ? Number.POSITIVE_INFINITY : (rate.limit * 1_000) / rate.perMs
      })
    gauge(
      workers,
      {},
      ({ at, workers: all }) => all.filter((each) => isWorkerAlive(each, at) && (each.slots[group] ?? 0) > 0).length
    )
  }

  const showLane = (lane: string) => {
    const [group, task] = JSON.parse(lane) as [string, string]
    for (const counter of counters)
      show(JSON.stringify([counter, lane]), () =>
        QueueMetrics.register(QueueMetrics.jobs[counter], { group, task }, context, () =>
          QueueMetrics.counterState(looked?.sums.of(lane, counter) ?? 0)
        )
      )
  }

  const hide = Effect.sync(() => {
    looked = undefined
    for (const remove of shown.values()) remove()
    shown.clear()
  })
  yield* Effect.addFinalizer(() => hide)

  const look = Effect.gen(function* () {
    const at = yield* Clock.currentTimeMillis
    const sums = looked?.sums ?? new RunningSums(intervalStart(at, baseWidth))
    const records = yield* store.counters
    const groups = yield* store.groups
    const oldest = yield* store.oldestPending
    const workers = yield* registry.all
    const paused = yield* store.paused
    sums.read(yield* rollUps.jobs({ width: baseWidth, from: sums.from, to: at + baseWidth }), at)
    looked = {
      sums,
      counts: byState(records),
      groups: new Map(groups.map((group) => [group.name, group])),
      oldest,
      workers,
      paused,
      at
    }
    for (const { name } of groups) showGroup(name)
    for (const { group, task } of records) showLane(laneKey(group, task))
    for (const lane of sums.lanes) showLane(lane)
  })

  return Effect.gen(function* () {
    const { isFresh, session } = yield* worker.status
    const now = yield* Clock.currentTimeMillis
    const leads =
      isFresh && (yield* registry.lead("metrics", session, { now, ttlMs: leadMs(Duration.toMillis(every)) }))
    yield* leads ? look : hide
  })
})

export const layer: Layer.Layer<never, never, JobStore | WorkerRegistry | RollUps | Worker> = Layer.unwrap(
  Effect.map(makePass, (pass) => layerRepeated("metrics", Effect.succeed(every), pass))
)
