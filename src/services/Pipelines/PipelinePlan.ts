/**
 * What a pipeline is made of, its types erased: the stages and steps as the driver of a run follows them, and what each
 * is called.
 */
import { type Duration, Schema } from "effect"
import { FailureCause } from "../Queue/Job.ts"
import * as Bounds from "../Queue/policy/Bounds.ts"
import * as Durations from "../Queue/policy/Durations.ts"
import { namePattern } from "../Queue/policy/StoredName.ts"
import { checkPriority } from "../Queue/policy/Rank.ts"
import * as ResourceGroup from "../Queue/ResourceGroup.ts"
import * as Task from "../Queue/Task.ts"
import type { EnqueueOptions } from "../Queue/TaskQueue.ts"

/**
 * A step ended without a typed error: a defect, a limit, a cancellation; or its payload was refused. The run is buried
 * with it.
 */
export class StageFailed extends Schema.TaggedError<StageFailed>()("StageFailed", {
  /** `1` for the first stage, `2.1` for the first stage of the items that stage 2 fans out. */
  stage: Schema.String,
  task: Schema.String,
  /** The job that failed; 0 when it could not be made. */
  job: Schema.Finite,
  cause: FailureCause,
  message: Schema.String
}) {}

/** Where a run is: its `progress`. */
export const PipelineProgress = Schema.Struct({
  /** From 1. */
  stage: Schema.Int,
  stages: Schema.Int,
  /** Its task. */
  task: Schema.String,
  /** Jobs handed to the stage so far, and in all. */
  fed: Schema.Int,
  total: Schema.Int
})
export type PipelineProgress = typeof PipelineProgress.Type

export interface StageOptions {
  /**
   * Jobs of this stage that run at a time, over all runs and workers: makes the group `<pipeline>/<task>`. Default: the
   * task's group as it is.
   */
  readonly concurrency?: number
  /** 1 (first) to 10. Default: the task's. */
  readonly priority?: number
  /** Retries after the first attempt. Default: the task's. */
  readonly retries?: number
  readonly softLimit?: Duration.Input
  readonly hardLimit?: Duration.Input
}

export interface FanOutOptions extends StageOptions {
  /**
   * Items of one run that may be waiting at a time, 1 to 1,000; the rest is not stored yet. More are fed, in one
   * transaction, when the middle one of those handed over has ended. Default 200: enough for the slots of several
   * workers, little enough that other work is not behind them.
   */
  readonly buffer?: number
  /**
   * What an item does that is given up: `"stop"` (default) cancels what is left and fails the run, `"skip"` leaves it
   * out of the results.
   */
  readonly onFailure?: "stop" | "skip"
}

/** One stage, its types erased. */
export interface StagePlan {
  readonly task: Task.AnyTask
  readonly from: (value: unknown) => unknown
  readonly group: ResourceGroup.ResourceGroup | undefined
  readonly options: EnqueueOptions
}

/** One step of a run. */
export type StepPlan =
  | { readonly _tag: "One"; readonly stage: StagePlan }
  | {
      readonly _tag: "Many"
      readonly items: (value: unknown) => ReadonlyArray<unknown>
      /** The stages each item goes through; several make each item a job of `itemTask`. */
      readonly stages: ReadonlyArray<StagePlan>
      readonly itemTask: Task.AnyTask | undefined
      readonly buffer: number
      readonly onFailure: "stop" | "skip"
      readonly initial: () => unknown
      readonly gather: (gathered: unknown, result: unknown, index: number) => unknown
    }

/** The budget of the jobs that drive runs. They read a few rows and end: many may do so at a time. */
export const group = ResourceGroup.make("pipelines", 100)

/** The header of each step's job with its run. */
export const runHeader = "sluice-run"
/** The header of each step's job with its stage, e.g. `2.1`. */
export const stageHeader = "sluice-stage"
/** The header of an item's job with its place in the list, from 0. */
export const indexHeader = "sluice-index"

export const defaultBuffer = 200
export const maxBuffer = 1000
/** Attempts of a driving job are spent only by crashes of its worker. */
const driverRetry = { times: 25 }

/** Throws `InvalidTask` unless it is so. */
export const checked = (name: string, what: string, ok: boolean, expected: string) => {
  if (!ok) throw new Task.InvalidTask({ message: `Pipeline ${JSON.stringify(name)}: ${what}; expected ${expected}` })
}

/** What a check of `Bounds` refuses, as `InvalidTask`. */
const within = (name: string, what: string, check: () => void): void => {
  try {
    check()
  } catch (error) {
    if (!(error instanceof Bounds.OutOfBounds)) throw error
    throw new Task.InvalidTask({ message: `Pipeline ${JSON.stringify(name)}: ${what}: ${error.message}` })
  }
}

/** The task of jobs that drive a run, or an item of one. */
export const driver = (
  name: string,
  payload: Schema.Codec<any, any>,
  built: { readonly output: Schema.Codec<any, any>; readonly errors: ReadonlyArray<Schema.Codec<any, any>> },
  priority?: number
) =>
  Task.make(name, {
    payload,
    success: built.output,
    error: Schema.Union([...new Set(built.errors), StageFailed]),
    progress: PipelineProgress,
    group,
    retry: driverRetry,
    retryable: () => false,
    ...(priority === undefined ? {} : { priority })
  }) as Task.AnyTask

export const identity = (value: any) => value

export const stagePlan = (
  pipeline: string,
  task: Task.AnyTask,
  {
    concurrency,
    from = identity,
    hardLimit,
    priority,
    retries,
    softLimit
  }: StageOptions & { readonly from?: (value: any) => any } = {}
): StagePlan => {
  within(pipeline, `the ${task.name} stage`, () => {
    if (concurrency !== undefined) Bounds.whole("concurrency", concurrency, 1, Number.MAX_SAFE_INTEGER)
    if (priority !== undefined) checkPriority(priority)
    if (retries !== undefined) Bounds.whole("retries", retries, 0, Bounds.mostRetries)
    if (softLimit !== undefined) Durations.limit("softLimit", softLimit)
    if (hardLimit !== undefined) Durations.limit("hardLimit", hardLimit)
  })
  const name = `${pipeline}/${task.name}`
  checked(
    pipeline,
    `group name ${JSON.stringify(name)}`,
    concurrency === undefined || namePattern.test(name),
    "at most 100 characters in the names of pipeline and task together"
  )
  const own = concurrency === undefined ? undefined : ResourceGroup.make(name, concurrency)
  return {
    task,
    from,
    group: own,
    options: {
      ...(own === undefined ? {} : { group: own.name }),
      ...(priority === undefined ? {} : { priority }),
      ...(retries === undefined ? {} : { retries }),
      ...(softLimit === undefined ? {} : { softLimit }),
      ...(hardLimit === undefined ? {} : { hardLimit })
    }
  }
}
