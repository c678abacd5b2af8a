/**
 * How each group's forecast stands, also while no worker is alive: then it is brought up to date here, from what a
 * worker kept or from the roll-ups.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import {
  isWorkerAlive,
  type GroupScaling,
  Documents,
  PredictiveScaler,
  type ScalerStatus,
  TaskQueue
} from "../../services/Queue/index.ts"
import type { ForecastSource, GroupStanding } from "../../api/ScaleShape.ts"
import { toWorkerSlots } from "../../api/WorkerShape.ts"

/** Learning a week of minutes takes seconds: so long is spent on groups nobody has kept a state of, in milliseconds. */
const rebuildMs = 10_000

/** Whether a worker has kept the forecast's state, or it has to be learned again from the roll-ups. */
export const keptStates = Effect.map(
  Documents.use((documents) => documents.all("forecast-state")),
  (documents) => new Set(documents.map(({ key }) => key))
)

type Asked = Omit<GroupStanding, "decided">

const asked = (group: GroupScaling, source: ForecastSource) =>
  Effect.gen(function* () {
    // One step ahead: the shortest horizon there is.
    const { distrust, quality, steps } = yield* PredictiveScaler.use((scaler) =>
      scaler.predictLoad(group.group, Duration.seconds(1))
    )
    const [next] = steps
    if (quality.steps === 0) return { ...group, source: undefined }
    return {
      ...group,
      source,
      quality,
      distrust,
      next: next === undefined ? undefined : { mean: next.arrivals.mean, p90: next.arrivals.p90 }
    } satisfies Asked
  })

/**
 * Those of `only`, or all; with `unknown` the names of groups there was no time for. `learning` runs once, before any
 * group is learned from the roll-ups.
 */
export const standings = <R>(status: ScalerStatus, only: string | undefined, learning: Effect.Effect<void, never, R>) =>
  Effect.gen(function* () {
    const begun = yield* Clock.currentTimeMillis
    const kept = yield* keptStates
    const groups: Array<Asked> = []
    const unknown: Array<string> = []
    let isLearning = false
    for (const group of status.groups) {
      if (only !== undefined && group.group !== only) continue
      if (status.leader !== undefined && group.quality !== undefined) groups.push({ ...group, source: "leader" })
      else if (group.mode === "off") groups.push({ ...group, source: undefined })
      else if (kept.has(group.group)) groups.push(yield* asked(group, "saved"))
      else if ((yield* Clock.currentTimeMillis) - begun < rebuildMs) {
        if (!isLearning) yield* learning
        isLearning = true
        groups.push(yield* asked(group, "rebuilt"))
      } else {
        groups.push({ ...group, source: undefined })
        unknown.push(group.group)
      }
    }
    const workers = yield* TaskQueue.use((queue) => queue.workers)
    const claiming = workers.filter((worker) => !worker.draining && isWorkerAlive(worker, begun))
    return {
      groups: groups.map((group): GroupStanding => ({ ...group, decided: toWorkerSlots(claiming, group.group) })),
      unknown
    }
  })
