/**
 * Waits for the ends of jobs. A job that ends with a turn of this process is heard of with its commit; for the others
 * the store is read: when it wakes us, and each poll interval while anybody waits.
 */
import { Cause, Clock, Effect, Exit, Scope } from "effect"
import { CurrentAttempt } from "../attempt/CurrentAttempt.ts"
import { type Failure, finishedStates, type JobId, type JobRecord } from "../Job.ts"
import { JobStore, type KeptJob } from "../../Store/JobStore.ts"
import { JobWaiters, tellAll, type Waiter } from "../attempt/JobWaiters.ts"
import { Settings } from "../QueueSettings.ts"
import { StoreClosed, StoreError } from "../../Store/StoreError.ts"
import { StoreTurns } from "../../Store/StoreTurns.ts"
import type { Task } from "../Task.ts"
import { taskCodec } from "../codec/TaskCodec.ts"
import { isJobId } from "../policy/Bounds.ts"
import { JobFailed, type JobNotFound, jobNotFound } from "../TaskQueue.ts"
import { WorkerRegistry } from "../../Store/WorkerRegistry.ts"
import { NestedWaits } from "./NestedWaits.ts"

/** Awaited jobs looked up in one call. */
const lookupPage = 500
/** Looking up all of them, when a wake does not say whose end it brings, takes at most this share of the time. */
const lookingShare = 0.05

/** Of jobs that were all created by one turn: their ids ascend, so the ends tell. */
const isConsecutive = (ids: ReadonlyArray<JobId>) => ids.length > 0 && ids[ids.length - 1]! - ids[0]! === ids.length - 1

export type ResultWaiters = Effect.Success<typeof makeResultWaiters>

export const makeResultWaiters = Effect.gen(function* () {
  const store = yield* JobStore
  const turns = yield* StoreTurns
  const outcomes = yield* JobWaiters
  const settings = yield* Settings
  const clock = yield* Clock.Clock
  const monotonic = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  const { traits } = store
  const nested = new NestedWaits(store, yield* WorkerRegistry)

  /** What waits within a handler is known as such. */
  const within = <A, E, R>(ids: ReadonlyArray<JobId>, wait: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withFiber((fiber) => {
      const holder = fiber.getRef(CurrentAttempt)
      if (holder === undefined || ids.length === 0) return wait
      return Effect.ensuring(wait, Effect.sync(nested.begin(holder, ids)))
    })
  let closed = false

  const closedError = () =>
    new StoreError({ operation: "await", reason: new StoreClosed({ message: "The queue is closed" }) })

  const failedWith = (id: JobId, state: JobFailed["state"], failure: Failure) => new JobFailed({ id, state, failure })

  const messageOf = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause))

  /** What an awaiting caller gets from a finished job in the store. */
  const settled = <S, E>(task: Task<any, S, E, any>, job: JobRecord): Exit.Exit<S, E | JobFailed> => {
    const codec = taskCodec(task, traits)
    if (job.state === "completed") {
      try {
        return Exit.succeed(codec.success.decode(job.result) as S)
      } catch (cause) {
        const message = `The result does not fit the schema it is awaited with: ${messageOf(cause)}`
        const { attempt, finishedAt: at = 0, id } = job
        return Exit.fail(failedWith(id, job.state, { cause: "BadResult", message, attempt, at }))
      }
    }
    let failure: Failure = job.failure ?? {
      cause: "Cancelled",
      message: "cancelled",
      attempt: job.attempt,
      at: job.finishedAt ?? 0
    }
    if (failure.cause === "Failed") {
      try {
        return Exit.fail(codec.error.decode(failure.error) as E)
      } catch (cause) {
        const misfit = `its error does not fit the schema it is awaited with: ${messageOf(cause)}`
        failure = { ...failure, message: `${failure.message}; ${misfit}` }
      }
    }
    return Exit.fail(failedWith(job.id, job.state === "cancelled" ? "cancelled" : "failed", failure))
  }

  /** A waiter whose job ends elsewhere hears of it from the store's record. */
  interface RecordWaiter extends Waiter {
    record(job: JobRecord): void
    gone(): void
    lost(cause: Cause.Cause<StoreError>): void
  }

  const waiterFor = <S, E>(
    task: Task<any, S, E, any>,
    id: JobId,
    kept: KeptJob | undefined,
    resume: (result: Effect.Effect<S, E | JobFailed | JobNotFound | StoreError>) => void
  ): RecordWaiter => ({
    completed: (value) => resume(Effect.succeed(value as S)),
    failed: (state, failure, error) =>
      resume(Effect.fail(failure.cause === "Failed" ? (error as E) : failedWith(id, state, failure))),
    record: (job) => resume(settled(task, job)),
    gone: () => resume(kept?.record === undefined ? Effect.fail(jobNotFound(id)) : settled(task, kept.record)),
    lost: (cause) => resume(Effect.failCause(cause))
  })

  const awaitJob = <S, E>(
    task: Task<any, S, E, any>,
    id: JobId,
    kept: KeptJob | undefined
  ): Effect.Effect<S, E | JobFailed | JobNotFound | StoreError> =>
    Effect.callback((resume) => {
      if (!isJobId(id)) return resume(Effect.fail(jobNotFound(id)))
      if (closed) return resume(Effect.fail(closedError()))
      const waiter = waiterFor(task, id, kept, resume)
      outcomes.expect(id, waiter)
      fork(
        lookUp([id]).pipe(
          Effect.catchCause((cause) =>
            Effect.sync(() => {
              outcomes.forget(id, waiter)
              waiter.lost(cause)
            })
          )
        )
      )
      watch()
      return Effect.sync(() => outcomes.forget(id, waiter))
    })

  /** Reads awaited jobs and tells the waiters of those that have ended; answers how many had. */
  const lookUp = (ids: ReadonlyArray<JobId>): Effect.Effect<number, StoreError> =>
    Effect.map(store.get(ids), (jobs) => {
      let ended = 0
      const found = new Map(jobs.map((job) => [job.id, job]))
      for (const id of ids) {
        const job = found.get(id)
        if (job !== undefined && !finishedStates.includes(job.state)) continue
        const waiting = outcomes.take(id)
        if (waiting === undefined) continue
        ended++
        tellAll<RecordWaiter>(waiting, (waiter) => {
          try {
            if (job === undefined) waiter.gone()
            else waiter.record(job)
          } catch (defect) {
            waiter.lost(Cause.die(defect))
          }
        })
      }
      return ended
    })

  /** When all awaited jobs may be looked up again, by the monotonic clock. */
  let restUntil = 0

  /**
   * `all`: every awaited job. Otherwise, since jobs end roughly in their order, page by page while a page brings ends.
   */
  const lookUpAwaited = (all: boolean) =>
    Effect.gen(function* () {
      const startedAt = monotonic()
      const ids = outcomes.awaited()
      for (let from = 0; from < ids.length; from += lookupPage) {
        const ended = yield* lookUp(ids.slice(from, from + lookupPage))
        if (ended === 0 && !all && from + lookupPage < ids.length) return lookUpAllSoon()
      }
      const endedAt = monotonic()
      restUntil = endedAt + (endedAt - startedAt) / lookingShare
    })

  // One fiber looks for the ends of jobs that run elsewhere: when the store wakes us and each poll interval, while
  // anybody waits.
  let watching = false
  let nudged = false
  let lookingSoon = false
  const lookUpAllSoon = () => {
    if (lookingSoon) return
    lookingSoon = true
    const wait = restUntil - monotonic()
    fork(
      Effect.suspend(() => {
        lookingSoon = false
        return Effect.ignore(lookUpAwaited(true))
      }).pipe((looking) => (wait > 0 ? Effect.delay(looking, wait) : looking))
    )
  }
  const watch = () => {
    if (watching) return
    watching = true
    if (!turns.hasWorker()) fork(listening)
    fork(
      Effect.sleep(settings.pollInterval).pipe(
        Effect.andThen(Effect.ignore(lookUpAwaited(true))),
        Effect.andThen(Effect.ignore(nested.look)),
        Effect.repeat({ while: () => outcomes.size() > 0 }),
        Effect.ensuring(
          Effect.sync(() => {
            watching = false
            if (outcomes.size() > 0) watch()
          })
        )
      )
    )
  }
  const scope = yield* Effect.scope
  yield* store.onWake(
    (wake, origin) => {
      if (wake !== "finished" || nudged || origin === turns.origin || outcomes.size() === 0) return
      nudged = true
      fork(
        Effect.suspend(() => {
          nudged = false
          return Effect.ignore(lookUpAwaited(false))
        })
      )
    },
    { aside: true }
  )
  /**
   * A process without a worker, which would hear of others anyway, begins to with its first waiter; what ended before
   * is looked up.
   */
  const listening = yield* store
    .onWake(() => undefined)
    .pipe(
      Effect.andThen(store.traits.shared ? Effect.ignore(lookUpAwaited(true)) : Effect.void),
      Scope.provide(scope),
      Effect.cached
    )
  const unfollow = turns.onTaken((_, { ended }) => {
    if (ended === undefined || ended.length === 0 || outcomes.size() === 0) return
    const awaited = ended.filter(outcomes.isAwaited)
    if (awaited.length > 0) fork(Effect.ignore(lookUp(awaited)))
  })
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      closed = true
      unfollow()
      for (const id of outcomes.awaited()) {
        const waiting = outcomes.take(id)
        if (waiting !== undefined) tellAll<RecordWaiter>(waiting, (waiter) => waiter.lost(Cause.fail(closedError())))
      }
    })
  )

  /** Collects the results of several jobs in their order. */
  class Gathering<S, E> {
    private readonly values: Array<S>
    private readonly waiters: Array<Waiter>
    private readonly ids: ReadonlyArray<JobId>
    private readonly maybeEnded: boolean
    private left: number
    private failure: Effect.Effect<never, E | JobFailed | JobNotFound | StoreError> | undefined
    private resume:
      | ((result: Effect.Effect<ReadonlyArray<S>, E | JobFailed | JobNotFound | StoreError>) => void)
      | undefined

    constructor(task: Task<any, S, E, any>, ids: ReadonlyArray<JobId>, maybeEnded: boolean) {
      this.ids = ids
      this.maybeEnded = maybeEnded
      this.left = ids.length
      this.values = new Array(ids.length)
      this.waiters = new Array(ids.length)
      for (let i = 0; i < ids.length; i++) this.waiters[i] = new Place(this, task, ids[i]!, i)
      if (!maybeEnded && isConsecutive(ids)) outcomes.expectAll(ids[0]!, this.waiters)
      else for (let i = 0; i < ids.length; i++) outcomes.expect(ids[i]!, this.waiters[i]!)
    }

    put(index: number, value: S): void {
      this.values[index] = value
      if (--this.left === 0) this.resume?.(Effect.succeed(this.values))
    }

    fail(effect: Effect.Effect<never, E | JobFailed | JobNotFound | StoreError>): void {
      if (this.failure !== undefined) return
      this.failure = effect
      this.forget()
      this.resume?.(effect)
    }

    private forget(): void {
      for (let i = 0; i < this.ids.length; i++) outcomes.forget(this.ids[i]!, this.waiters[i]!)
    }

    readonly results: Effect.Effect<ReadonlyArray<S>, E | JobFailed | JobNotFound | StoreError> = Effect.callback(
      (resume) => {
        if (this.failure !== undefined) return resume(this.failure)
        if (this.left === 0) return resume(Effect.succeed(this.values))
        if (closed) return resume(Effect.fail(closedError()))
        this.resume = resume
        // A job that was there before may have ended before the waiter was set.
        if (this.maybeEnded)
          fork(
            lookUp(this.ids).pipe(Effect.catchCause((cause) => Effect.sync(() => this.fail(Effect.failCause(cause)))))
          )
        watch()
        return Effect.sync(() => this.forget())
      }
    )
  }

  class Place<S, E> implements RecordWaiter {
    private readonly gathering: Gathering<S, E>
    private readonly task: Task<any, S, E, any>
    private readonly id: JobId
    private readonly index: number
    constructor(gathering: Gathering<S, E>, task: Task<any, S, E, any>, id: JobId, index: number) {
      this.gathering = gathering
      this.task = task
      this.id = id
      this.index = index
    }
    completed(value: unknown): void {
      this.gathering.put(this.index, value as S)
    }
    failed(state: "failed" | "cancelled", failure: Failure, error: unknown): void {
      this.gathering.fail(Effect.fail(failure.cause === "Failed" ? (error as E) : failedWith(this.id, state, failure)))
    }
    record(job: JobRecord): void {
      const end = settled(this.task, job)
      if (Exit.isSuccess(end)) this.completed(end.value)
      else this.gathering.fail(Effect.failCause(end.cause))
    }
    gone(): void {
      this.gathering.fail(Effect.fail(jobNotFound(this.id)))
    }
    lost(cause: Cause.Cause<StoreError>): void {
      this.gathering.fail(Effect.failCause(cause))
    }
  }

  return {
    /** The typed result, the typed error, or `JobFailed`. */
    job: <S, E>(task: Task<any, S, E, any>, id: JobId, kept: KeptJob | undefined) =>
      within([id], awaitJob(task, id, kept)),
    /**
     * The results of several jobs in their order. Call it as they are acknowledged, before any of them starts: then no
     * result is missed and none looked up. `maybeEnded`: some were there before.
     */
    gather: <S, E>(task: Task<any, S, E, any>, ids: ReadonlyArray<JobId>, maybeEnded: boolean) =>
      within(ids, new Gathering(task, ids, maybeEnded).results)
  }
})
