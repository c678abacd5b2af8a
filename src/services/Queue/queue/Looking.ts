/** What is asked of the queue: jobs, counts, the past, and why a job has not started. */
import { Clock, Effect, Option, Stream } from "effect"
import { GroupOrders } from "../GroupOrders.ts"
import { finishedStates, type JobId, type JobRecord, type JobState } from "../Job.ts"
import {
  checkFilter,
  checkPage,
  checkStates,
  type JobFilter,
  type JobSelection,
  type PageRequest
} from "../../Store/JobQuery.ts"
import { JobStore } from "../../Store/JobStore.ts"
import { RollUps } from "../../Store/RollUps.ts"
import { WorkerRegistry } from "../../Store/WorkerRegistry.ts"
import * as Bounds from "../policy/Bounds.ts"
import { batchRule, explain } from "../policy/Explain.ts"
import { rankingOf } from "../policy/Order.ts"
import { placeOf, placesSeen } from "../policy/Place.ts"
import * as ResourceGroup from "../ResourceGroup.ts"
import { checkRollUps, type RollUpQuery } from "../../Store/RollUp.ts"
import type { StoreError } from "../../Store/StoreError.ts"
import { type InvalidOption, type JobNotFound, jobNotFound } from "../TaskQueue.ts"
import { isWorkerAlive, type WorkerRecord } from "../../Store/WorkerRecord.ts"
import { checked } from "./Checked.ts"
import { makeWatching } from "./Watching.ts"

/** Jobs of one page of a stream. */
const streamedAtOnce = 500

/** Log lines in one answer. */
const mostLines = 100_000

export type Looking = Effect.Success<typeof makeLooking>

export const makeLooking = Effect.gen(function* () {
  const store = yield* JobStore
  const registry = yield* WorkerRegistry
  const rollUps = yield* RollUps
  const watching = yield* makeWatching
  const clock = yield* Clock.Clock
  const orders = yield* GroupOrders

  const get = (id: JobId): Effect.Effect<JobRecord, JobNotFound | StoreError> =>
    Bounds.isJobId(id)
      ? Effect.flatMap(store.get([id]), ([job]) =>
          job === undefined ? Effect.fail(jobNotFound(id)) : Effect.succeed(job)
        )
      : Effect.fail(jobNotFound(id))

  /**
   * When the pending jobs that would share the job's batch became due, as far as workers have told how they collect.
   */
  const batchOf = (job: JobRecord, workers: ReadonlyArray<WorkerRecord>) =>
    Effect.gen(function* () {
      const rule = job.state === "pending" ? batchRule(job.task, workers) : undefined
      if (rule === undefined) return undefined
      const { partitionKey } = job
      const filter: JobFilter = {
        tasks: [job.task],
        groups: [job.group],
        states: ["pending"],
        ...(rule.keyed && partitionKey !== undefined && { partitionKey })
      }
      const { jobs } = yield* store.list(filter, { limit: Math.min(1000, rule.size), order: "oldest" })
      const alike = jobs.filter((other) => !rule.keyed || other.partitionKey === partitionKey)
      return { rule, dues: alike.map(({ due }) => due) }
    })

  /** A job as it changes, until it has ended: as it is now, and after each change. */
  const watch = (id: JobId): Stream.Stream<JobRecord, JobNotFound | StoreError> =>
    Stream.unwrap(
      Effect.map(watching(id), (changed) =>
        Stream.fromEffectRepeat(Effect.andThen(changed, get(id))).pipe(
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
        return yield* Effect.repeat(Effect.andThen(changed, get(id)), {
          until: (job) => states.includes(job.state) || finishedStates.includes(job.state)
        })
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

  return {
    get,
    watch,
    waitFor,
    list: (filter: JobSelection, page?: Partial<PageRequest>) =>
      Effect.flatMap(
        checked(() => [checkFilter(filter), checkPage(page)] as const),
        ([filter, page]) => store.list(filter, page)
      ),
    stream: (filter: JobSelection, order?: PageRequest["order"]) =>
      Stream.unwrap(
        Effect.map(
          checked(() => [checkFilter(filter), checkPage({ limit: streamedAtOnce, ...(order && { order }) })] as const),
          ([filter, first]) =>
            Stream.paginate(first, (page) =>
              Effect.map(store.list(filter, page), ({ jobs, next }) => [
                jobs,
                next === undefined ? Option.none() : Option.some({ ...page, cursor: next })
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
    explain: (id: JobId) =>
      Effect.gen(function* () {
        const job = yield* get(id)
        const now = clock.currentTimeMillisUnsafe()
        const { counters, groups, paused, workers } = yield* stats
        const alive = workers.filter((worker) => isWorkerAlive(worker, now))
        return explain({
          job,
          now,
          batch: yield* batchOf(job, alive),
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
          workers: alive
        })
      }),
    place: (id: JobId) =>
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
      })
  }
})
