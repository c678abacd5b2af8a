/**
 * Aims a fault: a process is caught while a handler of it runs, whatever the pace of the machine, so that a fault that
 * is meant to cut work off does.
 */
import { Effect, Schedule } from "effect"
import { isAtWork } from "./Ledger.ts"
import type { WorkerProcess } from "./WorkerProcess.ts"

/** One of the processes that is at work, if any is now. It stands still: kill, stop or continue it. */
const caught = (ledger: string, workers: ReadonlyArray<WorkerProcess>): WorkerProcess | undefined =>
  workers.find((worker) => {
    worker.hold()
    if (isAtWork(ledger, worker.name)) return true
    worker.letGo()
    return false
  })

/**
 * Looks for as long as it takes, up to five seconds, at those there are then; undefined when nobody was at work. The
 * one it answers stands still: kill, stop or continue it.
 */
export const catchAtWork = (
  ledger: string,
  workers: () => ReadonlyArray<WorkerProcess>
): Effect.Effect<WorkerProcess | undefined> =>
  Effect.sync(() => caught(ledger, workers())).pipe(
    Effect.repeat({
      schedule: Schedule.spaced("3 millis"),
      until: (worker) => worker !== undefined,
      times: 1600
    })
  )
