/**
 * The jobs of a soak, with what happens in real queues: most are quick, some wait for something, some fail once, a few
 * always.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { writeSync } from "node:fs"
import * as OwnFile from "../files/OwnFile.ts"
import { AlertLayers, AlertSettings } from "../services/Alerts/index.ts"
import { Histogram, QueueSettings, ResourceGroup, Sluice, Task } from "../services/Queue/index.ts"
import { sharedNow } from "../bench/Measuring.ts"
import { files, sampledOneIn, type SoakPlan } from "./SoakPlan.ts"
import * as Probe from "./SoakProbe.ts"
import { common, type Notes, type SoakTask } from "./SoakTask.ts"
import * as Unattended from "./UnattendedWork.ts"

export const group = ResourceGroup.make("soak", 1000)

/** One job in so many waits 5 to 24 ms, fails its first attempt, or fails all of them and is buried. */
const waiting = 10
const failingOnce = 1000
export const failingAlways = 10_000

const isFailingAlways = (index: number) => index % failingAlways === failingAlways - 1

/** Jobs with numbers in `[from, to)` that will be buried. */
export const buriedIn = (from: number, to: number): number =>
  Math.floor(to / failingAlways) - Math.floor(from / failingAlways)

export const PlainTask: SoakTask = Task.make("soak", { ...common, group })

/** Whose job has this number. */
export const taskOf = (plan: SoakPlan, index: number): SoakTask =>
  (plan.unattended === true ? Unattended.taskOf(index) : undefined) ?? PlainTask

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

/**
 * Writes each sampled attempt into the ledger when its handler ends: what a killed worker had not ended is not there.
 */
const notesOf = (folder: string, plan: SoakPlan, seen: Seen): Notes => {
  const ledger = OwnFile.openToAppend(files(folder).ledger)
  const oneIn = sampledOneIn(plan)
  return {
    plan,
    started: ({ time }, attempt) => {
      seen.started++
      if (attempt === 1) seen.waits.record(Math.max(0, sharedNow() - time))
    },
    ended: ({ index, part }, attempt, outcome) => {
      if (index % oneIn === 0) writeSync(ledger, `${part} ${index} ${attempt} ${outcome}\n`)
      return index
    }
  }
}

const plain = ({ ended, started }: Notes) =>
  PlainTask.toLayer((payload, { attempt }) => {
    const { index } = payload
    started(payload, attempt)
    if (isFailingAlways(index) || (index % failingOnce === failingOnce - 1 && attempt === 1)) {
      ended(payload, attempt, "failed")
      return Effect.fail("as planned")
    }
    return index % waiting === 0
      ? Effect.map(Effect.sleep(5 + ((index / waiting) % 20)), () => ended(payload, attempt, "ok"))
      : Effect.succeed(ended(payload, attempt, "ok"))
  })

/**
 * The queue over the soak's store: the settings as shipped but for the retention by count, so that pruning is at work
 * all the time.
 */
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

/** A worker; in an unattended soak with all that decides by itself, as in `sluice worker`. */
export const layerWorker = (folder: string, plan: SoakPlan, seen: Seen) =>
  Layer.unwrap(
    Effect.sync(() => {
      const notes = notesOf(folder, plan, seen)
      const alone = Sluice.layerWorker({
        slots: {
          [group.name]: plan.slots,
          ...(plan.unattended === true && { ...Unattended.slots, ...Probe.slots })
        }
      })
      const worker =
        plan.unattended === true
          ? unattended.pipe(
              Layer.provideMerge(alone),
              Layer.provideMerge(Layer.mergeAll(plain(notes), Unattended.layer(notes), Probe.layer))
            )
          : alone.pipe(Layer.provideMerge(plain(notes)))
      return worker.pipe(Layer.provideMerge(layerQueue(folder, plan, { thread: true })))
    })
  )

const scaler = Sluice.layerScaler()
const unattended = AlertLayers.layerWatching.pipe(
  Layer.provide(AlertLayers.layerForecast.pipe(Layer.provide(scaler))),
  Layer.provide(Layer.succeed(AlertSettings.Settings, { ...AlertSettings.defaults, log: false })),
  Layer.provideMerge(scaler)
)

/** What the soak itself asks: the queue, and in an unattended soak its scaler and its alerts. */
export const layerAsking = (folder: string, plan: SoakPlan) =>
  Layer.mergeAll(Sluice.layerPredictiveScaler, AlertLayers.layer).pipe(
    Layer.provide(Layer.succeed(AlertSettings.Settings, { ...AlertSettings.defaults, log: false })),
    Layer.provideMerge(layerQueue(folder, plan, { thread: false }))
  )
