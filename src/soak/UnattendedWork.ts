/**
 * What a soak by the clock runs beside its plain jobs: groups whose slots and batches the queue finds by itself. Their
 * jobs only wait, for so long that the groups have as much to do at any rate of jobs.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import { ResourceGroup, Task } from "../services/Queue/index.ts"
import type { SoakPlan } from "./SoakPlan.ts"
import { common, type Notes, type SoakTask } from "./SoakTask.ts"

/** Its slots follow the scaler. */
export const scaled = ResourceGroup.make("soak-scaled", 40)
/** Its slots follow what completes. */
const tuned = ResourceGroup.make("soak-tuned", 100)
/** The size of its batches is learned. */
const batched = ResourceGroup.make("soak-batched", 100)

const ScaledTask: SoakTask = Task.make(scaled.name, { ...common, group: scaled })
const TunedTask: SoakTask = Task.make(tuned.name, { ...common, group: tuned })
const BatchedTask: SoakTask = Task.make(batched.name, {
  ...common,
  group: batched,
  batch: { tune: true, maxWaitTime: "5 seconds" }
})

/** Slots of one worker process; those of the scaled group are the most it may be given. */
export const slots = {
  [scaled.name]: scaled.limit,
  [tuned.name]: { min: 1, max: 16, tune: true },
  [batched.name]: 4
}

/** What tuned jobs contend for in each worker process. */
const connections = 4

/** Of ten jobs one is scaled, two are tuned, two are batched; the other five are plain. */
const tasks: ReadonlyMap<number, SoakTask> = new Map([
  [1, TunedTask],
  [2, TunedTask],
  [3, BatchedTask],
  [4, BatchedTask],
  [5, ScaledTask]
])
/** Undefined: a plain one. */
export const taskOf = (index: number): SoakTask | undefined => tasks.get(index % 10)

const perSecond = ({ hours, jobs }: SoakPlan): number => jobs / (hours * 3600)

const within = (millis: number, least: number, most: number): number => Math.min(most, Math.max(least, millis))

/** Some eight slots are busy in the mean of the day; half as long to one and a half times as long, in turn. */
const scaledMs = (plan: SoakPlan, index: number): number =>
  within(80_000 / perSecond(plan), 100, 30_000) * (0.5 + (Math.floor(index / 10) % 10) / 9)

/** Two and a half connections of each worker are busy in the mean of the day, three and a half at its peaks. */
const tunedMs = (plan: SoakPlan): number => within((12_500 * plan.workers) / perSecond(plan), 20, 10_000)

/** A call takes so long for itself, and for each job in it. */
const callMs = 20
const itemMs = 2

/** The handlers. */
export const layer = ({ ended, plan, started }: Notes) =>
  Layer.mergeAll(
    ScaledTask.toLayer((payload, { attempt }) => {
      started(payload, attempt)
      return Effect.map(Effect.sleep(scaledMs(plan, payload.index)), () => ended(payload, attempt, "ok"))
    }),
    TunedTask.toLayer(
      Effect.map(Semaphore.make(connections), (pool) => (payload, { attempt }) => {
        started(payload, attempt)
        return Effect.map(pool.withPermits(1)(Effect.sleep(tunedMs(plan))), () => ended(payload, attempt, "ok"))
      })
    ),
    BatchedTask.toBatchLayer((items) => {
      for (const { job, payload } of items) started(payload, job.attempt)
      return Effect.map(Effect.sleep(callMs + itemMs * items.length), () =>
        items.map(({ job, payload }) => Exit.succeed(ended(payload, job.attempt, "ok")))
      )
    })
  )
