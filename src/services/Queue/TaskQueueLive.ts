/** The queue over a store: rows go to its turns, results come from the worker of this process or from the store. */
import { Clock, Duration, Effect, Layer, Schedule, Stream } from "effect"
import { enqueueRow, encodePayload } from "./EnqueueRow.ts"
import { GroupOrders } from "./GroupOrders.ts"
import { finishedStates, formatJobId, type JobId, type JobRecord, type JobState } from "./Job.ts"
import type { EnqueueNote, NewJob } from "./Turn.ts"
import type { JobChange } from "./JobChange.ts"
import type { JobFilter, PageRequest } from "./JobQuery.ts"
import { JobStore } from "./JobStore.ts"
import { LocalSlots } from "./LocalSlots.ts"
import { MemoryGate } from "./MemoryGate.ts"
import { Placements } from "./Placements.ts"
import { explain } from "./policy/Explain.ts"
import { rankingOf } from "./policy/Order.ts"
import { placeOf, placesSeen } from "./policy/Place.ts"
import { defaultPriority, highestPriority, lowestPriority } from "./policy/Rank.ts"
import { QueueEvents } from "./QueueEvents.ts"
import { Settings } from "./QueueSettings.ts"
import { memoryShort } from "./memory/MemoryShort.ts"
import { makeAwaiting } from "./run/Awaiting.ts"
import * as ResourceGroup from "./ResourceGroup.ts"
import { StoreError } from "./StoreError.ts"
import { type EnqueueListener, StoreTurns } from "./StoreTurns.ts"
import type { AnyTask, Task } from "./Task.ts"
import { taskCodec } from "./TaskCodec.ts"
import {
  DuplicateJob,
  EnqueueError,
  type EnqueueOptions,
  type EnqueueOutcome,
  type EnqueueRequest,
  InvalidOption,
  type JobFailed,
  type JobHandle,
  JobNotFound,
  type JobSet,
  ParentNotFound,
  QueueOverloaded,
  type RequestHandles,
  TaskQueue,
  WrongState
} from "./TaskQueue.ts"
import { TaskRegistry } from "./TaskRegistry.ts"

/** Jobs one call may store whole: about a second of an SQLite commit. */
const maxBatch = 100_000
/** Jobs a bulk change touches in one transaction. */
const changePage = 500

const make = Effect.gen(function* () {
  const store = yield* JobStore
  const turns = yield* StoreTurns
  const registry = yield* TaskRegistry
  const events = yield* QueueEvents
  const settings = yield* Settings
  const clock = yield* Clock.Clock
  const form = store.traits.payloads
  const awaiting = yield* makeAwaiting
  const gate = yield* MemoryGate
  const orders = yield* GroupOrders
  const placements = yield* Placements
  const localSlots = new LocalSlots()

  yield* store.declareGroups(ResourceGroup.defaults)
  const declared = new Set(ResourceGroup.defaults.map((group) => group.name))

  const declare = (group: ResourceGroup.ResourceGroup): Effect.Effect<void, StoreError> =>
    Effect.andThen(store.declareGroups([group]), orders.declare([group])).pipe(
      Effect.map(() => {
        declared.add(group.name)
      })
    )

  // Enqueue ------------------------------------------------------------------------------------------------------------

  const refusal = (note: EnqueueNote): EnqueueError | StoreError | undefined => {
    switch (note._tag) {
      case "Duplicate":
        return new EnqueueError({
          reason: new DuplicateJob({
            message: `The unique key is taken by job ${formatJobId(note.existing)}`,
            existing: note.existing
          })
        })
      case "Overloaded":
        return new EnqueueError({
          reason: new QueueOverloaded({
            message: `The store holds ${note.limit} live jobs, as many as it may; try again in ${note.retryAfterMs} ms`,
            limit: note.limit,
            retryAfterMs: note.retryAfterMs
          })
        })
      case "ParentNotFound":
        return new EnqueueError({
          reason: new ParentNotFound({
            message: `Job ${formatJobId(note.parent)}, named in after, does not exist`,
            parent: note.parent
          })
        })
      case "NotStored":
        return new StoreError({ operation: "enqueue", reason: note.reason })
      default:
        return undefined
    }
  }

  const outcomeOf = (note: EnqueueNote | undefined): EnqueueOutcome =>
    note === undefined ? "created" : note._tag === "Replaced" ? "replaced" : "existing"

  /** Hands rows to the next turn. `onStored` runs in the turn's answer, before any of the jobs is started. */
  const storeRows = <A>(
    rows: ReadonlyArray<NewJob>,
    onStored: (ids: ReadonlyArray<JobId>, notes: ReadonlyMap<number, EnqueueNote> | undefined, from: number) => A
  ): Effect.Effect<A, EnqueueError | StoreError> =>
    Effect.callback<A, EnqueueError | StoreError>((resume) => {
      const listener: EnqueueListener = {
        stored: (ids, notes, from, at) => {
          if (notes !== undefined) {
            for (let i = 0; i < rows.length; i++) {
              const note = notes.get(from + i)
              const error = note === undefined ? undefined : refusal(note)
              if (error !== undefined) return resume(Effect.fail(error))
            }
          }
          if (events.active()) publishEnqueued(rows, ids, notes, from, at)
          resume(Effect.succeed(onStored(ids, notes, from)))
        },
        refused: (error) => resume(Effect.fail(error))
      }
      turns.enqueue(rows, listener)
    })

  const publishEnqueued = (
    rows: ReadonlyArray<NewJob>,
    ids: ReadonlyArray<JobId>,
    notes: ReadonlyMap<number, EnqueueNote> | undefined,
    from: number,
    at: number
  ) => {
    for (let i = 0; i < rows.length; i++) {
      if (notes?.has(from + i)) continue
      const { group, task } = rows[i]!
      events.publish({ _tag: "Enqueued", id: ids[from + i]!, task, group, at })
    }
  }

  const row = (
    task: AnyTask,
    payload: unknown,
    options: EnqueueOptions | undefined,
    now = clock.currentTimeMillisUnsafe()
  ) => {
    const group = placements.groupOf(task)
    if (task.group.order !== undefined && !declared.has(task.group.name)) orders.assume(task.group)
    return enqueueRow(task, taskCodec(task, form), payload, options, settings, orders.rankings(), now, group)
  }

  /** Where tasks without a group belong is looked up before their rows are built. */
  const reread = (tasks: ReadonlyArray<AnyTask>): Effect.Effect<void> | undefined => {
    for (const task of tasks) if (!task.isGroupDeclared) return placements.reread(clock.currentTimeMillisUnsafe())
    return undefined
  }

  /** Rows of so many valid requests of these tasks, their groups made known to the store. Where memory is short nothing is built. */
  const rowsOf = <A>(
    tasks: ReadonlyArray<AnyTask>,
    jobs: number,
    build: () => A,
    groupsOf: (rows: A) => Iterable<ResourceGroup.ResourceGroup>
  ): Effect.Effect<A, EnqueueError | StoreError> =>
    Effect.suspend((): Effect.Effect<A, EnqueueError | StoreError> => {
      const short = gate.refusal(jobs)
      if (short !== undefined) return Effect.fail(memoryShort(short))
      const before = reread(tasks)
      return before === undefined
        ? built(build, groupsOf)
        : Effect.andThen(
            before,
            Effect.suspend(() => built(build, groupsOf))
          )
    })

  const built = <A>(
    build: () => A,
    groupsOf: (rows: A) => Iterable<ResourceGroup.ResourceGroup>
  ): Effect.Effect<A, EnqueueError | StoreError> => {
    let rows: A
    try {
      rows = build()
    } catch (error) {
      return error instanceof EnqueueError ? Effect.fail(error) : Effect.die(error)
    }
    let unknown: Effect.Effect<void, StoreError> | undefined
    for (const group of groupsOf(rows)) {
      if (!declared.has(group.name))
        unknown = unknown === undefined ? declare(group) : Effect.andThen(unknown, declare(group))
    }
    return unknown === undefined ? Effect.succeed(rows) : Effect.as(unknown, rows)
  }

  const groupFor = (task: AnyTask, name: string): ResourceGroup.ResourceGroup =>
    name === task.group.name ? task.group : ResourceGroup.make(name, ResourceGroup.undeclaredLimit)

  const many = <P, S, E, G, A>(
    task: Task<P, S, E, G>,
    payloads: ReadonlyArray<P>,
    options: EnqueueOptions | undefined,
    onStored: (ids: ReadonlyArray<JobId>, notes: ReadonlyMap<number, EnqueueNote> | undefined, from: number) => A
  ): Effect.Effect<A, EnqueueError | StoreError> =>
    rowsOf(
      [task],
      payloads.length,
      () => {
        checkBatch(payloads.length)
        const now = clock.currentTimeMillisUnsafe()
        return payloads.map((payload) => row(task, payload, options, now))
      },
      (rows) => (rows.length === 0 ? [] : [groupFor(task, rows[0]!.group)])
    ).pipe(
      Effect.flatMap((rows) =>
        rows.length === 0 ? Effect.sync(() => onStored([], undefined, 0)) : storeRows(rows, onStored)
      )
    )

  const checkBatch = (length: number) => {
    if (length > maxBatch) {
      throw new EnqueueError({
        reason: new InvalidOption({
          message: `${length} jobs in one call; at most ${maxBatch} are stored whole. Enqueue them in parts`
        })
      })
    }
  }

  /** `arrange` may change the rows before they are stored. */
  const all = (
    requests: ReadonlyArray<EnqueueRequest>,
    arrange: (rows: ReadonlyArray<NewJob>) => ReadonlyArray<NewJob>
  ): Effect.Effect<ReadonlyArray<JobHandle<any, any, any>>, EnqueueError | StoreError> =>
    rowsOf(
      requests.map(({ task }) => task),
      requests.length,
      () => {
        checkBatch(requests.length)
        return arrange(requests.map(({ options, payload, task }) => row(task, payload, options)))
      },
      (rows) => rows.map(({ group }, i) => groupFor(requests[i]!.task, group))
    ).pipe(
      Effect.flatMap((rows) =>
        rows.length === 0
          ? Effect.succeed([])
          : storeRows(rows, (ids, notes, from) =>
              requests.map(({ task }, i) => handle(task, ids[from + i]!, outcomeOf(notes?.get(from + i))))
            )
      )
    )

  // Awaiting -----------------------------------------------------------------------------------------------------------

  const run = <P, S, E, G>(task: Task<P, S, E, G>, payload: P, options?: EnqueueOptions) =>
    runMany(task, [payload], options).pipe(Effect.map((results) => results[0]!))

  /** Waiters are set as the jobs are acknowledged, before any of them starts: no result is missed, none looked up. */
  const runMany = <P, S, E, G>(
    task: Task<P, S, E, G>,
    payloads: ReadonlyArray<P>,
    options?: EnqueueOptions
  ): Effect.Effect<ReadonlyArray<S>, E | JobFailed | JobNotFound | EnqueueError | StoreError> =>
    many(task, payloads, options, (ids, notes, from) =>
      awaiting.gather(task, ids.slice(from, from + payloads.length), notes !== undefined)
    ).pipe(Effect.flatten)

  // Looking ------------------------------------------------------------------------------------------------------------

  const get = (id: JobId) =>
    Effect.flatMap(store.get([id]), ([job]) =>
      job === undefined ? Effect.fail(new JobNotFound({ id })) : Effect.succeed(job)
    )

  /** A job as it changes: now, after each wake, and each poll interval, until it has ended. */
  const watchJob = (id: JobId): Stream.Stream<JobRecord, JobNotFound | StoreError> =>
    Stream.fromEffectSchedule(get(id), Schedule.spaced(Duration.min(settings.pollInterval, Duration.millis(200)))).pipe(
      Stream.takeUntil((job) => finishedStates.includes(job.state))
    )

  const waitFor = (
    id: JobId,
    states: ReadonlyArray<JobState> = finishedStates
  ): Effect.Effect<JobRecord, JobNotFound | StoreError> =>
    Effect.flatMap(get(id), (job) =>
      states.includes(job.state) || finishedStates.includes(job.state)
        ? Effect.succeed(job)
        : Effect.andThen(Effect.sleep(Duration.min(settings.pollInterval, Duration.millis(50))), waitFor(id, states))
    )

  const stats = Effect.gen(function* () {
    return {
      counters: yield* store.counters,
      groups: yield* store.groups,
      oldestPending: yield* store.oldestPending,
      paused: yield* store.paused,
      workers: yield* store.workers
    }
  })

  // Changing -----------------------------------------------------------------------------------------------------------

  const change = (
    id: JobId,
    what: JobChange,
    allowed: string
  ): Effect.Effect<void, JobNotFound | WrongState | StoreError> =>
    Effect.suspend(() => store.change({ ids: [id] }, what, { now: clock.currentTimeMillisUnsafe(), limit: 1 })).pipe(
      Effect.flatMap(({ changed, refused }) => {
        if (changed.length > 0) return Effect.sync(() => turns.kick(true))
        const state = refused[0]?.state
        return Effect.fail(
          state === undefined
            ? new JobNotFound({ id })
            : new WrongState({ id, state, message: `Job ${formatJobId(id)} is ${state}; only ${allowed}` })
        )
      })
    )

  const changeWhere = (filter: JobFilter, what: JobChange): Effect.Effect<number, StoreError> =>
    Effect.gen(function* () {
      let count = 0
      for (;;) {
        const { changed, more } = yield* store.change(filter, what, {
          now: clock.currentTimeMillisUnsafe(),
          limit: changePage
        })
        count += changed.length
        if (!more) break
      }
      turns.kick(true)
      return count
    })

  const cancelled = (reason: string | undefined): JobChange => ({
    _tag: "Cancel",
    reason: reason ?? "cancelled by an operator"
  })

  const cancel = (id: JobId, reason?: string) =>
    change(id, cancelled(reason), "waiting and running jobs can be cancelled")

  const edit = (fields: {
    readonly payload?: unknown
    readonly priority?: number
    readonly due?: number
    readonly deadline?: number
  }): JobChange => ({
    _tag: "Edit",
    rankings: orders.rankings(),
    ...fields
  })

  const revived = (): JobChange => ({ _tag: "Retry", rankings: orders.rankings() })

  const handle = <S, E, G>(task: Task<any, S, E, G>, id: JobId, outcome: EnqueueOutcome): JobHandle<S, E, G> =>
    new Handle(task, id, outcome)

  class Handle<S, E, G> implements JobHandle<S, E, G> {
    readonly id: JobId
    readonly outcome: EnqueueOutcome
    private readonly task: Task<any, S, E, G>
    constructor(task: Task<any, S, E, G>, id: JobId, outcome: EnqueueOutcome) {
      this.task = task
      this.id = id
      this.outcome = outcome
    }
    get await() {
      return awaiting.job(this.task, this.id)
    }
    get status() {
      return get(this.id)
    }
    get progress(): Stream.Stream<G, JobNotFound | StoreError> {
      const codec = taskCodec(this.task, form)
      return watchJob(this.id).pipe(
        Stream.map((job) => job.progress),
        Stream.changes,
        Stream.filter((progress) => progress !== undefined),
        Stream.map((progress) => codec.progress.decode(progress) as G)
      )
    }
    get logs() {
      return Effect.map(store.logs(this.id, { after: 0, limit: 1000 }), ({ lines }) => lines)
    }
    cancel(reason?: string) {
      return cancel(this.id, reason)
    }
  }

  return TaskQueue.of({
    enqueue: (task, payload, options) =>
      rowsOf(
        [task],
        1,
        () => [row(task, payload, options)],
        (rows) => [groupFor(task, rows[0]!.group)]
      ).pipe(
        Effect.flatMap((rows) =>
          storeRows(rows, (ids, notes, from) => handle(task, ids[from]!, outcomeOf(notes?.get(from))))
        )
      ),
    enqueueMany: (task, payloads, options) =>
      many(task, payloads, options, (ids, notes, from) =>
        payloads.map((_, i) => handle(task, ids[from + i]!, outcomeOf(notes?.get(from + i))))
      ),
    enqueueAll: <const Requests extends ReadonlyArray<EnqueueRequest>>(requests: Requests) =>
      all(requests, (rows) => rows).pipe(Effect.map((handles) => handles as RequestHandles<Requests>)),
    enqueueSet: <const Requests extends ReadonlyArray<EnqueueRequest>, S, E, G>({
      batchKey,
      jobs,
      onDone
    }: JobSet<Requests, S, E, G>) => {
      const keyed = jobs.map((job) =>
        batchKey === undefined ? job : { ...job, options: { batchKey, ...job.options } }
      )
      return all([...keyed, onDone], (rows) => {
        const last = rows.at(-1)!
        const onParentFailure = onDone.options?.onParentFailure ?? "run"
        return [
          ...rows.slice(0, -1),
          { ...last, after: { jobs: last.after?.jobs ?? [], onParentFailure, siblings: true } }
        ]
      }).pipe(
        Effect.map((handles) => ({
          jobs: handles.slice(0, -1) as unknown as RequestHandles<Requests>,
          done: handles.at(-1) as JobHandle<S, E, G>
        }))
      )
    },
    run,
    runMany,
    job: (task, id) => handle(task, id, "existing"),
    submit: (effect, options) =>
      Effect.gen(function* () {
        const name = options?.resourceGroup ?? ResourceGroup.computation.name
        const priority = options?.priority ?? defaultPriority
        if (!(priority >= highestPriority && priority <= lowestPriority))
          return yield* Effect.die(new RangeError(`Priority ${priority} is out of range; expected 1 to 10`))
        const limit =
          ResourceGroup.defaults.find((group) => group.name === name)?.limit ?? ResourceGroup.undeclaredLimit
        return yield* localSlots.run(effect, name, limit, priority)
      }),

    get,
    list: (filter, page) =>
      Effect.suspend(() => store.list(filter, { limit: 100, order: "newest", ...page } satisfies PageRequest)),
    count: (filter) => store.count(filter),
    stats,
    logs: (id, options) => store.logs(id, { after: options?.after ?? 0, limit: options?.limit ?? 1000 }),
    rollUps: (query) => store.rollUps(query),
    resourceRollUps: (query) => store.resourceRollUps(query),
    status: store.status,
    explain: (id) =>
      Effect.gen(function* () {
        const job = yield* get(id)
        const now = clock.currentTimeMillisUnsafe()
        const { counters, groups, paused, workers } = yield* stats
        return explain({
          job,
          now,
          queuePaused: paused,
          group: groups.find(({ name }) => name === job.group) ?? {
            name: job.group,
            limit: ResourceGroup.undeclaredLimit,
            declaredLimit: ResourceGroup.undeclaredLimit,
            operatorLimit: undefined,
            paused: false,
            busy: counters
              .filter(({ group, state }) => group === job.group && state === "running")
              .reduce((sum, { count }) => sum + count, 0)
          },
          workers: workers.filter(({ leaseUntil }) => leaseUntil > now)
        })
      }),
    place: (id) =>
      Effect.gen(function* () {
        const job = yield* get(id)
        if (job.state !== "pending") return undefined
        yield* orders.refresh
        const upNext = yield* store.upNext(job.group, placesSeen)
        return placeOf({
          job,
          deadline: job.extra?.deadline,
          ranking: rankingOf(orders.rankings(), job.group),
          upNext
        })
      }),
    waitFor,

    cancel,
    retry: (id) => Effect.suspend(() => change(id, revived(), "finished jobs can be retried")),
    remove: (id) => change(id, { _tag: "Remove" }, "waiting and finished jobs can be removed"),
    edit: (id, { deadline, due, payload, priority }) =>
      Effect.gen(function* () {
        let encoded: unknown
        if (payload !== undefined) {
          const job = yield* get(id)
          const task = registry.get(job.task)?.task
          encoded = yield* Effect.try({
            try: () =>
              task !== undefined
                ? encodePayload(task, taskCodec(task, form), payload, settings)
                : form === "text"
                  ? JSON.stringify(payload)
                  : payload,
            catch: (error) =>
              error instanceof EnqueueError
                ? error
                : new EnqueueError({ reason: new InvalidOption({ message: String(error) }) })
          })
        }
        if (
          priority !== undefined &&
          !(Number.isInteger(priority) && priority >= highestPriority && priority <= lowestPriority)
        ) {
          return yield* new EnqueueError({
            reason: new InvalidOption({
              message: `Priority ${priority} is out of range; expected ${highestPriority} (first) to ${lowestPriority}`
            })
          })
        }
        if (due !== undefined && !Number.isFinite(due)) {
          return yield* new EnqueueError({
            reason: new InvalidOption({ message: "due is not a time; expected milliseconds since 1970" })
          })
        }
        if (deadline !== undefined && !Number.isFinite(deadline)) {
          return yield* new EnqueueError({
            reason: new InvalidOption({ message: "deadline is not a time; expected milliseconds since 1970" })
          })
        }
        yield* change(
          id,
          edit({
            ...(payload === undefined ? {} : { payload: encoded }),
            ...(priority === undefined ? {} : { priority }),
            ...(due === undefined ? {} : { due }),
            ...(deadline === undefined ? {} : { deadline })
          }),
          "waiting jobs can be edited"
        )
      }),
    snooze: (id, delay) =>
      Effect.suspend(() =>
        change(
          id,
          edit({ due: clock.currentTimeMillisUnsafe() + Duration.toMillis(Duration.fromInputUnsafe(delay)) }),
          "waiting jobs can be snoozed"
        )
      ),
    reportProgress: (id, attempt, value) =>
      Effect.gen(function* () {
        const job = yield* get(id)
        if (job.state !== "running" || job.attempt !== attempt) {
          return yield* new WrongState({
            id,
            state: job.state,
            message: `Job ${formatJobId(id)} is ${job.state} (attempt ${job.attempt}); attempt ${attempt} does not run`
          })
        }
        // Not with this process's turns: it would be a note of the session of its worker, which may not be the job's.
        yield* store.turn({
          now: clock.currentTimeMillisUnsafe(),
          session: 0,
          settle: [],
          enqueue: [],
          batches: undefined,
          claim: [],
          progress: [{ id, attempt, value: form === "text" ? JSON.stringify(value) : value }],
          logs: []
        })
      }),
    cancelWhere: (filter, reason) =>
      changeWhere({ ...filter, states: filter.states ?? ["scheduled", "pending", "running"] }, cancelled(reason)),
    retryWhere: (filter) =>
      Effect.suspend(() => changeWhere({ ...filter, states: filter.states ?? ["failed", "cancelled"] }, revived())),
    removeWhere: (filter) =>
      changeWhere(
        { ...filter, states: filter.states ?? ["scheduled", "pending", "completed", "failed", "cancelled"] },
        { _tag: "Remove" }
      ),

    pause: (group) =>
      group === undefined ? store.setPaused(true) : Effect.asVoid(store.setGroup(group, { paused: true })),
    resume: (group) =>
      group === undefined ? store.setPaused(false) : Effect.asVoid(store.setGroup(group, { paused: false })),
    setLimit: (group, limit) => store.setGroup(group, { limit }),
    setOrder: (group, choice) =>
      Effect.gen(function* () {
        yield* orders.set(group, choice ?? undefined)
        while ((yield* orders.rankWaiting(group)).more) yield* Effect.yieldNow
        turns.kick(true)
        return yield* orders.get(group)
      }),
    workers: store.workers,
    drainWorker: (session) => store.drain(session)
  })
})

/** The queue over the store, turns and outcomes it is given. Fails when the store does not answer. */
export const layer = Layer.effect(TaskQueue, make)
