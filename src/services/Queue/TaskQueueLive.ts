/** The queue over a store: rows go to its turns, results come from the worker of this process or from the store. */
import { Effect, Layer } from "effect"
import { GroupOrders } from "./GroupOrders.ts"
import { JobStore } from "../Store/JobStore.ts"
import { WorkerRegistry } from "../Store/WorkerRegistry.ts"
import * as Bounds from "./policy/Bounds.ts"
import { checkOrder } from "./policy/Order.ts"
import { checkPriority, defaultPriority } from "./policy/Rank.ts"
import { makeResultWaiters } from "./queue/ResultWaiters.ts"
import { makeJobChanges } from "./queue/JobChanges.ts"
import { checked } from "./queue/Checked.ts"
import { makeEnqueuing, type OnStored } from "./queue/Enqueuing.ts"
import { makeHandles, outcomeOf } from "./queue/Handles.ts"
import { LocalSlots } from "./queue/LocalSlots.ts"
import { makeQueries } from "./queue/Queries.ts"
import * as ResourceGroup from "./ResourceGroup.ts"
import type { StoreError } from "../Store/StoreError.ts"
import { StoreTurns } from "../Store/StoreTurns.ts"
import type { Task } from "./Task.ts"
import {
  type BulkOptions,
  type EnqueueError,
  type EnqueueRequest,
  type JobFailed,
  type JobHandle,
  type JobNotFound,
  type JobSet,
  type RequestHandles,
  type SpreadOption,
  TaskQueue
} from "./TaskQueue.ts"

const submitNames: ReadonlySet<string> = new Set(["resourceGroup", "priority"])

const make = Effect.gen(function* () {
  const store = yield* JobStore
  const registry = yield* WorkerRegistry
  const turns = yield* StoreTurns
  const orders = yield* GroupOrders
  const enqueuing = yield* makeEnqueuing
  const resultWaiters = yield* makeResultWaiters
  const queries = yield* makeQueries
  const jobChanges = yield* makeJobChanges(queries)
  const handle = yield* makeHandles(resultWaiters, queries, jobChanges)
  const localSlots = new LocalSlots()

  const handlesOf =
    (requests: ReadonlyArray<EnqueueRequest>): OnStored<ReadonlyArray<JobHandle<any, any, any>>> =>
    (ids, notes, from) =>
      requests.map(({ task }, i) => handle(task, ids[from + i]!, outcomeOf(notes?.get(from + i))))

  /** Waiters are set as the jobs are acknowledged, before any of them starts: no result is missed, none looked up. */
  const runMany = <P, S, E, G>(
    task: Task<P, S, E, G>,
    payloads: ReadonlyArray<P>,
    options?: BulkOptions
  ): Effect.Effect<ReadonlyArray<S>, E | JobFailed | JobNotFound | EnqueueError | StoreError> =>
    enqueuing
      .many(
        task,
        payloads,
        options,
        (ids, notes, from) => resultWaiters.gather(task, ids.slice(from, from + payloads.length), notes !== undefined),
        true
      )
      .pipe(Effect.flatten)

  const setPaused = (group: string | undefined, paused: boolean) =>
    group === undefined
      ? store.setPaused(paused)
      : Effect.flatMap(
          checked(() => Bounds.name("group", group)),
          (name) => Effect.asVoid(store.setGroup(name, { paused }))
        )

  const { file, label, restsInHeap } = store.traits

  return TaskQueue.of({
    enqueue: (task, payload, options) =>
      enqueuing.one(task, payload, options, (ids, notes, from) =>
        handle(task, ids[from]!, outcomeOf(notes?.get(from)))
      ),
    enqueueMany: (task, payloads, options) =>
      enqueuing.many(task, payloads, options, (ids, notes, from) =>
        payloads.map((_, i) => handle(task, ids[from + i]!, outcomeOf(notes?.get(from + i))))
      ),
    enqueueAll: <const Requests extends ReadonlyArray<EnqueueRequest>>(
      requests: Requests,
      options: SpreadOption = {}
    ) =>
      enqueuing
        .all(requests, options, handlesOf(requests))
        .pipe(Effect.map((handles) => handles as RequestHandles<Requests>)),
    enqueueSet: <const Requests extends ReadonlyArray<EnqueueRequest>, S, E, G>({
      batchKey,
      jobs,
      onDone
    }: JobSet<Requests, S, E, G>) => {
      const requests = [
        ...jobs.map((job) => (batchKey === undefined ? job : { ...job, options: { batchKey, ...job.options } })),
        onDone
      ]
      return enqueuing
        .all(requests, {}, handlesOf(requests), (rows) => {
          const last = rows.at(-1)!
          const onParentFailure = onDone.options?.onParentFailure ?? "run"
          return [
            ...rows.slice(0, -1),
            { ...last, after: { jobs: last.after?.jobs ?? [], onParentFailure, siblings: true } }
          ]
        })
        .pipe(
          Effect.map((handles) => ({
            jobs: handles.slice(0, -1) as unknown as RequestHandles<Requests>,
            done: handles.at(-1) as JobHandle<S, E, G>
          }))
        )
    },
    run: (task, payload, options) => Effect.map(runMany(task, [payload], options), (results) => results[0]!),
    runMany,
    job: (task, id) => handle(task, id, "existing"),
    submit: (effect, options) =>
      Effect.gen(function* () {
        const { priority = defaultPriority, resourceGroup: name = ResourceGroup.computation.name } = options ?? {}
        yield* Effect.orDie(
          checked(() => {
            Bounds.fields("options", options ?? {}, submitNames)
            checkPriority(priority)
            Bounds.name("resourceGroup", name)
          })
        )
        const limit =
          ResourceGroup.defaults.find((group) => group.name === name)?.limit ?? ResourceGroup.undeclaredLimit
        return yield* localSlots.run(effect, name, limit, priority)
      }),

    store: { file, label, restsInHeap },
    ...queries.lookUps,
    ...jobChanges,

    pause: (group) => setPaused(group, true),
    resume: (group) => setPaused(group, false),
    setLimit: (group, limit) =>
      Effect.flatMap(
        checked(() => {
          if (limit !== null) Bounds.whole("limit", limit, 1, Number.MAX_SAFE_INTEGER)
          return Bounds.name("group", group)
        }),
        (group) => store.setGroup(group, { limit })
      ),
    addGroup: (group) =>
      Effect.gen(function* () {
        yield* checked(() => Bounds.name("group", group))
        if ((yield* store.groups).some(({ name }) => name === group)) return false
        yield* store.declareGroups([ResourceGroup.undeclared(group)])
        return true
      }),
    removeGroup: (group) =>
      Effect.gen(function* () {
        yield* checked(() => Bounds.name("group", group))
        const isRemoved = yield* store.removeGroup(group)
        if (isRemoved) yield* orders.set(group, undefined)
        return isRemoved
      }),
    setOrder: (group, choice) =>
      Effect.gen(function* () {
        yield* checked(() => {
          Bounds.name("group", group)
          if (choice !== null) checkOrder("order", choice)
        })
        yield* orders.set(group, choice ?? undefined)
        while ((yield* orders.rankWaiting(group)).more) yield* Effect.yieldNow
        turns.kick(true)
        return yield* orders.get(group)
      }),
    hold: store.hold,
    workers: registry.all,
    drainWorker: (session) => (Number.isSafeInteger(session) ? registry.drain(session) : Effect.succeed(false))
  })
})

/** The queue over the store, turns and outcomes it is given. Fails when the store does not answer. */
export const layer = Layer.effect(TaskQueue, make)
