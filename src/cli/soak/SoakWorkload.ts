/** The jobs of a soak, with what happens in real queues: most are quick, some wait for something, some fail once, a few always. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { writeSync } from "node:fs"
import * as OwnFile from "../../files/OwnFile.ts"
import { Histogram, QueueSettings, ResourceGroup, Sluice, Task } from "../../services/Queue/index.ts"
import { sharedNow } from "../bench/Measuring.ts"
import { files, sampledOneIn, type SoakPlan } from "./SoakPlan.ts"

export const group = ResourceGroup.make("soak", 1000)

const text = "x".repeat(150)

/** One job in so many waits 5 to 24 ms, fails its first attempt, or fails all of them and is buried. */
const waiting = 10
const failingOnce = 1000
export const failingAlways = 10_000

const isFailingAlways = (index: number) => index % failingAlways === failingAlways - 1

/** Jobs with numbers in `[from, to)` that will be buried. */
export const buriedIn = (from: number, to: number): number =>
  Math.floor(to / failingAlways) - Math.floor(from / failingAlways)

/** `time`: when it was asked for, on the clock that all processes of the machine share. About 220 bytes as JSON. */
export const payload = (part: number, index: number, time: number) => ({ part, index, time, text })

export const SoakTask = Task.make("soak", {
  payload: Schema.Struct({ part: Schema.Int, index: Schema.Int, time: Schema.Finite, text: Schema.String }),
  success: Schema.Int,
  error: Schema.String,
  group,
  retry: "quick"
})

/** What the handlers of one worker process have seen since they were last asked. */
export class Seen {
  started = 0
  readonly waits = new Histogram.Recorder()

  take() {
    const { buckets, ...waits } = this.waits.take()
    const taken = { started: this.started, waits: { ...waits, buckets: Histogram.pack(buckets) } }
    this.started = 0
    return taken
  }
}

/** Writes each sampled attempt into the ledger when its handler ends: what a killed worker had not ended is not there. */
const handler = (folder: string, plan: SoakPlan, seen: Seen) =>
  Effect.sync(() => {
    const ledger = OwnFile.openToAppend(files(folder).ledger)
    const oneIn = sampledOneIn(plan)
    return ({ index, part, time }: ReturnType<typeof payload>, job: { readonly attempt: number }) => {
      seen.started++
      if (job.attempt === 1) seen.waits.record(Math.max(0, sharedNow() - time))
      const ended = (outcome: "ok" | "failed") => {
        if (index % oneIn === 0) writeSync(ledger, `${part} ${index} ${job.attempt} ${outcome}\n`)
        return index
      }
      if (isFailingAlways(index) || (index % failingOnce === failingOnce - 1 && job.attempt === 1)) {
        ended("failed")
        return Effect.fail("as planned")
      }
      return index % waiting === 0
        ? Effect.map(Effect.sleep(5 + ((index / waiting) % 20)), () => ended("ok"))
        : Effect.succeed(ended("ok"))
    }
  })

/** The queue over the soak's store: the settings as shipped but for the retention by count, so that pruning is at work all the time. */
export const layerQueue = (folder: string, plan: SoakPlan, options: { readonly thread: boolean }) =>
  Sluice.layerSqlite({ path: files(folder).store, thread: options.thread }).pipe(
    Layer.provideMerge(
      Layer.succeed(QueueSettings.Settings, {
        ...QueueSettings.defaults,
        retention: {
          completed: { ...QueueSettings.defaults.retention.completed, count: plan.retain },
          failed: { ...QueueSettings.defaults.retention.failed, count: plan.retain },
          cancelled: { ...QueueSettings.defaults.retention.cancelled, count: plan.retain }
        }
      })
    )
  )

export const layerWorker = (folder: string, plan: SoakPlan, seen: Seen) =>
  Sluice.layerWorker({ slots: { [group.name]: plan.slots } }).pipe(
    Layer.provideMerge(SoakTask.toLayer(handler(folder, plan, seen))),
    Layer.provideMerge(layerQueue(folder, plan, { thread: true }))
  )
