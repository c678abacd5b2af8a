/**
 * What the scaler expects and decides, as series of Effect's metric registry, told by the worker that leads it. Read
 * anew each 30 s: the forecasts of all groups once, some milliseconds each.
 */
import { Clock, Duration, Effect, Layer } from "effect"
import type { StoreError } from "../../Store/StoreError.ts"
import { PredictiveScaler } from "../../Queue/PredictiveScaler.ts"
import * as QueueMetrics from "../../Queue/QueueMetrics.ts"
import { decisionsOf } from "../act/Recommendation.ts"
import { gaugesOf, type ScalerGauge } from "../act/ScalerExposition.ts"
import { Worker } from "../../Queue/Worker.ts"
import { layerRepeated } from "../../Queue/upkeep/Leading.ts"

const every = Duration.seconds(30)

/** Decisions read at a time, the newest: more than are made between two readings. */
const decisionsRead = 100

interface Shown {
  value: number
  readonly hide: () => void
}

const makePass = Effect.gen(function* () {
  const scaler = yield* PredictiveScaler
  const worker = yield* Worker
  const context = yield* Effect.context<never>()
  const gauges = new Map<string, Shown>()
  const actions = new Map<string, Shown>()
  /** The newest decision that was counted; undefined: those that are there were another leader's. */
  let counted: number | undefined

  const hideAll = (shown: Map<string, Shown>) => {
    for (const { hide } of shown.values()) hide()
    shown.clear()
  }

  const hide = Effect.sync(() => {
    hideAll(gauges)
    hideAll(actions)
    counted = undefined
  })
  yield* Effect.addFinalizer(() => hide)

  const showGauges = (current: ReadonlyArray<ScalerGauge>) => {
    const seen = new Set<string>()
    for (const [gauge, labels, value] of current) {
      const key = JSON.stringify([gauge.id, labels])
      seen.add(key)
      const there = gauges.get(key)
      if (there !== undefined) {
        there.value = value
        continue
      }
      const shown: Shown = {
        value,
        hide: QueueMetrics.register(gauge, labels, context, () => QueueMetrics.gaugeState(shown.value))
      }
      gauges.set(key, shown)
    }
    for (const [key, { hide }] of gauges) {
      if (seen.has(key)) continue
      hide()
      gauges.delete(key)
    }
  }

  const count = (labels: QueueMetrics.Labels) => {
    const key = JSON.stringify(labels)
    const there = actions.get(key)
    if (there !== undefined) {
      there.value++
      return
    }
    const shown: Shown = {
      value: 1,
      hide: QueueMetrics.register(QueueMetrics.scaler.actions, labels, context, () =>
        QueueMetrics.counterState(shown.value)
      )
    }
    actions.set(key, shown)
  }

  const look: Effect.Effect<void, StoreError> = Effect.gen(function* () {
    const status = yield* scaler.status
    const { session } = yield* worker.status
    if (status.leader === undefined || status.leader.session !== session) return yield* hide
    const now = yield* Clock.currentTimeMillis
    showGauges([
      ...gaugesOf(decisionsOf(status, yield* scaler.recommendation), now),
      ...status.groups.flatMap(
        ({ group, quality }): ReadonlyArray<ScalerGauge> =>
          quality?.error === undefined ? [] : [[QueueMetrics.scaler.error, { group }, quality.error]]
      )
    ])
    const decisions = yield* scaler.decisions(undefined, { limit: decisionsRead })
    const before = counted ?? decisions[0]?.seq ?? 0
    for (const { from, group, reason, seq, to } of decisions)
      if (seq > before && from !== to) count({ group, direction: to > from ? "up" : "down", reason })
    counted = decisions[0]?.seq ?? before
  })

  return look
})

export const layer: Layer.Layer<never, never, PredictiveScaler | Worker> = Layer.unwrap(
  Effect.map(makePass, (pass) => layerRepeated("scaler", Effect.succeed(every), pass))
)
