/** Moves the virtual clock until a job is where the test wants it. */
import { Duration, Effect, Schema } from "effect"
import {
  Job,
  type JobId,
  type JobNotFound,
  type JobRecord,
  type JobState,
  type StoreError,
  TaskQueue
} from "../services/Queue/index.ts"
import { sentence } from "./Drain.ts"
import { advanceUntil, type Look } from "./VirtualTime.ts"

export interface WaitForOptions {
  /** Virtual time it may take. Default 1 day. */
  readonly within?: Duration.Input
}

/** The job ended in another state, or did not get there within the time. The message says where it is and why. */
export class NotReached extends Schema.TaggedError<NotReached>()("NotReached", { message: Schema.String }) {}

/** The job's record once it is in the state (or one of them). */
export const waitFor = (
  job: JobId | { readonly id: JobId },
  state: JobState | ReadonlyArray<JobState>,
  options: WaitForOptions = {}
): Effect.Effect<JobRecord, NotReached | JobNotFound | StoreError, TaskQueue> =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    const id = typeof job === "number" ? job : job.id
    const states = typeof state === "string" ? [state] : state
    const within = Duration.fromInputUnsafe(options.within ?? "1 day")
    const isThere = (record: JobRecord) => states.includes(record.state)
    const look = Effect.map(
      queue.get(id),
      (record): Look<JobRecord> => ({
        ...(isThere(record) || Job.finishedStates.includes(record.state) ? { found: record } : {}),
        mark: `${record.state} ${record.attempt}`
      })
    )
    const found = yield* advanceUntil(look, Duration.toMillis(within))
    if (found !== undefined && isThere(found)) return found
    const { failure, task } = yield* queue.get(id)
    const reason = yield* queue.explain(id)
    return yield* new NotReached({
      message: `Not ${states.join(" or ")} ${found === undefined ? `after ${Duration.format(within)} of virtual time` : "and never will be"}: ${sentence(
        { id, task, reason }
      )}${failure === undefined ? "" : `, ${failure.cause}: ${failure.message}`}`
    })
  })
