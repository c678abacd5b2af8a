/**
 * A queue without a worker: each handler runs within the call that enqueues its job, in the caller's fiber. Delays,
 * retries, slots and limits play no part. The jobs rest in a store all the same, so that looking at them, unique keys
 * and parents work.
 */
import { Cause, Clock, Effect, Exit, Layer } from "effect"
import {
  type ClaimedJob,
  type EnqueueOptions,
  type EnqueueRequest,
  type JobHandle,
  type JobId,
  JobStore,
  WorkerRegistry,
  type Registration,
  type RequestHandles,
  RetryDelay,
  type Settle,
  type Turn,
  Task,
  TaskQueue,
  TaskRegistry
} from "../services/Queue/index.ts"
import { RateLimited } from "../services/Limits/RateLimited.ts"
import { timeOf } from "../services/Limits/policy/RetryAfter.ts"
import * as Bounds from "../services/Queue/policy/Bounds.ts"
import * as Durations from "../services/Queue/policy/Durations.ts"
import { unlimited } from "../services/Queue/ResourceGroup.ts"
import { Suspended } from "../services/Queue/attempt/Suspended.ts"
import { taskCodec } from "../services/Queue/codec/TaskCodec.ts"
import { settingsOf, storeOf, type TestQueueOptions } from "./TestQueue.ts"

const emptyTurn = { settle: [], enqueue: [], batches: undefined, claim: [], progress: [], logs: [] } as const

/** A batch of one. */
const alone = (
  { run }: Extract<Registration, { readonly _tag: "Batch" }>,
  payload: unknown,
  job: Task.JobContext<unknown, unknown>
): Effect.Effect<unknown, unknown> =>
  Effect.suspend(() => {
    let ended: Exit.Exit<unknown, unknown> | undefined
    const settle = (exit: Exit.Exit<unknown, unknown>) =>
      Effect.sync(() => {
        ended ??= exit
      })
    return Effect.flatMap(
      run([{ payload, job, settle }]),
      (outcomes) => ended ?? (Array.isArray(outcomes) ? (outcomes[0] as Exit.Exit<unknown, unknown>) : Exit.void)
    )
  })

const make = Effect.gen(function* () {
  const queue = yield* TaskQueue
  const store = yield* JobStore
  const workerRegistry = yield* WorkerRegistry
  const registry = yield* TaskRegistry
  const tasks = () => registry.all().map(({ task }) => task.name)
  const session = yield* workerRegistry.join(
    { name: "inline", host: "inline", pid: process.pid, version: "", slots: {}, tasks: tasks() },
    { now: yield* Clock.currentTimeMillis, leaseMs: Number.MAX_SAFE_INTEGER / 2 }
  )
  /** Why jobs failed, as their handlers said it. */
  const causes = new Map<JobId, Cause.Cause<unknown>>()

  const turn = (parts: Partial<Turn>) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => store.turn({ ...emptyTurn, now, session, ...parts }))

  const settle = (job: ClaimedJob, parts: Partial<Settle>) =>
    turn({
      settle: [
        {
          id: job.id,
          attempt: job.attempt,
          outcome: "completed",
          result: undefined,
          failure: undefined,
          due: 0,
          rank: 0,
          runMs: 0,
          ...parts
        }
      ]
    })

  const contextOf = (
    job: ClaimedJob,
    encodeProgress: (value: unknown) => unknown
  ): Task.JobContext<unknown, unknown> => ({
    id: job.id,
    task: job.task,
    group: job.group,
    attempt: job.attempt,
    maxAttempts: job.maxAttempts,
    version: job.version,
    priority: job.priority,
    headers: job.extra?.headers ?? {},
    progress: (value) =>
      Effect.suspend(() =>
        turn({ progress: [{ id: job.id, attempt: job.attempt, value: encodeProgress(value) }] })
      ).pipe(Effect.orDie, Effect.asVoid),
    softLimit: Effect.never,
    signal: new AbortController().signal,
    snooze: (delay) =>
      Effect.suspend(() => Effect.fail(new Task.Snoozed({ delayMs: Durations.duration("snooze", delay) })))
  })

  const runJob = (job: ClaimedJob) =>
    Effect.gen(function* () {
      const registration = registry.get(job.task)!
      if (registration._tag === "Thread") {
        return yield* Effect.die(
          new Error(`Task ${job.task} runs in a thread; inline mode runs handlers of toLayer only`)
        )
      }
      const codec = taskCodec(registration.task, store.traits)
      const exit = yield* Effect.suspend(() => {
        const payload = codec.payload.decode(job.payload)
        const context = contextOf(job, codec.progress.encode)
        return registration._tag === "Fiber"
          ? registration.run(payload, context)
          : alone(registration, payload, context)
      }).pipe(
        Effect.provideContext(registration.context),
        Effect.flatMap((value) => Effect.sync(() => codec.success.encode(value))),
        Effect.exit
      )
      const now = yield* Clock.currentTimeMillis
      if (Exit.isSuccess(exit)) return yield* settle(job, { result: exit.value })
      const error = Cause.squash(exit.cause)
      if (error instanceof Task.Snoozed) {
        const due = Bounds.dueAfter(now, error.delayMs)
        return yield* settle(job, { outcome: "release", due, rank: due })
      }
      if (error instanceof RateLimited) {
        const due = timeOf(error.when, now)
        return yield* settle(job, { outcome: "release", due, rank: due, heldBackUntil: due })
      }
      if (error instanceof Suspended) {
        return yield* settle(job, { outcome: "release", due: now, rank: now, followUp: error.followUp })
      }
      causes.set(job.id, exit.cause)
      const message = error instanceof Error ? error.message : String(error)
      const failure = {
        cause: Cause.hasFails(exit.cause) ? "Failed" : "Defect",
        message,
        attempt: job.attempt,
        at: now
      } as const
      return yield* settle(job, { outcome: "failed", failure })
    })

  /** Runs what is pending, and what that makes pending. */
  const runReady: Effect.Effect<void> = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const load = { busy: {}, cpu: 0, rssBytes: 0, heapBytes: 0, loopDelayMs: 0 }
    yield* workerRegistry.beat(session, {
      now,
      leaseMs: Number.MAX_SAFE_INTEGER / 2,
      mayBlockMs: Number.MAX_SAFE_INTEGER / 2,
      tasks: tasks(),
      slots: {},
      load
    })
    for (;;) {
      const groups = yield* store.groups
      for (const { limit, name } of groups) if (limit !== unlimited) yield* store.setGroup(name, { limit: unlimited })
      const { jobs } = yield* turn({ claim: groups.map(({ name }) => ({ group: name, limit: 1 })) })
      if (jobs.length === 0) return
      for (const job of jobs) yield* runJob(job)
    }
  }).pipe(Effect.orDie)

  /** The handler's failure is the caller's. */
  const surface = (ids: ReadonlyArray<JobId>): Effect.Effect<void> =>
    Effect.suspend(() => {
      const cause = ids.map((id) => causes.get(id)).find((found) => found !== undefined)
      return cause === undefined ? Effect.void : Effect.die(Cause.squash(cause))
    })

  const atOnce = (options: EnqueueOptions | undefined): EnqueueOptions => {
    const { at: _at, in: _in, ...rest } = options ?? {}
    return rest
  }

  const result = <S, E, G>(handle: JobHandle<S, E, G>) =>
    Effect.suspend(() => {
      const cause = causes.get(handle.id)
      return cause === undefined ? handle.await : Effect.failCause(cause as Cause.Cause<E>)
    })

  const enqueued = <P, S, E, G>(
    task: Task.Task<P, S, E, G>,
    payloads: ReadonlyArray<P>,
    options: EnqueueOptions | undefined
  ) => Effect.tap(queue.enqueueMany(task, payloads, atOnce(options)), () => runReady)

  const idsOf = (handles: ReadonlyArray<{ readonly id: JobId }>) => handles.map(({ id }) => id)

  return TaskQueue.of({
    ...queue,
    enqueue: (task, payload, options) =>
      enqueued(task, [payload], options).pipe(
        Effect.tap((handles) => surface(idsOf(handles))),
        Effect.map((handles) => handles[0]!)
      ),
    enqueueMany: (task, payloads, options) =>
      Effect.tap(enqueued(task, payloads, options), (handles) => surface(idsOf(handles))),
    enqueueAll: <const Requests extends ReadonlyArray<EnqueueRequest>>(requests: Requests) =>
      queue.enqueueAll(requests.map((request) => ({ ...request, options: atOnce(request.options) }))).pipe(
        Effect.tap(() => runReady),
        Effect.tap((handles) => surface(idsOf(handles))),
        Effect.map((handles) => handles as RequestHandles<Requests>)
      ),
    enqueueSet: (set) =>
      Effect.tap(queue.enqueueSet(set), ({ jobs, done }) =>
        Effect.andThen(
          runReady,
          surface([...idsOf(jobs as ReadonlyArray<JobHandle<unknown, unknown, unknown>>), done.id])
        )
      ),
    run: (task, payload, options) =>
      Effect.flatMap(enqueued(task, [payload], options), (handles) => result(handles[0]!)),
    runMany: (task, payloads, options) =>
      Effect.flatMap(enqueued(task, payloads, options), (handles) =>
        Effect.forEach(handles, (handle) => result(handle))
      ),
    retry: (id) =>
      Effect.suspend(() => {
        causes.delete(id)
        return queue.retry(id)
      }).pipe(
        Effect.tap(() => runReady),
        Effect.tap(() => surface([id]))
      )
  })
})

/**
 * The queue without a worker, new and empty each time it is built. An error or defect of a handler comes out of
 * `enqueue` as a defect, out of `run` as itself. No retries, whatever the task says: the first failure is the one a
 * test wants to see.
 */
export const layerInline = <E, R>(handlers: Layer.Layer<never, E, R | TaskRegistry>, options: TestQueueOptions = {}) =>
  handlers.pipe(
    // Handlers that enqueue take this queue too.
    Layer.provideMerge(Layer.effect(TaskQueue, make)),
    Layer.provideMerge(storeOf(options)),
    Layer.provide(settingsOf({ ...options, settings: { retry: RetryDelay.none, ...options.settings } }))
  )
