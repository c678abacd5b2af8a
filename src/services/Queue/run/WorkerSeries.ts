/** A worker's slots and claims, and what it is, as series of Effect's metric registry, until its scope closes. */
import { Effect, Version } from "effect"
import { version } from "../../../files/Package.ts"
import * as QueueMetrics from "../QueueMetrics.ts"
import type { ClaimedJob } from "../../Store/Turn.ts"
import type { Slots } from "./Slots.ts"

export const makeWorkerSeries = Effect.fnUntraced(function* (worker: string, store: string, slots: Slots) {
  const context = yield* Effect.context<never>()
  const shown = new Map<string, ReadonlyArray<() => void>>()
  /** By group, in milliseconds since 1970. */
  const claims = new Map<string, number>()
  const lost = new Map<string, number>()

  const show = (group: string): ReadonlyArray<() => void> => {
    const labels = { worker, group }
    const { busy, lastClaim, leaseLost, slots: most } = QueueMetrics.worker
    return [
      QueueMetrics.register(most, labels, context, () => QueueMetrics.gaugeState(slots.slotsOf(group))),
      QueueMetrics.register(busy, labels, context, () => QueueMetrics.gaugeState(slots.busyOf(group))),
      QueueMetrics.register(lastClaim, labels, context, () => QueueMetrics.gaugeState((claims.get(group) ?? 0) / 1000)),
      QueueMetrics.register(leaseLost, labels, context, () => QueueMetrics.counterState(lost.get(group) ?? 0))
    ]
  }

  const build = { version, node: process.versions.node, effect: Version.getCurrentVersion(), store }
  const hideBuild = QueueMetrics.register(QueueMetrics.build, build, context, () => QueueMetrics.gaugeState(1))

  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      hideBuild()
      for (const series of shown.values()) for (const remove of series) remove()
    })
  )

  return {
    /** Groups may have come. */
    refresh: () => {
      for (const group of slots.names()) if (!shown.has(group)) shown.set(group, show(group))
    },
    claimed: (jobs: ReadonlyArray<ClaimedJob>, now: number) => {
      let last = ""
      for (const { group } of jobs) {
        if (group === last) continue
        last = group
        claims.set(group, now)
      }
    },
    /** The end of an attempt was refused. */
    leaseLost: (group: string) => {
      lost.set(group, (lost.get(group) ?? 0) + 1)
    }
  }
})
