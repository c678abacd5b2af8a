/** A producer at a steady rate, whether or not the queue keeps up. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { TaskQueue } from "../services/Queue/index.ts"
import { openLoop, sharedNow } from "./Measuring.ts"
import { payload, Work } from "./Workload.ts"

export interface Sending {
  readonly perSecond: number
  readonly jobs: number
  /** Number of the first job; default 0. */
  readonly from?: number
}

/**
 * Sends single jobs with their intended time in the payload; completes when all are acknowledged, fails with the first
 * that is refused.
 */
export const sendSteadily = (
  queue: TaskQueue["Service"],
  { from = 0, jobs, perSecond }: Sending,
  onSend: (index: number, intended: number) => void,
  onStored: (index: number) => void
) =>
  Effect.gen(function* () {
    const context = yield* Effect.context<never>()
    const stored = yield* Deferred.make<void, unknown>()
    let left = jobs
    yield* openLoop({
      perSecond,
      jobs,
      clock: sharedNow,
      send: (offset, intended) => {
        const index = from + offset
        onSend(index, intended)
        Effect.runForkWith(context)(Effect.asVoid(queue.enqueue(Work, payload(index, intended)))).addObserver(
          (exit) => {
            onStored(index)
            if (exit._tag === "Failure") Deferred.doneUnsafe(stored, exit)
            else if (--left === 0) Deferred.doneUnsafe(stored, Effect.void)
          }
        )
      }
    })
    yield* Deferred.await(stored)
  })
