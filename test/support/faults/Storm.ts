/**
 * Jobs arrive evenly while worker processes on one file meet a fault again and again. Answers what became of every
 * acknowledged job.
 */
import { Effect, Fiber, Schedule, type Scope } from "effect"
import {
  type EnqueueError,
  type JobId,
  QueueSettings,
  Sluice,
  type StoreError,
  TaskQueue
} from "../../../src/services/Queue/index.ts"
import { SeededRandom } from "../SeededRandom.ts"
import { catchAtWork } from "./Aim.ts"
import { faultFolder } from "./FaultFolder.ts"
import { graceMs, leaseMs, recoveryBoundMs, settings } from "./FaultSettings.ts"
import { Nap, Shaky } from "./FaultTasks.ts"
import { Fleet } from "./Fleet.ts"
import { readLedger } from "./Ledger.ts"
import { judge, type Verdict } from "./Verdict.ts"
import type { SpawnOptions, WorkerProcess } from "./WorkerProcess.ts"

export interface StormOptions {
  readonly jobs: number
  readonly seconds: number
  /** Between two faults. */
  readonly everyMs: number
  readonly workers: number
  readonly thread: boolean
  readonly seed: number
  /** The `nth` that struck, from 0. Answers whether it did. */
  readonly fault: (fleet: Fleet, random: SeededRandom, nth: number) => Effect.Effect<boolean, never, Scope.Scope>
  /** A fifth of the first attempts fails. */
  readonly shaky?: boolean
  /** How each worker process is started. */
  readonly spawn?: SpawnOptions
}

/** An enqueue that failed. */
export interface Refusal {
  /** When, in milliseconds since 1970. */
  readonly at: number
  readonly error: EnqueueError | StoreError
}

export interface StormReport extends Verdict {
  readonly refused: ReadonlyArray<Refusal>
  readonly faults: number
  readonly gentleStopMaxMs: number
  readonly badExits: ReadonlyArray<string>
}

/** Those that can run jobs now: a starting process has nothing to lose, and cannot recover what others lost. */
const inService = (fleet: Fleet) =>
  fleet.alive.filter(({ isReady, stops }) => isReady && stops.every(({ to }) => to <= Date.now()))

/**
 * Strikes one of those in service, unless it is the only one: somebody has to be there to take over. The first and
 * every second one after it is aimed at a process whose handlers run, which then stands still (SIGSTOP).
 */
const strike =
  (
    how: (
      worker: WorkerProcess,
      strike: { readonly fleet: Fleet; readonly random: SeededRandom; readonly aimed: boolean }
    ) => Effect.Effect<void, never, Scope.Scope>
  ): StormOptions["fault"] =>
  (fleet, random, nth) =>
    Effect.gen(function* () {
      const place = random.next()
      const there = () => {
        const workers = inService(fleet)
        const first = Math.floor(place * workers.length)
        return workers.length < 2 ? [] : [...workers.slice(first), ...workers.slice(0, first)]
      }
      const aimed = nth % 2 === 0
      const worker = aimed ? yield* catchAtWork(fleet.folder.ledger, there) : there()[0]
      if (worker === undefined) return false
      yield* how(worker, { fleet, random, aimed })
      return true
    })

/** kill -9, and another in its place. */
export const kill = strike((worker, { fleet }) =>
  Effect.suspend(() => {
    worker.kill()
    return Effect.asVoid(fleet.add)
  })
)

/** SIGSTOP for 1.2 to 2 leases, then SIGCONT. An aimed one lasts until others have taken over what it ran. */
export const freeze = strike((worker, { aimed, random }) =>
  Effect.asVoid(Effect.forkScoped(worker.stopFor(aimed ? recoveryBoundMs : leaseMs * (1.2 + 0.8 * random.next()))))
)

/** SIGSTOP for 1 to 12 s, which is 4 leases, then SIGCONT. */
export const freezeLong = strike((worker, { random }) =>
  Effect.asVoid(Effect.forkScoped(worker.stopFor(1000 + 11_000 * random.next())))
)

/** SIGTERM, and another in its place. */
export const stopGently = strike((worker, { fleet }) =>
  Effect.gen(function* () {
    worker.letGo()
    yield* Effect.forkScoped(worker.stopGently)
    yield* fleet.add
  })
)

/** One of all of these. */
export const mixed: StormOptions["fault"] = (fleet, random, nth) =>
  random.pick([kill, freezeLong, stopGently])(fleet, random, nth)

/** Enqueues evenly; answers the ids of those that were acknowledged. */
export const produce = (options: {
  readonly jobs: number
  readonly seconds: number
  readonly random: SeededRandom
  readonly shaky?: boolean
}) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    const ids: Array<JobId> = []
    const refused: Array<Refusal> = []
    const gapMs = (options.seconds * 1000) / options.jobs
    const begun = performance.now()
    let sent = 0
    while (sent < options.jobs) {
      const due = Math.min(options.jobs, Math.floor((performance.now() - begun) / gapMs) + 1)
      const payloads = Array.from({ length: due - sent }, () => ({ ms: 5 + options.random.below(46), version: 0 }))
      sent = due
      yield* Effect.forEach(
        payloads,
        (payload) =>
          (options.shaky === true ? queue.enqueue(Shaky, payload) : queue.enqueue(Nap, payload)).pipe(
            Effect.match({
              onSuccess: ({ id }) => void ids.push(id),
              onFailure: (error) => void refused.push({ at: Date.now(), error })
            })
          ),
        { concurrency: "unbounded", discard: true }
      )
      yield* Effect.sleep(Math.max(1, gapMs))
    }
    return { ids, refused }
  })

/** Waits until nothing is live, or the time is over. */
export const settled = (withinMs: number) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    const { count } = yield* queue.count({ states: ["scheduled", "pending", "running"] })
    if (count > 0) return yield* Effect.fail("still live" as const)
  }).pipe(
    Effect.retry({ while: (error) => error === "still live", schedule: Schedule.spaced("100 millis") }),
    Effect.timeoutOption(withinMs),
    Effect.asVoid
  )

export const storm = (options: StormOptions) =>
  Effect.gen(function* () {
    const folder = yield* faultFolder
    const random = new SeededRandom(options.seed)
    const fleet = new Fleet(folder, { thread: options.thread }, options.spawn)
    return yield* Effect.gen(function* () {
      yield* Effect.all(
        Array.from({ length: options.workers }, () => fleet.addReady),
        { concurrency: "unbounded" }
      )
      const producer = yield* Effect.forkScoped(produce({ ...options, random: new SeededRandom(options.seed + 1) }))
      let faults = 0
      const until = performance.now() + options.seconds * 1000
      while (performance.now() < until) {
        yield* Effect.sleep(options.everyMs)
        if (yield* options.fault(fleet, random, faults)) faults++
      }
      const { ids, refused } = yield* Fiber.join(producer)
      yield* settled(recoveryBoundMs + 30_000)
      const isFrozen = () => fleet.alive.some(({ stops }) => stops.some(({ to }) => to > Date.now()))
      while (isFrozen()) yield* Effect.sleep("100 millis")
      // The rest stops gently, and with it what is on its way to the ledger arrives.
      yield* Effect.forEach(fleet.alive, (worker) => worker.stopGently, { concurrency: "unbounded" })
      const gentle = fleet.all.filter(({ killedAt }) => killedAt === undefined)
      const report: StormReport = {
        ...(yield* judge(ids, readLedger(folder.ledger), fleet)),
        refused,
        faults,
        gentleStopMaxMs: Math.max(0, ...gentle.map(({ gentleMs }) => gentleMs ?? Number.POSITIVE_INFINITY)),
        badExits: gentle
          .filter(({ end }) => end?.code !== 0)
          .map(({ end, name, output }) => `${name}: ${JSON.stringify(end)} ${output.slice(-500)}`)
      }
      return report
    }).pipe(
      Effect.provide(Sluice.layerSqlite({ path: folder.store, thread: options.thread })),
      Effect.provideService(QueueSettings.Settings, settings)
    )
  }).pipe(Effect.scoped)

export const gentleBoundMs = graceMs + 2000
