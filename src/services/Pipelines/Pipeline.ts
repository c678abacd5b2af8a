/**
 * Stages over the queue: the result of one task's job is the payload of the next one's, a result that is a list becomes
 * a job per item, and their results, in order, one payload again.
 *
 * ```ts
 * const Thumbnails = Pipeline.make("thumbnails", { payload: Schema.Struct({ folder: Schema.String }) })
 *   .stage(ListImages)
 *   .fanOut(Resize, { items: (listed) => listed.files, concurrency: 4, buffer: 50 })
 *   .stage(Upload)
 *   .fanIn(WriteIndex, { from: (uploads) => ({ urls: uploads.map(({ url }) => url) }) })
 * ```
 *
 * Types are checked along the chain: a stage whose payload is not what comes before it does not compile without a
 * `from` that makes it. Every step is a job of a task, with its limits, retries, priority and dead letters; the task's
 * idempotency key is not used, since a step belongs to one run. A *run* is a job too, of `pipeline.task`: whatever
 * takes a task takes a pipeline (`TaskQueue.run`, unique keys, delays, schedules). Between its steps that job waits; a
 * step's end wakes it, and in one transaction of the store it brings the next jobs and waits again. A crash at any
 * point leaves the run before or after that transaction: no step is lost, none is doubled.
 *
 * `Sluice.layerPipeline(Thumbnails)` lets a worker drive the runs. It need not be the worker that runs the stages.
 */
import { Context, type Effect, Schema } from "effect"
import type { JobId } from "../Queue/Job.ts"
import {
  checked,
  defaultBuffer,
  driver,
  type FanOutOptions,
  identity,
  maxBuffer,
  type PipelineProgress,
  type StageFailed,
  type StageOptions,
  stagePlan,
  type StepPlan
} from "./PipelinePlan.ts"
import type { StoreError } from "../Store/StoreError.ts"
import type * as Task from "../Queue/Task.ts"
import type { EnqueueError, EnqueueOptions, JobFailed, JobNotFound, WrongState } from "../Queue/TaskQueue.ts"

export { group, indexHeader, PipelineProgress, runHeader, StageFailed, stageHeader } from "./PipelinePlan.ts"
export type { FanOutOptions, StageOptions, StagePlan, StepPlan } from "./PipelinePlan.ts"

/** Options of a stage; `from` is required where what comes before is not the task's payload. */
type Fed<Value, Payload, Options> = [Value] extends [Payload]
  ? [options?: Options & { readonly from?: (value: Value) => Payload }]
  : [options: Options & { readonly from: (value: Value) => Payload }]

/** The same for a list: `items` is required where what comes before is not a list of the task's payloads. */
type FedItems<Value, Payload, Options> = [Value] extends [ReadonlyArray<Payload>]
  ? [options?: Options & { readonly items?: (value: Value) => ReadonlyArray<Payload> }]
  : [options: Options & { readonly items: (value: Value) => ReadonlyArray<Payload> }]

/** A pipeline that ends in one value. */
export interface Pipeline<in out P, in out A, in out E> {
  readonly name: string
  readonly steps: ReadonlyArray<StepPlan>
  /** The task whose jobs are the runs: its result is the last stage's, its error a stage's or `StageFailed`. */
  readonly task: Task.Task<P, A, E | StageFailed, PipelineProgress>

  /** One job of the task with what comes before as its payload. */
  readonly stage: <Q, S, E2, G>(
    task: Task.Task<Q, S, E2, G>,
    ...options: Fed<A, Q, StageOptions>
  ) => Pipeline<P, S, E | E2>
  /** One job of the task for each item of what comes before. */
  readonly fanOut: <Q, S, E2, G>(
    task: Task.Task<Q, S, E2, G>,
    ...options: FedItems<A, Q, FanOutOptions>
  ) => Items<P, S, E | E2>
}

/** A pipeline that has fanned out: further stages are run for each item on its own. */
export interface Items<in out P, in out A, in out E> {
  /** The next stage of each item: it starts when that item's stage before is done, whatever the others do. */
  readonly stage: <Q, S, E2, G>(
    task: Task.Task<Q, S, E2, G>,
    ...options: Fed<A, Q, StageOptions>
  ) => Items<P, S, E | E2>
  /** Waits for all items; one job of the task with their results, in the order of the items. */
  readonly fanIn: <Q, S, E2, G>(
    task: Task.Task<Q, S, E2, G>,
    ...options: Fed<ReadonlyArray<A>, Q, StageOptions>
  ) => Pipeline<P, S, E | E2>
  /** Waits for all items; their results, in the order of the items. */
  readonly collect: () => Pipeline<P, ReadonlyArray<A>, E>
  /**
   * Waits for all items; their results folded in the order of the items. They are read from the store by page, so only
   * the folded value is held in memory. `step` must be pure: it is run again after a crash.
   */
  readonly fold: <B>(options: {
    readonly schema: Schema.Codec<B, any>
    readonly initial: B
    readonly step: (folded: B, result: A, index: number) => B
  }) => Pipeline<P, B, E>
}

/** Any pipeline, where its types do not matter. */
export type AnyPipeline = Pick<Pipeline<any, any, any>, "name" | "steps"> & { readonly task: Task.AnyTask }

interface Built {
  readonly name: string
  readonly options: { readonly payload: Schema.Codec<any, any>; readonly priority?: number }
  readonly steps: ReadonlyArray<StepPlan>
  readonly output: Schema.Codec<any, any>
  readonly errors: ReadonlyArray<Schema.Codec<any, any>>
}

const pipelineOf = <E = any>(built: Built): Pipeline<any, any, E> => {
  let task: Task.AnyTask | undefined
  return {
    name: built.name,
    steps: built.steps,
    get task() {
      task ??= driver(built.name, built.options.payload, built, built.options.priority)
      return task as any
    },
    stage: (next: Task.AnyTask, options?: StageOptions) =>
      pipelineOf({
        ...built,
        steps: [...built.steps, { _tag: "One", stage: stagePlan(built.name, next, options) }],
        output: next.success,
        errors: [...built.errors, next.error]
      }),
    fanOut: (
      next: Task.AnyTask,
      options: FanOutOptions & { readonly items?: (value: any) => ReadonlyArray<any> } = {}
    ) => {
      const buffer = options.buffer ?? defaultBuffer
      checked(
        built.name,
        `buffer ${buffer}`,
        Number.isInteger(buffer) && buffer >= 1 && buffer <= maxBuffer,
        `a whole number from 1 to ${maxBuffer}`
      )
      return itemsOf(built, {
        items: options.items ?? identity,
        stages: [stagePlan(built.name, next, options)],
        buffer,
        onFailure: options.onFailure ?? "stop"
      })
    }
  }
}

type Fan = Pick<Extract<StepPlan, { readonly _tag: "Many" }>, "items" | "stages" | "buffer" | "onFailure">

const itemsOf = (before: Built, fan: Fan): Items<any, any, any> => {
  const last = fan.stages[fan.stages.length - 1]!
  const errors = fan.stages.map(({ task }) => task.error)
  const close = (
    output: Schema.Codec<any, any>,
    initial: () => unknown,
    gather: (gathered: any, result: any, index: number) => unknown
  ): Built => ({
    ...before,
    steps: [
      ...before.steps,
      {
        _tag: "Many",
        ...fan,
        itemTask:
          fan.stages.length === 1
            ? undefined
            : driver(`${before.name}/${before.steps.length + 1}`, fan.stages[0]!.task.payload, {
                output: last.task.success,
                errors
              }),
        initial,
        gather
      }
    ],
    output,
    errors: [...before.errors, ...errors]
  })
  const toList = () =>
    close(
      Schema.Array(last.task.success),
      () => [],
      (results: Array<unknown>, result) => {
        results.push(result)
        return results
      }
    )
  return {
    stage: (next: Task.AnyTask, options?: StageOptions) =>
      itemsOf(before, { ...fan, stages: [...fan.stages, stagePlan(before.name, next, options)] }),
    fanIn: (next: Task.AnyTask, options?: StageOptions) =>
      (pipelineOf(toList()).stage as (task: Task.AnyTask, options?: StageOptions) => Pipeline<any, any, any>)(
        next,
        options
      ),
    collect: () => pipelineOf(toList()),
    fold: ({ initial, schema, step }) => pipelineOf(close(schema, () => initial, step))
  }
}

/** Begins a pipeline: its name is that of its runs' task. Throws `InvalidTask` on an option outside its range. */
export const make = <P>(
  name: string,
  options: {
    /** What a run starts with, and the first stage is fed. */
    readonly payload: Schema.Codec<P, any>
    /** Of the jobs that drive runs, 1 (first) to 10; those of the stages keep their own. Default 5. */
    readonly priority?: number
  }
): Pipeline<P, P, never> => pipelineOf<never>({ name, options, steps: [], output: options.payload, errors: [] })

/** The jobs of one stage of a run. */
export interface StageStatus {
  /** `1`, `2`, `2.1`. */
  readonly stage: string
  readonly task: string
  readonly waiting: number
  readonly running: number
  readonly completed: number
  readonly failed: number
  readonly cancelled: number
}

/** A run, in the hands of a program. */
export interface PipelineRun<A, E> {
  /** The job that is the run; its text is the batch key of the jobs of its steps. */
  readonly id: JobId
  /**
   * Waits for the end: the last stage's result, a stage's typed error, `StageFailed`, or `JobFailed` when the run
   * itself was cancelled.
   */
  readonly await: Effect.Effect<A, E | StageFailed | JobFailed | JobNotFound | StoreError>
  /**
   * How many jobs of each stage wait, run and have ended; exact up to 10,000 each. Reads some rows of the run's jobs.
   */
  readonly status: Effect.Effect<ReadonlyArray<StageStatus>, JobNotFound | StoreError>
  /** Cancels the run and all its live jobs. Once it has answered no step of the run starts any more. */
  readonly cancel: (reason?: string) => Effect.Effect<void, JobNotFound | StoreError>
  /** Takes a failed or cancelled run up again: its failed and cancelled steps run anew, completed ones are kept. */
  readonly retry: Effect.Effect<void, JobNotFound | WrongState | StoreError>
}

/** Runs of pipelines: start, await, look, cancel, retry. */
export class Pipelines extends Context.Service<
  Pipelines,
  {
    /** Stores a run; durable when it answers. */
    readonly start: <P, A, E>(
      pipeline: Pipeline<P, A, E>,
      payload: NoInfer<P>,
      options?: EnqueueOptions
    ) => Effect.Effect<PipelineRun<A, E>, EnqueueError | StoreError>
    /** A run that was started before. */
    readonly get: <P, A, E>(pipeline: Pipeline<P, A, E>, id: JobId) => PipelineRun<A, E>
  }
>()("sluice/services/Pipelines/Pipelines") {}
