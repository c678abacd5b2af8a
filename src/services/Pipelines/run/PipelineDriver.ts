/**
 * What a job that drives a run (or one item of it) does each time it is woken: finds out from the store how far the run
 * has come, and ends, waits on, or brings the next jobs. It keeps no state of its own: the jobs of the steps, stored in
 * one transaction with its going back to wait, are the state. So a crash at any point is followed by the same decision.
 *
 * The jobs of a step are found by a tag, `<driving job>:<step>`; ids grow in the order of the items, so the order of
 * ids is theirs.
 */
import { Effect } from "effect"
import { checkOptions, enqueueRow } from "../../Queue/codec/EnqueueRow.ts"
import { formatJobId, type JobId, type JobRecord, liveStates } from "../../Queue/Job.ts"
import type { FollowUp, NewJob } from "../../Store/Turn.ts"
import type { JobStore } from "../../Store/JobStore.ts"
import { indexHeader, runHeader, StageFailed, stageHeader, type StagePlan, type StepPlan } from "../Pipeline.ts"
import type { Rankings } from "../../Queue/policy/Order.ts"
import type { QueueSettings } from "../../Queue/QueueSettings.ts"
import type { StoreError } from "../../Store/StoreError.ts"
import type { AnyTask, JobContext } from "../../Queue/Task.ts"
import { taskCodec } from "../../Queue/codec/TaskCodec.ts"
import { Suspended } from "../../Queue/attempt/Suspended.ts"

/** Jobs read or cancelled in one call of the store. */
const page = 500
/** Live jobs of a step that are looked at, the oldest: what a page may hold. */
const liveMost = 1000

/** What one wake of a driving job works with. */
export interface Drive {
  readonly store: JobStore["Service"]
  readonly settings: QueueSettings
  readonly rankings: Rankings
  readonly job: JobContext<unknown, unknown>
  /** Milliseconds since 1970. */
  readonly now: number
  /** The run: this job, or the one that brought it. */
  readonly run: JobId
  /** Of the names of its stages: empty, or `2.` for an item of stage 2. */
  readonly prefix: string
  readonly steps: ReadonlyArray<StepPlan>
  readonly input: unknown
  /** Where jobs of a stage go that name no group. */
  readonly groupOf: (task: AnyTask) => string
}

type Many = Extract<StepPlan, { readonly _tag: "Many" }>

/** Finds the jobs of one stage: of a driving job, or of a whole run. */
export const stageTag = (job: JobId, stage: number | string): string => `${formatJobId(job)}:${stage}`

const suspend = (followUp: FollowUp): Effect.Effect<never, Suspended> => Effect.fail(new Suspended(followUp))

const indexOf = (job: JobRecord): number => Number(job.extra?.headers?.[indexHeader])

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/**
 * Goes on from where the run is. Succeeds with the run's result; fails with `Suspended` to wait, or with why the run is
 * given up.
 */
export const drive = ({
  groupOf,
  input,
  job,
  now,
  prefix,
  rankings,
  run,
  settings,
  steps,
  store
}: Drive): Effect.Effect<unknown, unknown> => {
  const { traits } = store
  const tagOf = (step: number) => stageTag(job.id, step + 1)
  const stageOf = (step: number) => `${prefix}${step + 1}`
  const taskOf = (plan: StepPlan): AnyTask =>
    plan._tag === "One" ? plan.stage.task : (plan.itemTask ?? plan.stages[0]!.task)

  const failed = (step: number, cause: StageFailed["cause"], message: string, id: JobId | 0 = 0) =>
    new StageFailed({ stage: stageOf(step), task: taskOf(steps[step]!).name, job: id, cause, message })

  const newestOf = (step: number): Effect.Effect<JobRecord | undefined, StoreError> =>
    Effect.map(store.list({ tag: tagOf(step) }, { limit: 1, order: "newest" }), ({ jobs }) => jobs[0])

  /** What the program's own functions answer. */
  const asked = <A>(step: number, body: () => A): Effect.Effect<A, StageFailed> =>
    Effect.try({
      try: body,
      catch: (cause) => failed(step, "Defect", `What it starts with could not be made: ${messageOf(cause)}`)
    })

  // Bringing jobs -----------------------------------------------------------------------------------------------------

  /** Rows of a step's jobs; they belong to the tenant and owner of the run. */
  const rows = (step: number, stage: StagePlan, payloads: ReadonlyArray<unknown>, first: number | undefined) =>
    Effect.flatMap(store.get([job.id]), ([self]) =>
      Effect.try({
        try: () =>
          payloads.map((payload, i) => row(step, stage, payload, first === undefined ? undefined : first + i, self)),
        catch: (cause) => failed(step, "BadResult", messageOf(cause))
      })
    )

  const row = (
    step: number,
    stage: StagePlan,
    payload: unknown,
    index: number | undefined,
    self: JobRecord | undefined
  ): NewJob => {
    const options = checkOptions(
      stage.task,
      {
        ...stage.options,
        ...(self?.partitionKey === undefined ? {} : { partitionKey: self.partitionKey }),
        ...(self?.extra?.owner === undefined ? {} : { owner: self.extra.owner }),
        ...(self?.extra?.team === undefined ? {} : { team: self.extra.team }),
        batchKey: formatJobId(run),
        tags: [tagOf(step), stageTag(run, stageOf(step))]
      },
      settings,
      rankings,
      now,
      groupOf(stage.task)
    )
    const stored = enqueueRow(stage.task, taskCodec(stage.task, traits), payload, options, settings)
    // Beside those the run came with, which were measured then.
    const headers = {
      ...job.headers,
      [runHeader]: formatJobId(run),
      [stageHeader]: stageOf(step),
      ...(index === undefined ? {} : { [indexHeader]: String(index) })
    }
    return { ...stored, unique: undefined, extra: { ...stored.extra, headers, holder: run } }
  }

  const report = (step: number, fed: number, total: number) =>
    job.progress({ stage: step + 1, stages: steps.length, task: taskOf(steps[step]!).name, fed, total })

  /** Starts a step with what comes before it; beyond the last one that is the result. */
  const begin = (step: number, value: unknown): Effect.Effect<unknown, unknown> => {
    const plan = steps[step]
    if (plan === undefined) return Effect.succeed(value)
    if (plan._tag === "Many") {
      return Effect.flatMap(feed(step, plan, value, undefined), (gathered) => begin(step + 1, gathered))
    }
    return Effect.gen(function* () {
      const payload = yield* asked(step, () => plan.stage.from(value))
      const jobs = yield* rows(step, plan.stage, [payload], undefined)
      yield* report(step, 1, 1)
      return yield* suspend({ jobs, afterJobs: [0], afterIds: [] })
    })
  }

  /**
   * Hands items over up to the buffer, and waits; once all have ended, what they gather. `newest` was handed over last.
   */
  const feed = (
    step: number,
    plan: Many,
    source: unknown,
    newest: JobRecord | undefined
  ): Effect.Effect<unknown, unknown> =>
    Effect.gen(function* () {
      const items = yield* asked(step, () => plan.items(source))
      const fed = newest === undefined ? 0 : indexOf(newest) + 1
      if (fed > 0 && plan.onFailure === "stop") {
        const { jobs } = yield* store.list(
          { tag: tagOf(step), states: ["failed", "cancelled"] },
          { limit: 1, order: "oldest" }
        )
        if (jobs.length > 0) return yield* giveUp(step, jobs[0]!)
      }
      const live =
        fed === 0
          ? []
          : (yield* store.list({ tag: tagOf(step), states: liveStates }, { limit: liveMost, order: "oldest" })).jobs
      const waiting = live.reduce((sum, { state }) => (state === "running" ? sum : sum + 1), 0)
      const next = items.slice(fed, fed + Math.max(0, plan.buffer - waiting))
      if (live.length === 0 && next.length === 0) return yield* gather(step, plan, fed)

      const stage = plan.stages[0]!
      const task = plan.itemTask
      const payloads = yield* asked(step, () => next.map((item) => stage.from(item)))
      const jobs = yield* rows(step, task === undefined ? stage : { ...stage, task, options: {} }, payloads, fed)
      yield* report(step, fed + jobs.length, items.length)
      if (fed + jobs.length === items.length) {
        return yield* suspend({ jobs, afterJobs: jobs.map((_, i) => i), afterIds: live.map(({ id }) => id) })
      }
      const middle = (live.length + jobs.length) >> 1
      return yield* suspend(
        middle < live.length
          ? { jobs, afterJobs: [], afterIds: [live[middle]!.id] }
          : { jobs, afterJobs: [middle - live.length], afterIds: [] }
      )
    })

  // Reading results ---------------------------------------------------------------------------------------------------

  /** What the items of a step gather, `fed` of them, read by page. */
  const gather = (step: number, plan: Many, fed: number): Effect.Effect<unknown, unknown> =>
    Effect.gen(function* () {
      const codec = taskCodec(plan.itemTask ?? plan.stages[0]!.task, traits)
      let gathered = plan.initial()
      let seen = 0
      let cursor: JobId | undefined
      while (seen < fed) {
        const { jobs, next } = yield* store.list(
          { tag: tagOf(step) },
          { limit: page, order: "oldest", ...(cursor === undefined ? {} : { cursor }) }
        )
        seen += jobs.length
        gathered = yield* asked(step, () => {
          let folded = gathered
          for (const item of jobs) {
            if (item.state === "completed")
              folded = plan.gather(folded, codec.success.decode(item.result), indexOf(item))
          }
          return folded
        })
        cursor = next
        if (next === undefined) break
      }
      if (seen === fed) return gathered
      return yield* failed(
        step,
        "BadResult",
        `${fed - seen} of ${fed} results are gone: an operator removed the jobs, or retention did before the run was taken up again`
      )
    })

  const outputOf = (step: number): Effect.Effect<unknown, unknown> => {
    const plan = steps[step]
    if (plan === undefined) return Effect.succeed(input)
    return Effect.flatMap(newestOf(step), (newest): Effect.Effect<unknown, unknown> => {
      if (plan._tag === "Many") return gather(step, plan, newest === undefined ? 0 : indexOf(newest) + 1)
      return newest?.state === "completed"
        ? Effect.succeed(taskCodec(plan.stage.task, traits).success.decode(newest.result))
        : Effect.fail(failed(step, "BadResult", "Its result is gone: retention or an operator removed the job"))
    })
  }

  /** The run ends with the error of this job; nothing else of it goes on. */
  const giveUp = (step: number, { failure, id, task: name }: JobRecord): Effect.Effect<never, unknown> =>
    Effect.gen(function* () {
      if (job.id === run) {
        const rest = { batchKey: formatJobId(run), states: liveStates }
        const reason = `stage ${stageOf(step)} of its run failed`
        while ((yield* store.change(rest, { _tag: "Cancel", reason }, { now, limit: page })).more);
      }
      const task = taskOf(steps[step]!)
      if (failure?.cause === "Failed" && failure.error !== undefined && task.name === name) {
        const typed = yield* Effect.option(Effect.try(() => taskCodec(task, traits).error.decode(failure.error)))
        if (typed._tag === "Some") return yield* Effect.fail(typed.value)
      }
      return yield* failed(step, failure?.cause ?? "Defect", failure?.message ?? "It failed without a word", id)
    })

  return Effect.gen(function* () {
    for (let step = steps.length - 1; step >= 0; step--) {
      const newest = yield* newestOf(step)
      if (newest === undefined) continue
      const plan = steps[step]!
      if (plan._tag === "Many")
        return yield* begin(step + 1, yield* feed(step, plan, yield* outputOf(step - 1), newest))
      if (liveStates.includes(newest.state)) return yield* suspend({ jobs: [], afterJobs: [], afterIds: [newest.id] })
      return yield* newest.state === "completed"
        ? Effect.flatMap(outputOf(step), (output) => begin(step + 1, output))
        : giveUp(step, newest)
    }
    return yield* begin(0, input)
  })
}
