/** From requests to rows in the store's next turn: every check before it, and what the store refused after it. */
import { Clock, Duration, Effect } from "effect"
import { type CheckedOptions, checkOptions, enqueueRow, putOff } from "../codec/EnqueueRow.ts"
import { Deferrals } from "../../Limits/Deferrals.ts"
import { GroupOrders } from "../GroupOrders.ts"
import { formatJobId, type JobId } from "../Job.ts"
import { JobStore } from "../../Store/JobStore.ts"
import { memoryShort } from "../../Memory/heap/MemoryShort.ts"
import { MemoryGate } from "../../Memory/MemoryGate.ts"
import { Placements } from "../Placements.ts"
import type { Rankings } from "../policy/Order.ts"
import * as Bounds from "../policy/Bounds.ts"
import * as Durations from "../policy/Durations.ts"
import { readable } from "../policy/RetentionOption.ts"
import { spreadOffset } from "../policy/Spreading.ts"
import { QueueEvents } from "../QueueEvents.ts"
import { checkedSettings } from "../QueueSettings.ts"
import * as ResourceGroup from "../ResourceGroup.ts"
import { StoreError } from "../../Store/StoreError.ts"
import { type EnqueueListener, StoreTurns } from "../../Store/StoreTurns.ts"
import type { AnyTask, Task } from "../Task.ts"
import { taskCodec } from "../codec/TaskCodec.ts"
import {
  type BulkOptions,
  DuplicateJob,
  EnqueueError,
  type EnqueueOptions,
  type EnqueueRequest,
  InvalidOption,
  ParentNotFound,
  QueueOverloaded,
  type SpreadOption
} from "../TaskQueue.ts"
import { sending } from "../attempt/Tracing.ts"
import type { EnqueueNote, NewJob } from "../../Store/Turn.ts"

/** Jobs one call may store whole: about a second of an SQLite commit. */
const maxBatch = 100_000

type Asking = Pick<EnqueueRequest, "task" | "options">

const isDeferrable = ({ options, task }: Asking): boolean => (options?.deferrable ?? task.isDeferrable) !== false

/** Makes a call's answer of the store's: its jobs are `ids[from]` and those after it, `notes` by the same indexes. */
export type OnStored<A> = (
  ids: ReadonlyArray<JobId>,
  notes: ReadonlyMap<number, EnqueueNote> | undefined,
  from: number
) => A

/** Whose bound a job met, for people. */
const named = (of: "store" | "group" | "key", { group, partitionKey }: NewJob): string =>
  of === "store"
    ? "the store"
    : of === "group"
      ? `group ${JSON.stringify(group)}`
      : `key ${Bounds.shown(partitionKey ?? "")} of group ${JSON.stringify(group)}`

const sentence = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1)

const refusal = (note: EnqueueNote, job: NewJob): EnqueueError | StoreError | undefined => {
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
          message: `${sentence(named(note.of, job))} holds ${note.limit} ${note.of === "store" ? "live jobs" : "jobs that wait"}, as many as it may; try again in ${note.retryAfterMs} ms`,
          of: note.of,
          limit: note.limit,
          retryAfterMs: note.retryAfterMs
        })
      })
    case "TooLarge":
      return new EnqueueError({
        reason: new InvalidOption({
          message: `slots is ${note.slots}, more than the ${note.limit} of ${named(note.of, job)}; ask for fewer, or raise that limit`
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

const checkBatch = (length: number) => {
  if (length > maxBatch)
    throw new Bounds.OutOfBounds(
      `${length} jobs in one call; at most ${maxBatch} are stored whole. Enqueue them in parts`
    )
}

const spreadNames: ReadonlySet<string> = new Set<keyof SpreadOption>(["spread"])

const spreadOf = (spread: SpreadOption["spread"]): number =>
  spread === undefined ? 0 : Durations.duration("spread", spread)

/** What each job is checked with, and what concerns all of them together. */
const apart = (
  bulk: BulkOptions | undefined
): { readonly options: EnqueueOptions | undefined; readonly spreadMs: number } => {
  if (bulk === undefined || !("spread" in bulk)) return { options: bulk, spreadMs: 0 }
  const { spread, ...options } = bulk
  return { options, spreadMs: spreadOf(spread) }
}

const groupFor = (task: AnyTask, name: string): ResourceGroup.ResourceGroup =>
  name === task.group.name ? task.group : ResourceGroup.undeclared(name)

export const makeEnqueuing = Effect.gen(function* () {
  const store = yield* JobStore
  const turns = yield* StoreTurns
  const events = yield* QueueEvents
  const settings = yield* checkedSettings
  const clock = yield* Clock.Clock
  const gate = yield* MemoryGate
  const orders = yield* GroupOrders
  const placements = yield* Placements
  const deferrals = yield* Deferrals
  const { traits } = store

  yield* store.declareGroups(ResourceGroup.withComputation(ResourceGroup.defaults, settings.computationLimit))
  const declared = new Set(ResourceGroup.defaults.map((group) => group.name))

  const declare = (group: ResourceGroup.ResourceGroup): Effect.Effect<void, StoreError> =>
    Effect.andThen(store.declareGroups([group]), orders.declare([group])).pipe(
      Effect.map(() => {
        declared.add(group.name)
      })
    )

  /** Hands rows to the next turn. `onStored` runs in the turn's answer, before any of the jobs is started. */
  const storeRows = <A>(
    jobs: ReadonlyArray<NewJob>,
    onStored: OnStored<A>
  ): Effect.Effect<A, EnqueueError | StoreError> => sending(jobs, (rows) => handOver(rows, onStored))

  const handOver = <A>(
    rows: ReadonlyArray<NewJob>,
    onStored: OnStored<A>
  ): Effect.Effect<A, EnqueueError | StoreError> =>
    Effect.callback<A, EnqueueError | StoreError>((resume) => {
      const answer: EnqueueListener["stored"] = (ids, notes, from, at) => {
        if (notes !== undefined) {
          for (let i = 0; i < rows.length; i++) {
            const note = notes.get(from + i)
            const error = note === undefined ? undefined : refusal(note, rows[i]!)
            if (error !== undefined) return resume(Effect.fail(error))
          }
        }
        if (events.active()) publishEnqueued(rows, ids, notes, from, at)
        resume(Effect.succeed(onStored(ids, notes, from)))
      }
      turns.enqueue(rows, {
        stored: (ids, notes, from, at) => {
          try {
            answer(ids, notes, from, at)
          } catch (defect) {
            resume(Effect.die(defect))
          }
        },
        refused: (error) => resume(Effect.fail(error))
      })
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

  /**
   * What the last jobs without options share with those of the same task in the same millisecond: most of them under
   * load.
   */
  let last:
    | { readonly task: AnyTask; readonly now: number; readonly rankings: Rankings; readonly checked: CheckedOptions }
    | undefined

  const checked = (
    task: AnyTask,
    options: EnqueueOptions | undefined,
    now = clock.currentTimeMillisUnsafe(),
    putOffMs = 0
  ): CheckedOptions => {
    if (task.group.order !== undefined && !declared.has(task.group.name)) orders.assume(task.group)
    const rankings = orders.rankings()
    const group = placements.groupOf(task)
    if (options !== undefined || putOffMs !== 0)
      return checkOptions(task, options, settings, rankings, now, group, putOffMs)
    if (last?.task === task && last.now === now && last.rankings === rankings && last.checked.group === group)
      return last.checked
    last = { task, now, rankings, checked: checkOptions(task, undefined, settings, rankings, now, group) }
    return last.checked
  }

  /** Options of each of so many jobs that are enqueued with the same ones. */
  const deferred = (task: AnyTask, shared: CheckedOptions, count: number): ((i: number) => CheckedOptions) => {
    const { deferrableTo: deadline, due: now, group } = shared
    if (deadline === undefined) return () => shared
    const dues = deferrals.place({ group, task: task.name, count, now, deadline })
    return (i) => (dues !== undefined && dues[i]! > now ? putOff(task, shared, orders.rankings(), dues[i]!) : shared)
  }

  /** Poll intervals are the net under wakes: two of them, and a minute for a process that stood still. */
  const resultStaysMs = Math.max(60_000, 2 * Duration.toMillis(settings.pollInterval))

  const readableResult = (options: CheckedOptions): CheckedOptions =>
    options.extra?.retention === undefined
      ? options
      : { ...options, extra: { ...options.extra, retention: readable(options.extra.retention, resultStaysMs) } }

  const row = (task: AnyTask, payload: unknown, options: CheckedOptions) =>
    enqueueRow(task, taskCodec(task, traits), payload, options, settings)

  /** Where tasks without a group belong, and what is expected of groups, is looked up before rows are built. */
  const reread = (requests: ReadonlyArray<Asking>): Effect.Effect<void> | undefined => {
    let isPlaced = false
    let deferrable: Array<Asking> | undefined
    for (const request of requests) {
      isPlaced ||= !request.task.isGroupDeclared
      if (!isDeferrable(request)) continue
      deferrable ??= []
      deferrable.push(request)
    }
    const placing = isPlaced ? placements.reread(clock.currentTimeMillisUnsafe()) : undefined
    if (deferrable === undefined) return placing
    const looking = Effect.suspend(() => {
      const groups = deferrable.map(({ options, task }) => options?.group ?? placements.groupOf(task))
      return deferrals.reread(new Set(groups), clock.currentTimeMillisUnsafe()) ?? Effect.void
    })
    return placing === undefined ? looking : Effect.andThen(placing, looking)
  }

  /**
   * Rows of so many jobs that are asked for like that, their groups made known to the store. Where memory is short
   * nothing is built.
   */
  const rowsOf = <A>(
    requests: ReadonlyArray<Asking>,
    jobs: number,
    build: () => A,
    groupsOf: (rows: A) => Iterable<ResourceGroup.ResourceGroup>
  ): Effect.Effect<A, EnqueueError | StoreError> =>
    Effect.suspend((): Effect.Effect<A, EnqueueError | StoreError> => {
      const short = gate.refusal(jobs)
      if (short !== undefined) return Effect.fail(memoryShort(short))
      const before = reread(requests)
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
      if (error instanceof EnqueueError) return Effect.fail(error)
      if (!(error instanceof Bounds.OutOfBounds)) return Effect.die(error)
      return Effect.fail(new EnqueueError({ reason: new InvalidOption({ message: error.message }) }))
    }
    let unknown: Effect.Effect<void, StoreError> | undefined
    for (const group of groupsOf(rows)) {
      if (!declared.has(group.name))
        unknown = unknown === undefined ? declare(group) : Effect.andThen(unknown, declare(group))
    }
    return unknown === undefined ? Effect.succeed(rows) : Effect.as(unknown, rows)
  }

  const many = <P, S, E, G, A>(
    task: Task<P, S, E, G>,
    payloads: ReadonlyArray<P>,
    bulk: BulkOptions | undefined,
    onStored: OnStored<A>,
    isAwaited = false
  ): Effect.Effect<A, EnqueueError | StoreError> =>
    rowsOf(
      [{ task, options: bulk }],
      payloads.length,
      () => {
        checkBatch(payloads.length)
        const { options, spreadMs } = apart(bulk)
        const now = clock.currentTimeMillisUnsafe()
        const of = (putOffMs: number) => {
          const each = checked(task, options, now, putOffMs)
          return isAwaited ? readableResult(each) : each
        }
        const shared = of(0)
        const optionsOf =
          spreadMs === 0
            ? deferred(task, shared, payloads.length)
            : (i: number) => of(spreadOffset(i, payloads.length, spreadMs))
        return payloads.map((payload, i) => row(task, payload, optionsOf(i)))
      },
      (rows) => (rows.length === 0 ? [] : [groupFor(task, rows[0]!.group)])
    ).pipe(
      Effect.flatMap((rows) =>
        rows.length === 0 ? Effect.sync(() => onStored([], undefined, 0)) : storeRows(rows, onStored)
      )
    )

  const one = <P, S, E, G, A>(
    task: Task<P, S, E, G>,
    payload: P,
    options: EnqueueOptions | undefined,
    onStored: OnStored<A>
  ): Effect.Effect<A, EnqueueError | StoreError> =>
    rowsOf(
      [{ task, options }],
      1,
      () => [row(task, payload, deferred(task, checked(task, options), 1)(0))],
      (rows) => [groupFor(task, rows[0]!.group)]
    ).pipe(Effect.flatMap((rows) => storeRows(rows, onStored)))

  const all = <A>(
    requests: ReadonlyArray<EnqueueRequest>,
    options: SpreadOption,
    onStored: OnStored<A>,
    arrange: (rows: ReadonlyArray<NewJob>) => ReadonlyArray<NewJob> = (rows) => rows
  ): Effect.Effect<A, EnqueueError | StoreError> =>
    rowsOf(
      requests,
      requests.length,
      () => {
        checkBatch(requests.length)
        Bounds.fields("options", options, spreadNames)
        const spreadMs = spreadOf(options.spread)
        const now = clock.currentTimeMillisUnsafe()
        return arrange(
          requests.map(({ options, payload, task }, i) =>
            row(
              task,
              payload,
              deferred(task, checked(task, options, now, spreadOffset(i, requests.length, spreadMs)), 1)(0)
            )
          )
        )
      },
      (rows) => rows.map(({ group }, i) => groupFor(requests[i]!.task, group))
    ).pipe(
      Effect.flatMap((rows) =>
        rows.length === 0 ? Effect.sync(() => onStored([], undefined, 0)) : storeRows(rows, onStored)
      )
    )

  return {
    one,
    /** Jobs of one task, whole or not at all. `isAwaited`: the caller waits for how they end, wherever they run. */
    many,
    /** Jobs of any tasks, whole or not at all. `arrange` may change the rows before they are stored. */
    all
  }
})
