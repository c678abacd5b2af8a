/** What the store says of the present: per group what waits, runs, and could run. */
import { Effect } from "effect"
import type { GroupPolicy } from "../../Limits/GroupPolicy.ts"
import type { Store } from "../../Store/Store.ts"
import { isWorkerAlive, type WorkerRecord } from "../../Store/WorkerRecord.ts"
import { unlimited } from "../../Queue/ResourceGroup.ts"
import type { StoreError } from "../../Store/StoreError.ts"

export interface GroupSituation {
  readonly group: string
  /** Undefined: without one. */
  readonly limit: number | undefined
  readonly paused: boolean
  /** With its hours. */
  readonly policy: GroupPolicy
  readonly pending: number
  readonly running: number
  /** How long the next pending job has waited, in milliseconds. */
  readonly oldestMs: number
  /** Slots of living workers that run its tasks, within the limit. */
  readonly slots: number
  readonly workers: number
}

export interface Situation {
  readonly now: number
  readonly groups: ReadonlyMap<string, GroupSituation>
}

/** Workers that claim. */
export const living = (workers: ReadonlyArray<WorkerRecord>, now: number): ReadonlyArray<WorkerRecord> =>
  workers.filter((worker) => !worker.draining && isWorkerAlive(worker, now))

/** Whether a worker has a handler for what comes in a group. While nobody knows what comes, every worker may. */
export const serves = (worker: WorkerRecord, tasks: ReadonlySet<string>): boolean =>
  tasks.size === 0 || worker.tasks.some((task) => tasks.has(task))

/** Five reads. `tasksOf`: what was seen in a group before. */
export const readSituation = (
  { jobs, workers: registry }: Store,
  now: number,
  tasksOf: (group: string) => ReadonlySet<string>
): Effect.Effect<Situation, StoreError> =>
  Effect.gen(function* () {
    const counters = yield* jobs.counters
    const oldest = yield* jobs.oldestPending
    const records = yield* jobs.groups
    const workers = living(yield* registry.all, now)

    const counted = new Map<string, { pending: number; running: number; tasks: Set<string> }>()
    const countOf = (group: string) => {
      let each = counted.get(group)
      if (each === undefined) {
        each = { pending: 0, running: 0, tasks: new Set(tasksOf(group)) }
        counted.set(group, each)
      }
      return each
    }
    for (const { count, group, state, task } of counters) {
      if (state !== "pending" && state !== "running") continue
      const each = countOf(group)
      each[state] += count
      each.tasks.add(task)
    }
    const groups = new Map<string, GroupSituation>()
    for (const { busy, limit, name, paused, policy } of records) {
      const { pending, tasks } = countOf(name)
      const able = workers.filter((worker) => serves(worker, tasks))
      const slots = able.reduce((sum, worker) => sum + (worker.slots[name] ?? 0), 0)
      groups.set(name, {
        group: name,
        limit: limit >= unlimited ? undefined : limit,
        paused,
        policy,
        pending,
        // Slots in use rather than jobs: a batch takes one.
        running: busy,
        oldestMs: pending === 0 ? 0 : Math.max(0, now - (oldest.get(name) ?? now)),
        slots: Math.min(limit, slots),
        workers: able.length
      })
    }
    return { now, groups }
  })
