/** What the living workers of the store have seen of their batches. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { isWorkerAlive, type BatchCurve, TaskQueue, type WorkerRecord } from "../services/Queue/index.ts"

export interface WorkerCurve {
  readonly worker: WorkerRecord
  readonly curve: BatchCurve
}

/** Of tasks or groups of this name, or all; by task, the busiest worker first. */
export const workerCurves = (name: string | undefined) =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const workers = yield* TaskQueue.use((queue) => queue.workers)
    return workers
      .filter((worker) => isWorkerAlive(worker, now))
      .flatMap((worker) => (worker.load?.batches ?? []).map((curve): WorkerCurve => ({ worker, curve })))
      .filter(({ curve }) => name === undefined || curve.task === name || curve.group === name)
      .sort((a, b) =>
        a.curve.task < b.curve.task ? -1 : a.curve.task > b.curve.task ? 1 : b.curve.items - a.curve.items
      )
  })

/** For a person who asked where there is nothing to see yet. */
export const nothingSeen =
  "no living worker has run a batch yet; a worker tells of its batches with each heartbeat, every 10 s"
