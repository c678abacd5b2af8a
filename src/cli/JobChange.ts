/** Changes to one or many jobs, by id or by filter: `job cancel`, `retry`, `rm`, and the same under `dlq`. */
import * as Effect from "effect/Effect"
import {
  type EnqueueError,
  type InvalidOption,
  Job,
  type JobFilter,
  type JobId,
  type JobNotFound,
  type JobState,
  type StoreError,
  TaskQueue,
  type WrongState
} from "../services/Queue/index.ts"
import { confirm } from "./Confirm.ts"
import { type Description, describe, fail, passOn } from "./Failure.ts"
import { output } from "./Output.ts"
import * as HumanNumber from "./terminal/HumanNumber.ts"

export interface JobChange {
  /** As in "cancel 12 jobs". */
  readonly verb: string
  /** As in "cancelled 01jd…". */
  readonly done: string
  readonly one: (id: JobId) => Effect.Effect<void, JobNotFound | WrongState | EnqueueError | StoreError, TaskQueue>
  readonly all: (filter: JobFilter) => Effect.Effect<number, InvalidOption | StoreError, TaskQueue>
  /** Whether a bulk change asks first. */
  readonly asks: boolean
  /** The states it is meant for, unless the filter says. */
  readonly states?: ReadonlyArray<JobState>
}

const jobs = (count: number, exact = true): string =>
  `${exact ? "" : "at least "}${HumanNumber.count(count)} ${count === 1 ? "job" : "jobs"}`

/** Each by its id; goes on after one that is refused and ends with the first refusal's code. */
const changeNamed = (change: JobChange, ids: ReadonlyArray<JobId>) =>
  Effect.gen(function* () {
    const out = yield* output
    let refusal: Description | undefined
    for (const id of ids) {
      const text = Job.formatJobId(id)
      const result = yield* Effect.result(change.one(id))
      if (result._tag === "Success") yield* out.line(out.quiet ? text : `${change.done} ${text}`)
      else {
        const refused = describe(result.failure)
        yield* out.stderr.write(`sluice: ${text}: ${refused.line}\n`)
        refusal ??= refused
      }
    }
    if (refusal !== undefined) return yield* passOn(refusal.exitCode)
  })

export const changeJobs = (
  change: JobChange,
  options: {
    readonly ids: ReadonlyArray<JobId>
    readonly filter: JobFilter
    /** Whether any filter was given; without one and without ids nothing is meant. */
    readonly filtered: boolean
    readonly yes: boolean
    readonly dryRun: boolean
    /** A filter as somebody would give it. */
    readonly example?: string
  }
) =>
  Effect.gen(function* () {
    const out = yield* output
    const queue = yield* TaskQueue
    if (options.ids.length > 0 && options.filtered)
      return yield* fail("usage", "name jobs by id or by filter, not both")
    if (options.ids.length === 0 && !options.filtered) {
      return yield* fail(
        "usage",
        `say which jobs to ${change.verb}: their ids, or ${options.example ?? "a filter like --state failed"}`
      )
    }
    if (options.ids.length > 0) {
      if (!options.dryRun) return yield* changeNamed(change, options.ids)
      return yield* out.lines(options.ids.map((id) => `would ${change.verb} ${Job.formatJobId(id)}`))
    }
    const { count, exact } = yield* queue.count({
      ...(change.states === undefined ? {} : { states: change.states }),
      ...options.filter
    })
    if (count === 0) return yield* out.note("no job matches")
    if (options.dryRun) return yield* out.line(`would ${change.verb} ${jobs(count, exact)}`)
    if (change.asks) yield* confirm(`${change.verb} ${jobs(count, exact)}`, options.yes)
    const changed = yield* change.all(options.filter)
    yield* out.line(out.quiet ? String(changed) : `${change.done} ${jobs(changed)}`)
  })

const live = { states: Job.liveStates }

export const cancel = (reason: string | undefined): JobChange => ({
  verb: "cancel",
  done: "cancelled",
  asks: true,
  one: (id) => TaskQueue.use((queue) => queue.cancel(id, reason)),
  all: (filter) => TaskQueue.use((queue) => queue.cancelWhere({ ...live, ...filter }, reason))
})

export const waitingStates: ReadonlyArray<JobState> = ["scheduled", "pending"]

/** Into another group. */
export const move = (group: string): JobChange => ({
  verb: "move",
  done: "moved",
  asks: false,
  one: (id) => TaskQueue.use((queue) => queue.edit(id, { group })),
  all: (filter) => TaskQueue.use((queue) => queue.moveWhere(filter, group)),
  states: waitingStates
})

export const retry: JobChange = {
  verb: "retry",
  done: "queued again",
  asks: false,
  one: (id) => TaskQueue.use((queue) => queue.retry(id)),
  all: (filter) => TaskQueue.use((queue) => queue.retryWhere(filter))
}

export const remove: JobChange = {
  verb: "remove",
  done: "removed",
  asks: true,
  one: (id) => TaskQueue.use((queue) => queue.remove(id)),
  all: (filter) => TaskQueue.use((queue) => queue.removeWhere(filter))
}
