/**
 * Handlers that await jobs of their own group. Each holds a slot meanwhile; when every slot of the group is held so,
 * none of the awaited jobs can start, and all of it stands still until a time limit ends it. That is said, once for a
 * group while it lasts.
 */
import { Effect } from "effect"
import type { AttemptOfFiber } from "../attempt/CurrentAttempt.ts"
import type { JobId } from "../Job.ts"
import type { JobStore } from "../../Store/JobStore.ts"
import type { StoreError } from "../../Store/StoreError.ts"

interface Wait {
  readonly holder: AttemptOfFiber
  readonly jobs: ReadonlyArray<JobId>
}

export class NestedWaits {
  private readonly waits = new Set<Wait>()
  /** Groups that stood still at the last look, and whether it was said. */
  private readonly still = new Map<string, boolean>()
  private readonly store: JobStore["Service"]

  constructor(store: JobStore["Service"]) {
    this.store = store
  }

  /** A handler begins to wait for the jobs; call what it answers at the end. */
  begin(holder: AttemptOfFiber, jobs: ReadonlyArray<JobId>): () => void {
    const wait = { holder, jobs }
    this.waits.add(wait)
    return () => void this.waits.delete(wait)
  }

  /**
   * Looks at the store while handlers wait. A group has to stand still in two looks: a job that is about to start has
   * its time.
   */
  readonly look: Effect.Effect<void, StoreError> = Effect.suspend(() => {
    if (this.waits.size === 0) {
      this.still.clear()
      return Effect.void
    }
    return Effect.gen({ self: this }, function* () {
      const standing = yield* this.standing
      for (const group of this.still.keys()) if (!standing.has(group)) this.still.delete(group)
      for (const [group, tasks] of standing) {
        if (this.still.get(group) === false) yield* Effect.logWarning(sentence(group, tasks))
        this.still.set(group, this.still.has(group))
      }
    })
  })

  /**
   * Groups whose every running job is a handler of this process that waits for a job of the same group to start; with
   * their tasks.
   */
  private get standing(): Effect.Effect<ReadonlyMap<string, ReadonlyArray<string>>, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const waits = [...this.waits]
      const first = yield* this.store.get(waits.map(({ jobs }) => jobs[0]!))
      const found = new Map(first.map((job) => [job.id, job]))
      const busy = new Map((yield* this.store.groups).map(({ busy, name }) => [name, busy]))
      const holders = new Map<string, Set<AttemptOfFiber>>()
      for (const { holder, jobs } of waits) {
        const job = found.get(jobs[0]!)
        if (job?.state !== "pending" || job.group !== holder.group) continue
        holders.set(holder.group, (holders.get(holder.group) ?? new Set()).add(holder))
      }
      return new Map(
        [...holders]
          .filter(([group, { size }]) => size >= (busy.get(group) ?? 0))
          .map(([group, waiting]) => [group, [...new Set([...waiting].map(({ task }) => task))]])
      )
    })
  }
}

const sentence = (group: string, tasks: ReadonlyArray<string>): string =>
  `Group ${JSON.stringify(group)} stands still: all its slots are held by handlers (${tasks.join(", ")}) that wait for jobs of the same group. ` +
  "Await from another group, let one job follow the other (after, a pipeline), or raise the group's limit"
