/**
 * Drives a store in tests: the virtual clock's time goes into every call, and jobs are described by what matters
 * in them.
 */
import { assert, it } from "@effect/vitest"
import { Clock, Effect, type Layer } from "effect"
import { TestClock } from "effect/testing"
import type { Failure, JobExtra, JobId, JobRecord } from "../../../src/services/Queue/Job.ts"
import type { ChangeResult, JobChange } from "../../../src/services/Store/JobChange.ts"
import type {
  ClaimedJob,
  LogLevel,
  NewJob,
  ParentFailurePolicy,
  SettleOutcome,
  Turn,
  TurnResult,
  UniqueConflict
} from "../../../src/services/Store/Turn.ts"
import type { Wake } from "../../../src/services/Store/JobStore.ts"
import type { JobFilter } from "../../../src/services/Store/JobQuery.ts"
import type { SweepResult } from "../../../src/services/Store/WorkerRegistry.ts"
import type { WorkerLoad } from "../../../src/services/Store/WorkerRecord.ts"
import { rank } from "../../../src/services/Queue/policy/Rank.ts"
import type { StoreError } from "../../../src/services/Store/StoreError.ts"
import { type Store, store as wholeStore, type StoreServices } from "../../../src/services/Store/Store.ts"

/** Makes a new, empty store each time it is built. */
export type StoreLayer = (options: { readonly maxLive?: number }) => Layer.Layer<StoreServices, unknown>

export const start = Date.UTC(2026, 0, 5, 12)
export const leaseMs = 30_000
export const stepMs = 30_000

export interface JobSpec {
  readonly task?: string
  readonly group?: string
  readonly priority?: number
  /** Milliseconds from now; default 0. */
  readonly delay?: number
  readonly maxAttempts?: number
  readonly version?: number
  readonly payload?: unknown
  readonly partitionKey?: string
  /** Milliseconds from now. */
  readonly expiresIn?: number
  readonly key?: string
  readonly onConflict?: UniqueConflict
  readonly windowMs?: number
  readonly maxDelayMs?: number
  readonly after?: ReadonlyArray<JobId>
  readonly onParentFailure?: ParentFailurePolicy
  /** Milliseconds from now. */
  readonly deadlineIn?: number
  readonly extra?: JobExtra
}

export interface SettleSpec {
  readonly result?: unknown
  readonly failure?: Failure
  /** Milliseconds from now. */
  readonly delay?: number
  readonly runMs?: number
  /** In milliseconds since 1970. */
  readonly heldBackUntil?: number
}

export const load: WorkerLoad = { busy: {}, cpu: 0, rssBytes: 0, heapBytes: 0, loopDelayMs: 0 }

const emptyTurn = {
  session: 0,
  settle: [],
  enqueue: [],
  batches: undefined,
  claim: [],
  progress: [],
  logs: []
} as const

export class StoreDriver {
  readonly store: Store
  /** Wakes may come after the answer of the call that brought them about, and more than once. */
  readonly wakesLate: boolean

  constructor(store: Store, wakesLate = false) {
    this.store = store
    this.wakesLate = wakesLate
  }

  /** A payload, result or progress as this store wants it. */
  encode(value: unknown): unknown {
    return this.store.jobs.traits.payloads === "text" && value !== undefined ? JSON.stringify(value) : value
  }

  decode(stored: unknown): unknown {
    return this.store.jobs.traits.payloads === "text" && typeof stored === "string" ? JSON.parse(stored) : stored
  }

  newJob(spec: JobSpec, now: number): NewJob {
    const due = now + (spec.delay ?? 0)
    const priority = spec.priority ?? 5
    return {
      task: spec.task ?? "task",
      group: spec.group ?? "group",
      priority,
      due,
      rank: rank(due, priority, stepMs),
      maxAttempts: spec.maxAttempts ?? 4,
      version: spec.version ?? 0,
      payload: this.encode(spec.payload ?? { n: 1 }),
      partitionKey: spec.partitionKey,
      expiresAt: spec.expiresIn === undefined ? undefined : now + spec.expiresIn,
      unique:
        spec.key === undefined
          ? undefined
          : {
              key: spec.key,
              onConflict: spec.onConflict ?? "reject",
              windowMs: spec.windowMs ?? 0,
              ...(spec.maxDelayMs !== undefined && { maxDelayMs: spec.maxDelayMs })
            },
      after:
        spec.after === undefined ? undefined : { jobs: spec.after, onParentFailure: spec.onParentFailure ?? "cancel" },
      extra: spec.deadlineIn === undefined ? spec.extra : { ...spec.extra, deadline: now + spec.deadlineIn }
    }
  }

  turn(parts: Partial<Turn>): Effect.Effect<TurnResult, StoreError> {
    return Effect.flatMap(Clock.currentTimeMillis, (now) => this.store.jobs.turn({ ...emptyTurn, now, ...parts }))
  }

  enqueue(specs: ReadonlyArray<JobSpec>, parts: Partial<Turn> = {}): Effect.Effect<TurnResult, StoreError> {
    return Effect.flatMap(Clock.currentTimeMillis, (now) =>
      this.turn({ enqueue: specs.map((spec) => this.newJob(spec, now)), ...parts })
    )
  }

  /** Stores one job that must be plainly created. */
  add(spec: JobSpec = {}): Effect.Effect<JobId, StoreError> {
    return Effect.map(this.enqueue([spec]), ({ ids, notes }) => {
      if (notes !== undefined) throw new Error(`not plainly created: ${JSON.stringify([...notes])}`)
      return ids[0]!
    })
  }

  join(tasks: ReadonlyArray<string> = ["task"], name = "worker"): Effect.Effect<number, StoreError> {
    return Effect.flatMap(Clock.currentTimeMillis, (now) =>
      this.store.workers.join(
        { name, host: "host", pid: 1, version: "1.0.0", slots: { group: 10 }, tasks },
        { now, leaseMs }
      )
    )
  }

  beat(session: number, tasks: ReadonlyArray<string> = ["task"], beatLoad = load): Effect.Effect<boolean, StoreError> {
    return Effect.flatMap(Clock.currentTimeMillis, (now) =>
      this.store.workers.beat(session, {
        now,
        leaseMs,
        mayBlockMs: leaseMs,
        tasks,
        slots: { group: 10 },
        load: beatLoad
      })
    )
  }

  claim(session: number, limit = 100, group = "group"): Effect.Effect<ReadonlyArray<ClaimedJob>, StoreError> {
    return Effect.map(this.turn({ session, claim: [{ group, limit }] }), ({ jobs }) => jobs)
  }

  /** Whether the settle was accepted. */
  settle(
    session: number,
    job: { readonly id: JobId; readonly attempt: number; readonly priority?: number },
    outcome: SettleOutcome,
    spec: SettleSpec = {}
  ): Effect.Effect<boolean, StoreError> {
    return Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const due = now + (spec.delay ?? 0)
      return Effect.map(
        this.turn({
          session,
          settle: [
            {
              id: job.id,
              attempt: job.attempt,
              outcome,
              result: this.encode(spec.result),
              failure: spec.failure,
              due,
              rank: rank(due, job.priority ?? 5, stepMs),
              runMs: spec.runMs ?? 1,
              heldBackUntil: spec.heldBackUntil
            }
          ]
        }),
        ({ lost }) => lost === undefined || !lost.has(0)
      )
    })
  }

  log(session: number, job: ClaimedJob, messages: ReadonlyArray<string>, level: LogLevel = "info") {
    return Effect.flatMap(Clock.currentTimeMillis, (at) =>
      this.turn({
        session,
        logs: messages.map((message) => ({ id: job.id, attempt: job.attempt, at, level, message }))
      })
    )
  }

  get(id: JobId): Effect.Effect<JobRecord | undefined, StoreError> {
    return Effect.map(this.store.jobs.get([id]), (found) => found[0])
  }

  /** The job, which must exist. */
  job(id: JobId): Effect.Effect<JobRecord, StoreError> {
    return Effect.map(this.get(id), (found) => {
      if (found === undefined) throw new Error(`no job ${id}`)
      return found
    })
  }

  states(ids: ReadonlyArray<JobId>): Effect.Effect<ReadonlyArray<string>, StoreError> {
    return Effect.map(this.store.jobs.get(ids), (found) => found.map(({ state }) => state))
  }

  change(filter: JobFilter, change: JobChange, limit = 1000): Effect.Effect<ChangeResult, StoreError> {
    return Effect.flatMap(Clock.currentTimeMillis, (now) => this.store.jobs.change(filter, change, { now, limit }))
  }

  cancel(id: JobId, reason = "not needed"): Effect.Effect<ChangeResult, StoreError> {
    return this.change({ ids: [id] }, { _tag: "Cancel", reason })
  }

  remove(id: JobId): Effect.Effect<ChangeResult, StoreError> {
    return this.change({ ids: [id] }, { _tag: "Remove" })
  }

  sweep(limit = 100): Effect.Effect<SweepResult, StoreError> {
    return Effect.flatMap(Clock.currentTimeMillis, (now) => this.store.workers.sweep({ now, limit }))
  }

  leave(session: number): Effect.Effect<void, StoreError> {
    return Effect.flatMap(Clock.currentTimeMillis, (now) => this.store.workers.leave(session, now))
  }

  /** The wake was heard, or is heard soon where wakes come late. */
  hears(heard: ReadonlyArray<Wake>, wake: Wake): Effect.Effect<void> {
    return Effect.promise(async () => {
      for (let i = 0; this.wakesLate && i < 1_000 && !heard.includes(wake); i++)
        await new Promise((next) => setImmediate(next))
      assert.include(heard, wake)
    })
  }

  /** Claims the only job there is to claim and settles it. */
  run(
    session: number,
    outcome: SettleOutcome = "completed",
    spec: SettleSpec = {}
  ): Effect.Effect<ClaimedJob, StoreError> {
    return Effect.flatMap(this.claim(session), (jobs) => {
      if (jobs.length !== 1) throw new Error(`${jobs.length} jobs instead of one`)
      return Effect.as(this.settle(session, jobs[0]!, outcome, spec), jobs[0]!)
    })
  }
}

export const failure = (message = "no luck", attempt = 1): Failure => ({ cause: "Failed", message, attempt, at: start })

/** One test on a store of its own, at a fixed time of the virtual clock. */
export const storeTest =
  (layer: StoreLayer, wakesLate = false) =>
  (
    name: string,
    body: (driver: StoreDriver) => Effect.Effect<void, StoreError>,
    options: { readonly maxLive?: number; readonly timeoutMs?: number } = {}
  ): void =>
    it.effect(
      name,
      () =>
        Effect.gen(function* () {
          yield* TestClock.setTime(start)
          yield* Effect.flatMap(wholeStore, (store) => body(new StoreDriver(store, wakesLate))).pipe(
            Effect.provide(layer(options.maxLive === undefined ? {} : { maxLive: options.maxLive }))
          )
        }),
      options.timeoutMs ?? 20_000
    )

export type StoreTest = ReturnType<typeof storeTest>
