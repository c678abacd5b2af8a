/**
 * A lane of its own for a process that runs only the commands it enqueued itself: a number whose task name no other
 * process serves and under which nothing waits. Lanes are numbered from 1 and used again, so their names stay few.
 *
 * Two processes that pick the same number at the same time find each other among the workers: the one with the smaller
 * session keeps it, the other moves on before it has enqueued anything. A worker that serves `shell` as well only
 * helps; it owns no lane.
 */
import { Clock, Effect, Exit, Scope } from "effect"
import { liveStates } from "../Job.ts"
import type { CounterRecord } from "../../Store/GroupRecord.ts"
import { WorkerRegistry } from "../../Store/WorkerRegistry.ts"
import { isWorkerThere, type WorkerRecord } from "../../Store/WorkerRecord.ts"
import type { StoreError } from "../../Store/StoreError.ts"
import { TaskQueue } from "../TaskQueue.ts"
import type { Worker } from "../Worker.ts"
import { laneOf, laneTask, type ShellTask, shellTaskName } from "./ShellTask.ts"

/** Jobs taken back from dead workers in one transaction. */
const sweepPage = 500

/** Workers that own a lane, also while they stand still: they serve it and nothing but lanes. */
const owners = (workers: ReadonlyArray<WorkerRecord>, now: number): ReadonlyArray<WorkerRecord> =>
  workers.filter((worker) => isWorkerThere(worker, now) && !worker.tasks.includes(shellTaskName))

/** The worker that owns the lane, if one does. */
export const ownerOf = (lane: number, workers: ReadonlyArray<WorkerRecord>, now: number): WorkerRecord | undefined =>
  owners(workers, now).find(({ tasks }) => tasks.some((task) => laneOf(task) === lane))

/** Lanes under which jobs wait or run. */
export const lanesInUse = (counters: ReadonlyArray<CounterRecord>): ReadonlySet<number> =>
  new Set(
    counters
      .filter(({ count, state }) => count > 0 && liveStates.includes(state))
      .map(({ task }) => laneOf(task))
      .filter((lane) => lane !== undefined)
  )

/** The first lane without an owner and without live jobs. */
export const freeLane = (
  counters: ReadonlyArray<CounterRecord>,
  workers: ReadonlyArray<WorkerRecord>,
  now: number
): number => {
  const taken = new Set(lanesInUse(counters))
  for (const { tasks } of owners(workers, now)) for (const task of tasks) taken.add(laneOf(task) ?? 0)
  let lane = 1
  while (taken.has(lane)) lane++
  return lane
}

export interface PrivateLane {
  readonly lane: number
  readonly task: ShellTask
  readonly worker: Worker["Service"]
}

/**
 * Takes a free lane until the scope closes. `serve` starts a worker without slots that serves the task; give it slots
 * when this has answered. With `resume`, that lane and no other; `undefined` when it has an owner already.
 */
export const acquire = <E, R>(
  serve: (task: ShellTask) => Effect.Effect<Worker["Service"], E, R | Scope.Scope>,
  options: { readonly resume?: number } = {}
): Effect.Effect<
  PrivateLane | undefined,
  E | StoreError,
  TaskQueue | WorkerRegistry | Exclude<R, Scope.Scope> | Scope.Scope
> =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    const registry = yield* WorkerRegistry
    const now = yield* Clock.currentTimeMillis
    // A lane of a process that was killed is free again, and its jobs are claimable, only once its session is swept
    // away.
    while ((yield* registry.sweep({ now, limit: sweepPage })).more);
    const before = yield* queue.stats
    if (options.resume !== undefined && ownerOf(options.resume, before.workers, now) !== undefined) return undefined
    const lane = options.resume ?? freeLane(before.counters, before.workers, now)
    const task = laneTask(lane)
    const scope = yield* Scope.fork(yield* Scope.Scope)
    const worker = yield* Scope.provide(serve(task), scope)
    const { session } = yield* worker.status
    const after = yield* queue.stats
    const owner = owners(after.workers, now).find(
      (other) => other.session < session && other.tasks.some((name) => laneOf(name) === lane)
    )
    const lost = owner !== undefined || (options.resume === undefined && lanesInUse(after.counters).has(lane))
    if (!lost) return { lane, task, worker }
    yield* Scope.close(scope, Exit.void)
    return options.resume === undefined ? yield* acquire(serve) : undefined
  })
