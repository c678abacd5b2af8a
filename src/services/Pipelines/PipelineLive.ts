/** Runs of pipelines over the queue, and the handlers that drive them. */
import { Clock, Effect, Layer } from "effect"
import { GroupOrders } from "../Queue/GroupOrders.ts"
import { formatJobId, type JobId, type JobState, parseJobId } from "../Queue/Job.ts"
import { JobStore } from "../Store/JobStore.ts"
import {
  type AnyPipeline,
  type Pipeline,
  type PipelineRun,
  Pipelines,
  runHeader,
  type StageStatus,
  type StepPlan
} from "./Pipeline.ts"
import { Placements } from "../Queue/Placements.ts"
import { Settings } from "../Queue/QueueSettings.ts"
import { withComputation } from "../Queue/ResourceGroup.ts"
import { drive, stageTag } from "./run/PipelineDriver.ts"
import { StoreError } from "../Store/StoreError.ts"
import { type AnyTask, Snoozed } from "../Queue/Task.ts"
import { type InvalidOption, TaskQueue, WrongState } from "../Queue/TaskQueue.ts"
import { TaskRegistry } from "../Queue/TaskRegistry.ts"

/** A driving job that cannot read the store looks again after this, its attempt unspent, in milliseconds. */
const storeRetryMs = 1000

/** A step's stages with their names. */
const stagesOf = (steps: ReadonlyArray<StepPlan>) =>
  steps.flatMap((plan, step) => {
    const stage = `${step + 1}`
    if (plan._tag === "One") return [{ stage, task: plan.stage.task.name, group: plan.stage.group }]
    return plan.stages.map(({ group, task }, i) => ({
      stage: plan.itemTask === undefined ? stage : `${stage}.${i + 1}`,
      task: task.name,
      group
    }))
  })

/** Drives the runs of a pipeline in this process's worker. */
export const handler = (
  pipeline: AnyPipeline
): Layer.Layer<never, StoreError, JobStore | TaskRegistry | GroupOrders | Placements> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const store = yield* JobStore
      const registry = yield* TaskRegistry
      const placements = yield* Placements
      const settings = yield* Settings
      const orders = yield* GroupOrders
      const context = yield* Effect.context<never>()
      const groups = stagesOf(pipeline.steps).flatMap(({ group }) => (group === undefined ? [] : [group]))
      yield* store.declareGroups(withComputation([pipeline.task.group, ...groups], settings.computationLimit))
      yield* orders.declare([pipeline.task.group, ...groups])

      const register = (task: AnyTask, steps: ReadonlyArray<StepPlan>, prefix: string) =>
        registry.register({
          _tag: "Fiber",
          task,
          context,
          run: (input, job) =>
            Effect.flatMap(Clock.currentTimeMillis, (now) => {
              const run = prefix === "" ? job.id : parseJobId(job.headers[runHeader] ?? "")!
              const rankings = orders.rankings()
              const groupOf = placements.groupOf
              const driven = drive({ store, settings, rankings, job, now, run, prefix, steps, input, groupOf })
              return Effect.andThen(placements.reread(now) ?? Effect.void, driven)
            }).pipe(
              Effect.catchIf(
                (error) => error instanceof StoreError,
                () => Effect.fail(new Snoozed({ delayMs: storeRetryMs }))
              )
            )
        })

      yield* register(pipeline.task, pipeline.steps, "")
      for (const [step, plan] of pipeline.steps.entries()) {
        if (plan._tag === "One" || plan.itemTask === undefined) continue
        const steps = plan.stages.map(
          (stage, i): StepPlan => ({ _tag: "One", stage: i === 0 ? { ...stage, from: (item) => item } : stage })
        )
        yield* register(plan.itemTask, steps, `${step + 1}.`)
      }
    })
  )

/** The filters of this file are made here, of names that were checked. */
const ownFilter = <A, E, R>(asked: Effect.Effect<A, E | InvalidOption, R>) =>
  Effect.catchTag(asked as Effect.Effect<A, InvalidOption, R>, "InvalidOption", Effect.die) as Effect.Effect<
    A,
    Exclude<E, InvalidOption>,
    R
  >

const make = Effect.gen(function* () {
  const queue = yield* TaskQueue

  const count = (tag: string, states: ReadonlyArray<JobState>) =>
    ownFilter(Effect.map(queue.count({ tag, states }), (counted) => counted.count))

  const statusOf = (pipeline: AnyPipeline, id: JobId) =>
    Effect.forEach(stagesOf(pipeline.steps), ({ stage, task }): Effect.Effect<StageStatus, StoreError> => {
      const tag = stageTag(id, stage)
      return Effect.all({
        stage: Effect.succeed(stage),
        task: Effect.succeed(task),
        waiting: count(tag, ["scheduled", "pending"]),
        running: count(tag, ["running"]),
        completed: count(tag, ["completed"]),
        failed: count(tag, ["failed"]),
        cancelled: count(tag, ["cancelled"])
      })
    })

  /** Of the jobs that drive a run's items. */
  const itemTasks = (pipeline: AnyPipeline) =>
    pipeline.steps.flatMap((plan) => (plan._tag === "One" || plan.itemTask === undefined ? [] : [plan.itemTask.name]))

  /** Who brings jobs is cancelled before those it brought: then nothing new comes. */
  const cancel = (pipeline: AnyPipeline, id: JobId, reason = "its run was cancelled") =>
    Effect.gen(function* () {
      const batchKey = formatJobId(id)
      yield* Effect.catchTag(queue.cancel(id, reason), "WrongState", () => Effect.void)
      const tasks = itemTasks(pipeline)
      if (tasks.length > 0) yield* ownFilter(queue.cancelWhere({ batchKey, tasks }, reason))
      yield* ownFilter(queue.cancelWhere({ batchKey }, reason))
    })

  /** Jobs are revived before those that wait for them: who wakes finds nothing failed. */
  const retry = (pipeline: AnyPipeline, id: JobId) =>
    Effect.gen(function* () {
      const { state } = yield* queue.get(id)
      if (state === "failed" || state === "cancelled") {
        const batchKey = formatJobId(id)
        yield* ownFilter(queue.retryWhere({ batchKey, tasks: stagesOf(pipeline.steps).map(({ task }) => task) }))
        const tasks = itemTasks(pipeline)
        if (tasks.length > 0) yield* ownFilter(queue.retryWhere({ batchKey, tasks }))
        return yield* queue.retry(id)
      }
      return yield* new WrongState({
        id,
        state,
        message: `Run ${formatJobId(id)} is ${state}; only failed and cancelled runs can be taken up again`
      })
    })

  const runOf = <P, A, E>(pipeline: Pipeline<P, A, E>, id: JobId): PipelineRun<A, E> => ({
    id,
    await: queue.job(pipeline.task, id).await,
    status: Effect.andThen(queue.get(id), statusOf(pipeline, id)),
    cancel: (reason) => cancel(pipeline, id, reason),
    retry: retry(pipeline, id)
  })

  return Pipelines.of({
    start: (pipeline, payload, options) =>
      Effect.map(queue.enqueue(pipeline.task, payload, options), ({ id }) => runOf(pipeline, id)),
    get: runOf
  })
})

export const layer: Layer.Layer<Pipelines, never, TaskQueue> = Layer.effect(Pipelines, make)
