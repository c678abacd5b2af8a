/** What is asked of the queue: jobs, counts and the past. */
import { Clock, Effect, Option, Stream } from "effect"
import { GroupOrders } from "../GroupOrders.ts"
import { finishedStates, type JobId, type JobRecord, type JobState } from "../Job.ts"
import {
  checkFilter,
  checkPage,
  checkStates,
  type JobFilter,
  type JobSelection,
  type Page,
  type PageRequest
} from "../../Store/JobQuery.ts"
import { JobValues, withValues } from "../codec/JobValues.ts"
import { JobStore } from "../../Store/JobStore.ts"
import { RollUps } from "../../Store/RollUps.ts"
import { WorkerRegistry } from "../../Store/WorkerRegistry.ts"
import * as Bounds from "../policy/Bounds.ts"
import { checkRollUps, type RollUpQuery } from "../../Store/RollUp.ts"
import type { StoreError } from "../../Store/StoreError.ts"
import type { AnyTask } from "../Task.ts"
import { TaskRegistry } from "../TaskRegistry.ts"
import { type InvalidOption, type JobNotFound, jobNotFound } from "../TaskQueue.ts"
import { checked } from "./Checked.ts"
import { makeWatching } from "./Watching.ts"

/** Jobs of one page of a stream. */
const streamedAtOnce = 500

/** Log lines in one answer. */
const mostLines = 100_000

export type Queries = Effect.Success<typeof makeQueries>

export const makeQueries = Effect.gen(function* () {
  const store = yield* JobStore
  const registry = yield* WorkerRegistry
  const tasks = yield* TaskRegistry
  const rollUps = yield* RollUps
  const watching = yield* makeWatching
  const clock = yield* Clock.Clock
  const orders = yield* GroupOrders

  const { traits } = store

  /** As it rests in the store. */
  const record = (id: JobId): Effect.Effect<JobRecord, JobNotFound | StoreError> =>
    Bounds.isJobId(id)
      ? Effect.flatMap(store.get([id]), ([job]) =>
          job === undefined ? Effect.fail(jobNotFound(id)) : Effect.succeed(job)
        )
      : Effect.fail(jobNotFound(id))

  /** Shows records with their values as the caller wants them; those of a handle by the task that it is of. */
  const showing: Effect.Effect<(job: JobRecord, task?: AnyTask) => JobRecord> = Effect.map(JobValues, (values) =>
    values === "json"
      ? (job) => withValues(job, traits, undefined)
      : (job, task = tasks.get(job.task)?.task) => withValues(job, traits, task)
  )

  const get = (id: JobId, task?: AnyTask): Effect.Effect<JobRecord, JobNotFound | StoreError> =>
    Effect.zipWith(showing, record(id), (show, job) => show(job, task))

  const listed = (filter: JobFilter, request: PageRequest): Effect.Effect<Page, StoreError> =>
    Effect.zipWith(showing, store.list(filter, request), (show, { jobs, next }) => ({
      jobs: jobs.map((job) => show(job)),
      next
    }))

  /** Records of a job as it changes, until it has ended: as it is now, and after each change. */
  const records = (id: JobId): Stream.Stream<JobRecord, JobNotFound | StoreError> =>
    Stream.unwrap(
      Effect.map(watching(id), (changed) =>
        Stream.fromEffectRepeat(Effect.andThen(changed, record(id))).pipe(
          Stream.takeUntil((job) => finishedStates.includes(job.state))
        )
      )
    )

  const waitFor = (
    id: JobId,
    states: ReadonlyArray<JobState> = finishedStates
  ): Effect.Effect<JobRecord, JobNotFound | InvalidOption | StoreError> =>
    Effect.scoped(
      Effect.gen(function* () {
        yield* checked(() => checkStates("states", states))
        const changed = yield* watching(id)
        return yield* Effect.repeat(Effect.andThen(changed, record(id)), {
          until: (job) => states.includes(job.state) || finishedStates.includes(job.state)
        }).pipe(Effect.zipWith(showing, (job, show) => show(job)))
      })
    )

  const stats = Effect.gen(function* () {
    return {
      counters: yield* store.counters,
      groups: yield* store.groups,
      oldestPending: yield* store.oldestPending,
      paused: yield* store.paused,
      workers: yield* registry.all
    }
  })

  // Few processes ever explain: what it takes is loaded by the first who asks.
  const explaining = yield* Effect.cached(
    Effect.map(
      Effect.promise(() => import("./Explaining.ts")),
      ({ makeExplaining }) => makeExplaining({ store, orders, clock, record, stats })
    )
  )

  /** Those of `TaskQueue`. */
  const lookUps = {
    get: (id: JobId) => get(id),
    watch: (id: JobId): Stream.Stream<JobRecord, JobNotFound | StoreError> =>
      records(id).pipe(Stream.mapEffect((job) => Effect.map(showing, (show) => show(job)))),
    waitFor,
    list: (filter: JobSelection, page?: Partial<PageRequest>) =>
      Effect.flatMap(
        checked(() => [checkFilter(filter), checkPage(page)] as const),
        ([filter, request]) => listed(filter, request)
      ),
    stream: (filter: JobSelection, order?: PageRequest["order"]) =>
      Stream.unwrap(
        Effect.map(
          checked(() => [checkFilter(filter), checkPage({ limit: streamedAtOnce, ...(order && { order }) })] as const),
          ([filter, first]) =>
            Stream.paginate(first, (request) =>
              Effect.map(listed(filter, request), ({ jobs, next }) => [
                jobs,
                next === undefined ? Option.none() : Option.some({ ...request, cursor: next })
              ])
            )
        )
      ),
    count: (filter: JobSelection) =>
      Effect.flatMap(
        checked(() => checkFilter(filter)),
        store.count
      ),
    stats,
    logs: (id: JobId, options?: { readonly after?: number; readonly limit?: number }) =>
      Effect.flatMap(
        checked(() => ({
          id: Bounds.jobId("id", id),
          after: Bounds.whole("after", options?.after ?? 0, 0, Number.MAX_SAFE_INTEGER),
          limit: Bounds.whole("limit", options?.limit ?? 1000, 1, mostLines)
        })),
        ({ id, ...page }) => store.logs(id, page)
      ),
    rollUps: (query: RollUpQuery) =>
      Effect.flatMap(
        checked(() => checkRollUps(query)),
        rollUps.jobs
      ),
    resourceRollUps: (query: RollUpQuery) =>
      Effect.flatMap(
        checked(() => checkRollUps(query)),
        rollUps.resources
      ),
    status: store.status,
    usage: store.usage,
    explain: (id: JobId) => Effect.flatMap(explaining, ({ explain }) => explain(id)),
    place: (id: JobId) => Effect.flatMap(explaining, ({ place }) => place(id))
  }
  return { record, records, get, lookUps }
})
