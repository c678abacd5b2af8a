/** Runs all that can run, by moving the virtual clock. */
import { Clock, Duration, Effect, Schema } from "effect"
import { TestClock } from "effect/testing"
import { type Explain, Job, type JobId, type JobRecord, type StoreError, TaskQueue } from "../services/Queue/index.ts"
import { pollInterval } from "./TestQueue.ts"
import { advanceUntil, type Look } from "./VirtualTime.ts"

export interface DrainOptions {
  /** Virtual time it may take. Default 1 day: more than the retries of any default policy. */
  readonly within?: Duration.Input
}

/** A live job, and why it does not run. */
export interface IdleJob {
  readonly id: JobId
  readonly task: string
  readonly reason: Explain.Reason | HeldByLimit
}

/** Its key is full, or others of it come first, and nothing that runs or is due will change that. */
export interface HeldByLimit {
  readonly _tag: "HeldByLimit"
  readonly limit: Extract<Explain.Reason, { readonly _tag: "KeyFull" | "InLine" | "BreakerHalfOpen" }>
}

export interface Drained {
  /**
   * Live jobs that no passing of time starts: paused, without a handler, held by a limit that nothing frees, or waiting
   * for such a job. At most 1,000.
   */
  readonly idle: ReadonlyArray<IdleJob>
}

/** Jobs that could run had not ended within the time. The message names them with the reason each has. */
export class StillLive extends Schema.TaggedError<StillLive>()("StillLive", { message: Schema.String }) {}

const page = 1000
const named = 10

export const sentence = ({ id, reason, task }: IdleJob): string => {
  const { _tag, ...details } = reason
  return `${Job.formatJobId(id)} (${task}): ${_tag}${Object.keys(details).length === 0 ? "" : ` ${JSON.stringify(details)}`}`
}

/** When time alone ends the reason, in milliseconds since 1970. */
const endsAt = (reason: IdleJob["reason"]): number | undefined => {
  switch (reason._tag) {
    case "GroupClosed":
      return reason.opensAt
    case "HeldBack":
    case "BreakerOpen":
      return reason.until
    case "RateSpent":
      return reason.at
    default:
      return undefined
  }
}

/** Reasons that only an operator, another handler, another worker or the end of another job ends. */
const isIdle = (reason: IdleJob["reason"]): boolean => {
  switch (reason._tag) {
    case "QueuePaused":
    case "GroupPaused":
    case "NoWorker":
    case "NoWorkerForTask":
    case "NoSlotsForGroup":
    case "WaitingForJobs":
    case "HeldByKey":
    case "KeyPaused":
    case "HeldByLimit":
      return true
    default:
      return false
  }
}

const held = (reason: Explain.Reason): IdleJob["reason"] => {
  switch (reason._tag) {
    case "KeyFull":
    case "InLine":
    case "BreakerHalfOpen":
      return { _tag: "HeldByLimit", limit: reason }
    default:
      return reason
  }
}

const explained = (queue: TaskQueue["Service"], jobs: ReadonlyArray<JobRecord>) =>
  Effect.forEach(jobs, ({ id, task }) =>
    queue.explain(id).pipe(
      Effect.map((reason): IdleJob => ({ id, task, reason: held(reason) })),
      Effect.catchTag("JobNotFound", () => Effect.succeed(undefined))
    )
  ).pipe(
    Effect.map(
      (found) => found.filter((job) => job !== undefined && job.reason._tag !== "Finished") as ReadonlyArray<IdleJob>
    )
  )

const isTimed = (job: JobRecord) =>
  job.state === "scheduled" && (job.waitReason === "time" || job.waitReason === "retry")

const live = (queue: TaskQueue["Service"], limit: number) =>
  queue
    .list({ states: [...Job.liveStates] }, { limit, order: "oldest" })
    .pipe(Effect.catchTag("InvalidOption", Effect.die))

/** One look: done when nothing runs, nothing starts by time alone, and what else waits is idle. */
const look = (queue: TaskQueue["Service"]): Effect.Effect<Look<Drained>, StoreError> =>
  Effect.gen(function* () {
    const { counters } = yield* queue.stats
    const mark = JSON.stringify(counters)
    const counts = counters.filter(({ state }) => Job.liveStates.includes(state))
    if (counts.length === 0) return { found: { idle: [] }, mark }
    if (counts.some(({ state }) => state === "running")) return { mark }
    const { jobs, next } = yield* live(queue, page)
    const waiting = yield* explained(
      queue,
      jobs.filter(({ state, waitReason }) => state === "pending" || waitReason === "limit")
    )
    if (waiting.some(({ reason }) => !isIdle(reason) && endsAt(reason) === undefined)) return { mark }
    const due = [
      ...jobs.filter(isTimed).map((job) => job.due),
      ...waiting.flatMap(({ reason }) => endsAt(reason) ?? [])
    ]
    if (due.length > 0) return { mark, notBefore: next === undefined ? Math.min(...due) : undefined }
    return { found: { idle: yield* explained(queue, jobs) }, mark }
  })

/**
 * Lets everything run that can, as long as it takes by the virtual clock, delays and retries included, and 5 s more,
 * after which all who wait for a job have heard of its end. Answers the live jobs that cannot, with their reasons;
 * fails with `StillLive`, naming the jobs, when some could but are not done within the time.
 */
export const drain = (options: DrainOptions = {}): Effect.Effect<Drained, StillLive | StoreError, TaskQueue> =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    const within = Duration.fromInputUnsafe(options.within ?? "1 day")
    const until = (yield* Clock.currentTimeMillis) + Duration.toMillis(within)
    let rested: string | undefined
    for (;;) {
      const drained = yield* advanceUntil(look(queue), until - (yield* Clock.currentTimeMillis))
      if (drained === undefined) break
      // Who has heard may have enqueued more.
      const mark = JSON.stringify((yield* queue.stats).counters)
      if (mark === rested) return drained
      rested = mark
      yield* TestClock.adjust(pollInterval)
    }
    const { jobs, next } = yield* live(queue, named)
    const lines = (yield* explained(queue, jobs)).map(sentence)
    return yield* new StillLive({
      message: `After ${Duration.format(within)} of virtual time jobs are still live:\n${lines.join("\n")}${next === undefined ? "" : "\n…"}`
    })
  })
