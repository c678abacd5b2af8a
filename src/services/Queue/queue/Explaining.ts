/** Why a job has not started, and where it stands in the order of its group. */
import { type Clock, Effect } from "effect"
import { noPolicy } from "../../Limits/GroupPolicy.ts"
import type { JobFilter } from "../../Store/JobQuery.ts"
import type { JobStore } from "../../Store/JobStore.ts"
import type { StoreError } from "../../Store/StoreError.ts"
import { isWorkerAlive, type WorkerRecord } from "../../Store/WorkerRecord.ts"
import type { GroupOrders } from "../GroupOrders.ts"
import type { JobId, JobRecord, JobState } from "../Job.ts"
import { batchRule, explain as reasonOf } from "../policy/Explain.ts"
import { rankingOf } from "../policy/Order.ts"
import { placeOf, placesSeen } from "../policy/Place.ts"
import { able, totalOf } from "../policy/Served.ts"
import * as ResourceGroup from "../ResourceGroup.ts"
import type { JobNotFound, QueueStats } from "../TaskQueue.ts"

/** Of jobs that may wait for a slot. */
const startingStates: ReadonlyArray<JobState> = ["pending", "scheduled"]

export const makeExplaining = ({
  clock,
  orders,
  record,
  stats,
  store
}: {
  readonly store: JobStore["Service"]
  readonly orders: GroupOrders["Service"]
  readonly clock: Clock.Clock
  readonly record: (id: JobId) => Effect.Effect<JobRecord, JobNotFound | StoreError>
  readonly stats: Effect.Effect<QueueStats, StoreError>
}) => {
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

  /**
   * Slots in use by session, as the store has them now: what workers say of themselves is as old as their last beat.
   * Not of workers that take batches, whose jobs are more than their slots.
   */
  const inUseBy = (workers: ReadonlyArray<WorkerRecord>) =>
    Effect.map(
      Effect.forEach(
        workers.filter((worker) => totalOf(worker) !== undefined && worker.load?.collects === undefined),
        ({ session }) => Effect.map(store.count({ session }), ({ count }) => [session, count] as const)
      ),
      (counts) => new Map(counts)
    )

  const explain = (id: JobId) =>
    Effect.gen(function* () {
      const job = yield* record(id)
      const now = clock.currentTimeMillisUnsafe()
      const { counters, groups, paused, workers } = yield* stats
      const alive = workers.filter((worker) => isWorkerAlive(worker, now))
      const { group, partitionKey = "" } = job
      const [key] = job.state === "scheduled" ? yield* store.limitKeys({ group, keys: [partitionKey] }, 1) : []
      return reasonOf({
        job,
        key,
        now,
        batch: yield* batchOf(job, alive),
        inUse: yield* inUseBy(startingStates.includes(job.state) ? able(job.task, alive) : []),
        queuePaused: paused,
        group: groups.find(({ name }) => name === job.group) ?? {
          name: job.group,
          limit: ResourceGroup.undeclaredLimit,
          declaredLimit: ResourceGroup.undeclaredLimit,
          operatorLimit: undefined,
          paused: false,
          policy: noPolicy,
          declaredPolicy: noPolicy,
          operatorPolicy: undefined,
          heldBackUntil: 0,
          tat: 0,
          feedback: undefined,
          busy: counters
            .filter(({ group, state }) => group === job.group && state === "running")
            .reduce((sum, { count }) => sum + count, 0)
        },
        workers: alive
      })
    })

  const place = (id: JobId) =>
    Effect.gen(function* () {
      const job = yield* record(id)
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

  return { explain, place }
}
