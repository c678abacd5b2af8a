/**
 * Handlers that await other jobs. Each holds a slot meanwhile; when every slot of a group is held so, by handlers that
 * wait for jobs of that group, or every slot of the worker's total, none of the awaited jobs can start, and all of it
 * stands still until a time limit ends it. That is said, once while it lasts.
 */
import { Clock, Effect } from "effect"
import { hostname } from "node:os"
import type { AttemptOfFiber } from "../attempt/CurrentAttempt.ts"
import type { JobId } from "../Job.ts"
import { totalOf } from "../policy/Served.ts"
import type { JobStore } from "../../Store/JobStore.ts"
import type { StoreError } from "../../Store/StoreError.ts"
import type { WorkerRegistry } from "../../Store/WorkerRegistry.ts"
import { isWorkerAlive } from "../../Store/WorkerRecord.ts"

interface Wait {
  readonly holder: AttemptOfFiber
  readonly jobs: ReadonlyArray<JobId>
}

/** A handler, and the group of a job that it waits for to start. */
interface Held {
  readonly holder: AttemptOfFiber
  readonly waitsFor: string
}

export class NestedWaits {
  private readonly waits = new Set<Wait>()
  /** What stood still at the last look, and whether it was said. */
  private readonly still = new Map<string, boolean>()
  private readonly store: JobStore["Service"]
  private readonly registry: WorkerRegistry["Service"]

  constructor(store: JobStore["Service"], registry: WorkerRegistry["Service"]) {
    this.store = store
    this.registry = registry
  }

  /** A handler begins to wait for the jobs; call what it answers at the end. */
  begin(holder: AttemptOfFiber, jobs: ReadonlyArray<JobId>): () => void {
    const wait = { holder, jobs }
    this.waits.add(wait)
    return () => void this.waits.delete(wait)
  }

  /**
   * Looks at the store while handlers wait. Something has to stand still in two looks: a job that is about to start has
   * its time.
   */
  readonly look: Effect.Effect<void, StoreError> = Effect.suspend(() => {
    if (this.waits.size === 0) {
      this.still.clear()
      return Effect.void
    }
    return Effect.gen({ self: this }, function* () {
      const held = yield* this.held
      const standing = new Map([...(yield* this.groupsStanding(held)), ...(yield* this.workerStanding(held))])
      for (const what of this.still.keys()) if (!standing.has(what)) this.still.delete(what)
      for (const [what, sentence] of standing) {
        if (this.still.get(what) === false) yield* Effect.logWarning(sentence)
        this.still.set(what, this.still.has(what))
      }
    })
  })

  /** Handlers of this process that wait for a job to start. */
  private get held(): Effect.Effect<ReadonlyArray<Held>, StoreError> {
    const waits = [...this.waits]
    return Effect.map(this.store.get(waits.map(({ jobs }) => jobs[0]!)), (first) => {
      const found = new Map(first.map((job) => [job.id, job]))
      return waits.flatMap(({ holder, jobs }) => {
        const job = found.get(jobs[0]!)
        return job?.state === "pending" ? [{ holder, waitsFor: job.group }] : []
      })
    })
  }

  /** Groups whose every running job is such a handler, of a job of the same group. */
  private groupsStanding(held: ReadonlyArray<Held>): Effect.Effect<ReadonlyMap<string, string>, StoreError> {
    return Effect.map(this.store.groups, (groups) => {
      const busy = new Map(groups.map(({ busy, name }) => [name, busy]))
      const holders = Map.groupBy(
        held.filter(({ holder, waitsFor }) => holder.group === waitsFor),
        ({ waitsFor }) => waitsFor
      )
      return new Map(
        [...holders]
          .filter(([group, of]) => distinct(of).size >= (busy.get(group) ?? 0))
          .map(([group, of]) => [`group ${group}`, ofGroup(group, tasksOf(of))])
      )
    })
  }

  /** Whether such handlers hold all that the worker of this process fills of all groups together. */
  private workerStanding(held: ReadonlyArray<Held>): Effect.Effect<ReadonlyMap<string, string>, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const now = yield* Clock.currentTimeMillis
      const own = (yield* this.registry.all).filter(
        (worker) => worker.host === hostname() && worker.pid === process.pid && isWorkerAlive(worker, now)
      )
      const total = own.reduce((sum, worker) => sum + (totalOf(worker)?.slots ?? Number.POSITIVE_INFINITY), 0)
      return own.length > 0 && distinct(held).size >= total
        ? new Map([["worker", ofWorker(total, tasksOf(held))]])
        : new Map()
    })
  }
}

const distinct = (held: ReadonlyArray<Held>): ReadonlySet<AttemptOfFiber> => new Set(held.map(({ holder }) => holder))

const tasksOf = (held: ReadonlyArray<Held>): string => [...new Set(held.map(({ holder }) => holder.task))].join(", ")

const ofGroup = (group: string, tasks: string): string =>
  `Group ${JSON.stringify(group)} stands still: all its slots are held by handlers (${tasks}) that wait for jobs of the same group. ` +
  "Await from another group, let one job follow the other (after, a pipeline), or raise the group's limit"

const ofWorker = (total: number, tasks: string): string =>
  `The worker stands still: all ${total} slots that it fills of all groups together are held by handlers (${tasks}) that wait for jobs to start. ` +
  "Let one job follow the other (after, a pipeline), or raise the worker's totalSlots"
