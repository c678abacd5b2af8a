/** A day of load on a fleet of worker processes that share a SQLite file: scaled, scaled without a forecast, or with a fixed number of slots. */
import { Clock, Effect, Schedule } from "effect"
import { DatabaseSync } from "node:sqlite"
import { JobStore, PredictiveScaler, TaskQueue } from "../../../src/services/Queue/index.ts"
import { scaleLeaderKind } from "../../../src/services/Queue/scaler/LeaderRecord.ts"
import type { FaultFolder } from "../faults/FaultFolder.ts"
import { Fleet } from "../faults/Fleet.ts"
import { readLedger } from "../faults/Ledger.ts"
import { SeededRandom } from "../SeededRandom.ts"
import { poisson, rateAt } from "./CompressedDay.ts"
import { Scaled, scaledGroup, slotsMost } from "./ScaledTask.ts"

/** `reactive`: the scaler with steps of an hour, of which none ends within the run, so that there is never a forecast. */
export type ScalingVariant = "scaled" | "reactive" | "fixed"

export interface ScalingRunOptions {
  readonly variant: ScalingVariant
  readonly dayMs: number
  /** Kill the leader in the middle, and lock the store for a while after that. */
  readonly faults: boolean
  readonly seed: number
}

export interface ScalingSample {
  /** Part of the day. */
  readonly part: number
  readonly slots: number
  readonly running: number
  readonly pending: number
}

export interface ScalingResult {
  readonly variant: ScalingVariant
  readonly jobs: number
  readonly completed: number
  readonly waitP50Ms: number
  readonly waitP95Ms: number
  readonly slotSeconds: number
  /** Starts of jobs that had started before: their slot was lost under them. */
  readonly repeated: number
  /** Names of the leaders, in order. */
  readonly leaders: ReadonlyArray<string>
  /** Slots decided, and the jobs that ran then, in order. */
  readonly decisions: ReadonlyArray<{ readonly to: number; readonly running: number }>
  readonly samples: ReadonlyArray<ScalingSample>
}

const processes = 3
const serviceMs = 600
const everyMs = 250
export const slotsLeast = 2
/** What a careful operator would set for the peak, without the spike. */
const slotsFixed = 14
const lockMs = 2000

/** Longest that the rest may take after the day: jobs of a killed process, a new leader. A bound for a machine that stands still, not a measure. */
const restMostMs = 180_000

const leaderName = Effect.map(
  JobStore.use((store) => store.documents(scaleLeaderKind)),
  (documents) => documents.map(({ text }) => (JSON.parse(text) as { readonly name: string }).name).at(0)
)

/** Nobody can write for a while: what other processes see of a disk that hangs. */
const freeze = (folder: FaultFolder) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const file = new DatabaseSync(folder.store, { timeout: 5000 })
      file.exec("BEGIN IMMEDIATE")
      return file
    }),
    () => Effect.sleep(lockMs),
    (file) =>
      Effect.sync(() => {
        file.exec("ROLLBACK")
        file.close()
      })
  )

const quantile = (sorted: ReadonlyArray<number>, level: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(level * sorted.length))] ?? 0

export const scalingRun = (folder: FaultFolder, { dayMs, faults, seed, variant }: ScalingRunOptions) =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const queue = yield* TaskQueue
    const store = yield* JobStore
    const scaler = yield* PredictiveScaler
    const random = new SeededRandom(seed)
    const fleet = new Fleet(folder, { thread: true }, { program: "../scaling/worker.ts" })
    yield* Effect.all(
      Array.from({ length: processes }, () => fleet.addReady),
      { concurrency: "unbounded" }
    )
    yield* scaler.set(scaledGroup, {
      mode: "on",
      minSlots: variant === "fixed" ? slotsFixed : slotsLeast,
      maxSlots: variant === "fixed" ? slotsFixed : slotsMost,
      stepMs: variant === "reactive" ? 3_600_000 : 10_000,
      startupMs: 1000,
      waitMs: 1000,
      holdDownMs: 8000,
      drainMs: 5000
    })

    const samples: Array<ScalingSample> = []
    const leaders: Array<string> = []
    let slotSeconds = 0
    const start = clock.currentTimeMillisUnsafe()
    let sampledAt = start
    const look = Effect.gen(function* () {
      const leader = yield* leaderName
      if (leader !== undefined && leaders.at(-1) !== leader) leaders.push(leader)
      const at = clock.currentTimeMillisUnsafe()
      const group = (yield* store.groups).find(({ name }) => name === scaledGroup)
      const pending = (yield* store.counters)
        .filter(({ group: name, state }) => name === scaledGroup && state === "pending")
        .reduce((sum, { count }) => sum + count, 0)
      const offered = (yield* store.workers)
        .filter(({ leaseUntil }) => leaseUntil > at)
        .reduce((sum, worker) => sum + (worker.slots[scaledGroup] ?? 0), 0)
      // Each process offers the whole group until it has its share; the group's limit holds over all.
      const slots = Math.min(slotsMost, offered)
      slotSeconds += (slots * (at - sampledAt)) / 1000
      sampledAt = at
      samples.push({ part: (at - start) / dayMs, slots, running: group?.busy ?? 0, pending })
    })

    let jobs = 0
    let sentTo = start
    let killed: string | undefined
    let isLocked = false
    while (sentTo < start + dayMs) {
      const at = Math.min(clock.currentTimeMillisUnsafe(), start + dayMs)
      const part = (sentTo - start) / dayMs
      const count = poisson((rateAt(part) * (at - sentTo)) / 1000, random)
      sentTo = at
      if (count > 0) {
        yield* queue.enqueueMany(Scaled, new Array(count).fill({ ms: serviceMs, at }))
        jobs += count
      }
      yield* look
      // A machine that is slow to start may have no leader yet: then the kill waits for one.
      if (faults && killed === undefined && part > 0.5 && leaders.length > 0) {
        killed = leaders.at(-1)!
        fleet.byName(killed).kill()
        yield* fleet.add
      }
      if (faults && !isLocked && part > 0.75) {
        isLocked = true
        yield* freeze(folder)
      }
      yield* Effect.sleep(everyMs)
    }

    const rest = Effect.gen(function* () {
      yield* look
      const { count } = yield* queue.count({ states: ["completed"] })
      return { completed: count, decisions: yield* scaler.decisions(scaledGroup, { limit: 500 }) }
    })
    const isOver = ({ completed, decisions }: Effect.Success<typeof rest>) =>
      clock.currentTimeMillisUnsafe() > start + dayMs + restMostMs ||
      (completed >= jobs &&
        (variant === "fixed" || decisions.length > 0) &&
        (killed === undefined || leaders.at(-1) !== killed))
    const { completed, decisions } = yield* Effect.repeat(rest, { schedule: Schedule.spaced(everyMs), until: isOver })
    yield* Effect.forEach(fleet.alive, ({ stopGently }) => stopGently, { concurrency: "unbounded", discard: true })

    const entries = readLedger(folder.ledger)
    const waits = entries
      .filter(({ attempt, kind }) => kind === "start" && attempt === 1)
      .map(({ detail }) => Number(detail))
      .sort((a, b) => a - b)
    const result: ScalingResult = {
      variant,
      jobs,
      completed,
      waitP50Ms: quantile(waits, 0.5),
      waitP95Ms: quantile(waits, 0.95),
      slotSeconds: Math.round(slotSeconds),
      repeated: entries.filter(({ attempt, kind }) => kind === "start" && attempt > 1).length,
      leaders,
      decisions: decisions.map(({ inputs, to }) => ({ to, running: inputs.running })).reverse(),
      samples
    }
    return result
  })
