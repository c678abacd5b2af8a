/** A job in the hands of a program: what it may wait for, ask and change of it, with the types of its task. */
import { Effect, Stream } from "effect"
import type { JobId } from "../Job.ts"
import { JobStore, type KeptJob } from "../../Store/JobStore.ts"
import type { StoreError } from "../../Store/StoreError.ts"
import type { AnyTask, Task } from "../Task.ts"
import { taskCodec } from "../codec/TaskCodec.ts"
import type { EnqueueOutcome, JobHandle, JobNotFound } from "../TaskQueue.ts"
import type { EnqueueNote } from "../../Store/Turn.ts"
import type { ResultWaiters } from "./ResultWaiters.ts"
import type { JobChanges } from "./JobChanges.ts"
import type { Queries } from "./Queries.ts"

/** How an enqueue that was not refused met the jobs that were there. */
export const outcomeOf = (note: EnqueueNote | undefined): EnqueueOutcome =>
  note === undefined ? "created" : note._tag === "Replaced" ? "replaced" : "existing"

export const makeHandles = Effect.fnUntraced(function* (
  resultWaiters: ResultWaiters,
  queries: Queries,
  jobChanges: JobChanges
) {
  const store = yield* JobStore
  const { traits } = store

  class Handle<S, E, G> implements JobHandle<S, E, G> {
    readonly id: JobId
    readonly outcome: EnqueueOutcome
    private readonly task: Task<any, S, E, G>
    private readonly kept: KeptJob | undefined
    constructor(task: Task<any, S, E, G>, id: JobId, outcome: EnqueueOutcome) {
      this.task = task
      this.id = id
      this.outcome = outcome
      this.kept = store.keep?.(id)
    }
    get await() {
      return resultWaiters.job(this.task, this.id, this.kept)
    }
    get status() {
      return queries.get(this.id, this.task as unknown as AnyTask)
    }
    get progress(): Stream.Stream<G, JobNotFound | StoreError> {
      const codec = taskCodec(this.task, traits)
      return queries.records(this.id).pipe(
        Stream.map((job) => job.progress),
        Stream.changes,
        Stream.filter((progress) => progress !== undefined),
        Stream.map((progress) => codec.progress.decode(progress) as G)
      )
    }
    get logs() {
      return Effect.map(queries.lookUps.logs(this.id), ({ lines }) => lines)
    }
    cancel(reason?: string) {
      return jobChanges.cancel(this.id, reason)
    }
  }

  return <S, E, G>(task: Task<any, S, E, G>, id: JobId, outcome: EnqueueOutcome): JobHandle<S, E, G> =>
    new Handle(task, id, outcome)
})
