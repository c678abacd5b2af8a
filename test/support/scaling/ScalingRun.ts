/**
 * A day of load on a fleet of worker processes that share a SQLite file. Before it lies a recorded past of such days,
 * from which the scaler forecasts, and some minutes that bring the fleet to where it would be.
 */
import { Clock, Effect, Schedule } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { closeSync, openSync } from "node:fs"
import path from "node:path"
import { DatabaseSync } from "node:sqlite"
import { fileURLToPath } from "node:url"
import { PredictiveScaler, type ScaleSettingsChange, TaskQueue } from "../../../src/services/Queue/index.ts"
import { scaleLeaderKind } from "../../../src/services/Scaling/rounds/LeaderRecord.ts"
import type { FaultFolder } from "../faults/FaultFolder.ts"
import { readLedger } from "../faults/Ledger.ts"
import { storeLoad } from "../scaler/SyntheticLoad.ts"
import { SeededRandom } from "../SeededRandom.ts"
import { type Arrival, arrivalsOf, type DayShape, pastCounts } from "./CompressedDay.ts"
import type { FleetConfig } from "./fleet.ts"
import { childrenOf, runs } from "./HostProcesses.ts"
import { Scaled, scaledGroup } from "./ScaledTask.ts"
import { store as wholeStore } from "../../../src/services/Store/Store.ts"

/** How the number of processes is chosen. A number: so many, always. */
export type ScalingVariant = "predictive" | "reactive" | number

export interface ScalingFault {
  readonly name: string
  /** The part of the day at which it comes. */
  readonly part: number
  readonly strike: (run: FaultyRun) => Effect.Effect<void>
}

/** What faults strike at. */
export interface FaultyRun {
  readonly folder: FaultFolder
  /** Process id of the leading worker. */
  readonly leader: number
  readonly kill: (pid: number) => void
}

export interface ScalingRunOptions extends DayShape {
  readonly variant: ScalingVariant
  readonly settings: ScaleSettingsChange
  /** What a process takes to be ready. */
  readonly startUpMs: number
  readonly roundMs: number
  /** Days of recorded past. */
  readonly pastDays: number
  /** Load before the day that counts, so that it does not begin with an empty fleet. */
  readonly beforeMs: number
  readonly faults: ReadonlyArray<ScalingFault>
  readonly seed: number
}

export interface ScalingSample {
  /** Milliseconds from midnight. */
  readonly at: number
  /** Worker processes that live, those that start or drain included. */
  readonly processes: number
  /** Slots of workers that claim. */
  readonly slots: number
  readonly running: number
  readonly pending: number
}

export interface JobWait {
  /** When it came, milliseconds from midnight. */
  readonly at: number
  readonly waitMs: number
}

export interface ScalingResult {
  readonly variant: ScalingVariant
  /** Of the day that counts. */
  readonly jobs: number
  readonly completed: number
  readonly waits: ReadonlyArray<JobWait>
  /** Of the day: one for each second that a process lived, from its start. */
  readonly workerSeconds: number
  /** Starts of jobs that had started before. */
  readonly repeated: number
  /** Times that a job was run by two processes at once. */
  readonly doubled: number
  /** Process ids of the leaders, in order. */
  readonly leaders: ReadonlyArray<number>
  /** Slots decided during the day, in order. */
  readonly decisions: ReadonlyArray<{
    readonly at: number
    readonly from: number
    readonly to: number
    readonly running: number
    readonly reason: string
    readonly distrust: string | null
  }>
  /** Faults, and when they struck. */
  readonly faults: ReadonlyArray<{ readonly name: string; readonly at: number }>
  readonly samples: ReadonlyArray<ScalingSample>
}

const everyMs = 250
/** For the parent of a fleet, before it starts the first worker. */
const bootMs = 10_000
/** Longest that the rest may take after the day. A bound for a machine that stands still, not a measure. */
const restMostMs = 180_000
const program = fileURLToPath(new URL("./fleet.ts", import.meta.url))

const leaderPid = Effect.map(
  Effect.flatMap(wholeStore, (store) => store.documents.all(scaleLeaderKind)),
  (documents) => {
    const [document] = documents
    return document === undefined
      ? undefined
      : Number((JSON.parse(document.text) as { readonly name: string }).name.replace("worker-", ""))
  }
)

/** Through a store that stands still, or a machine that is too busy for its answer to come in time. */
const patiently = Effect.retry({ schedule: Schedule.spaced(everyMs), times: restMostMs / everyMs })

/** Nobody can write for a while: what other processes see of a disk that hangs. */
export const lockStore = (folder: FaultFolder, ms: number) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const file = new DatabaseSync(folder.store, { timeout: 5000 })
      file.exec("BEGIN IMMEDIATE")
      return file
    }),
    () => Effect.sleep(ms),
    (file) =>
      Effect.sync(() => {
        file.exec("ROLLBACK")
        file.close()
      })
  )

export const clockOf = (folder: FaultFolder): string => path.join(folder.path, "clock")

/** The parent of a fleet; it and its workers are gone when the scope closes. */
const startFleet = (folder: FaultFolder, config: FleetConfig) =>
  Effect.acquireRelease(
    Effect.sync((): ChildProcess => {
      const log = openSync(path.join(folder.path, "fleet.log"), "a")
      const child = spawn(process.execPath, [program, JSON.stringify(config)], { stdio: ["pipe", log, log] })
      closeSync(log)
      return child
    }),
    (child) =>
      Effect.gen(function* () {
        const workers = childrenOf(child.pid!)
        child.kill("SIGTERM")
        yield* Effect.repeat(
          Effect.sync(() => [child.pid!, ...workers].some(runs)),
          { schedule: Schedule.spaced(everyMs), while: (some) => some, times: restMostMs / everyMs }
        )
      })
  )

/** Jobs that ran twice at the same time: a start before the end of another. `killed`: when processes were. */
const doubledIn = (entries: ReturnType<typeof readLedger>, killed: ReadonlyMap<string, number>): number => {
  const open = new Map<number, string>()
  let doubled = 0
  for (const { at, id, kind, process } of entries) {
    const holder = open.get(id)
    if (kind === "start") {
      if (holder !== undefined && !(at >= (killed.get(holder) ?? Number.POSITIVE_INFINITY))) doubled++
      open.set(id, process)
    } else if (holder === process) open.delete(id)
  }
  return doubled
}

export const scalingRun = (folder: FaultFolder, options: ScalingRunOptions) =>
  Effect.gen(function* () {
    const { beforeMs, dayMs, faults, pastDays, seed, stepMs, variant } = options
    const clock = yield* Clock.Clock
    // The day goes by on the machine's clock, whatever the host's says.
    const now = () => Date.now()
    const queue = yield* TaskQueue
    const store = yield* wholeStore
    const scaler = yield* PredictiveScaler
    const arrivals = arrivalsOf(options, beforeMs, new SeededRandom(seed))
    // The past ends where the first of these jobs comes, on the grid of steps, when the first processes are ready.
    const begin = Math.ceil((now() + options.startUpMs + bootMs) / stepMs) * stepMs
    const midnight = begin + beforeMs
    const steps = Math.round((pastDays * dayMs - beforeMs) / stepMs)
    if (steps > 0)
      storeLoad(folder.store, {
        group: scaledGroup,
        task: Scaled.name,
        stepMs: stepMs as 10_000,
        start: begin - steps * stepMs,
        counts: pastCounts(options, pastDays, new SeededRandom(seed + 1)).slice(0, steps),
        runMs: 2000
      })
    if (typeof variant !== "number") yield* scaler.set(scaledGroup, { ...options.settings, mode: "on" })
    const fleet = yield* startFleet(folder, {
      store: folder.store,
      ledger: folder.ledger,
      clock: clockOf(folder),
      processes: typeof variant === "number" ? variant : 2,
      follows: typeof variant !== "number",
      startUpMs: options.startUpMs,
      roundMs: options.roundMs
    })

    const samples: Array<ScalingSample> = []
    const leaders: Array<number> = []
    const struck: Array<{ readonly name: string; readonly at: number }> = []
    const killed = new Map<string, number>()
    const kill = (pid: number) => {
      killed.set(`worker-${pid}`, now())
      process.kill(pid, "SIGKILL")
    }
    let workerSeconds = 0
    let sampledAt = midnight
    const look = Effect.gen(function* () {
      const leader = yield* leaderPid
      if (leader !== undefined && leaders.at(-1) !== leader) leaders.push(leader)
      const at = now()
      const processes = childrenOf(fleet.pid!).length
      const group = (yield* store.jobs.groups).find(({ name }) => name === scaledGroup)
      const pending = (yield* store.jobs.counters)
        .filter(({ group: name, state }) => name === scaledGroup && state === "pending")
        .reduce((sum, { count }) => sum + count, 0)
      const slots = (yield* store.workers.all)
        .filter(({ draining, leaseUntil }) => !draining && leaseUntil > clock.currentTimeMillisUnsafe())
        .reduce((sum, worker) => sum + (worker.slots[scaledGroup] ?? 0), 0)
      if (at > midnight && at <= midnight + dayMs) {
        workerSeconds += (processes * (at - sampledAt)) / 1000
        sampledAt = at
      }
      samples.push({ at: at - midnight, processes, slots, running: group?.busy ?? 0, pending })
    }).pipe(patiently)

    /** Of jobs of the day that counts. */
    const ids = new Map<number, number>()
    const ahead = [...arrivals].reverse()
    const due = [...faults].reverse()
    let sent = 0
    while (ahead.length > 0 || due.length > 0) {
      const at = now() - midnight
      const batch: Array<Arrival> = []
      while ((ahead.at(-1)?.at ?? Number.POSITIVE_INFINITY) <= at) batch.push(ahead.pop()!)
      if (batch.length > 0) {
        const first = sent
        const handles = yield* Effect.suspend(() =>
          queue.enqueueMany(
            Scaled,
            batch.map(({ ms }, i) => ({ number: first + i, ms, at: now() }))
          )
        ).pipe(patiently)
        sent += batch.length
        for (const [i, { id }] of handles.entries()) if (batch[i]!.at >= 0) ids.set(Number(id), batch[i]!.at)
      }
      yield* look
      // A machine that is slow to start may have no leader yet: then faults wait for one.
      const leader = leaders.at(-1)
      if (due.length > 0 && at >= due.at(-1)!.part * dayMs && leader !== undefined) {
        const { name, strike } = due.pop()!
        struck.push({ name, at })
        yield* Effect.forkScoped(strike({ folder, leader, kill }))
      }
      yield* Effect.sleep(everyMs)
    }

    const decisionsOfDay = Effect.map(scaler.decisions(scaledGroup, { limit: 500 }).pipe(patiently), (decisions) =>
      decisions.filter(({ at }) => at >= midnight).reverse()
    )
    // On a slow machine the day may be over before the first decision: then it is that of the calm after it.
    const isOver = Effect.gen(function* () {
      yield* look
      const { count } = yield* queue.count({ states: ["completed"] }).pipe(patiently)
      return count >= arrivals.length && (yield* decisionsOfDay).length >= (typeof variant === "number" ? 0 : 1)
    })
    yield* Effect.repeat(isOver, {
      schedule: Schedule.spaced(everyMs),
      until: (over) => over || now() > midnight + dayMs + restMostMs
    })
    const { count: completed } = yield* queue.count({ states: ["completed"] })
    const entries = readLedger(folder.ledger)
    const waits = entries.flatMap(({ attempt, detail, id, kind }): ReadonlyArray<JobWait> => {
      const at = ids.get(id)
      return kind === "start" && attempt === 1 && at !== undefined ? [{ at, waitMs: Number(detail) }] : []
    })
    const result: ScalingResult = {
      variant,
      jobs: ids.size,
      completed: completed - (arrivals.length - ids.size),
      waits,
      workerSeconds: Math.round(workerSeconds),
      repeated: entries.filter(({ attempt, kind }) => kind === "start" && attempt > 1).length,
      doubled: doubledIn(entries, killed),
      leaders,
      decisions: (yield* decisionsOfDay).map(({ at, distrust, from, inputs, reason, to }) => ({
        at: at - midnight,
        from,
        to,
        running: inputs.running,
        reason,
        distrust
      })),
      faults: struck,
      samples
    }
    return result
  })
