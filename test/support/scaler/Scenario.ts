/** A store with a recorded past, processes on it, and ways to look at what they do. */
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { type RecordedLoad, recordedStore } from "./RecordedLoad.ts"
import { type ScalingNode, type ScalingNodeOptions, startScalingNode } from "./ScalingNode.ts"
import type { Store } from "../../../src/services/Store/Store.ts"

export const minuteMs = 60_000
export const hourMs = 3_600_000
export const dayMs = 24 * hourMs
/** A Monday. */
export const monday = Date.UTC(2026, 1, 2)

export const loadOf = (arrivals: RecordedLoad["arrivals"], more: Partial<RecordedLoad> = {}): RecordedLoad => ({
  group: "mail",
  task: "send",
  limit: 100,
  serviceMs: 2000,
  arrivals,
  pending: 0,
  running: 0,
  ...more
})

/** From 60 jobs a minute at midnight to 600 at noon on the first day, a tenth more each day. */
export const daily = (at: number) =>
  Math.round((1 + (0.1 * (at - monday)) / dayMs) * (330 - 270 * Math.cos((2 * Math.PI * (at % dayMs)) / dayMs)))
export const steady = () => 120

type NodeOptions = Partial<Omit<ScalingNodeOptions, "store">>

/** A store whose load was recorded `since`, at the time `until`, and a way to start processes on it. */
export const recorded = (load: RecordedLoad, since: number, until: number) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(until)
    const store = yield* recordedStore(load, since)
    const node = (name: string, more: NodeOptions = {}) =>
      startScalingNode({ store, name, tasks: [load.task], group: load.group, slots: load.limit, ...more })
    return { store, node }
  })

/** Long enough for a forecast to be trusted. */
export const past = 90 * minuteMs
/** Load of that time, and ten seconds so that the last step is settled. */
export const hoursOf = (load: RecordedLoad) => recorded(load, monday, monday + past + 10_000)

/** Moves the clock in steps of a round, so that the loops of all processes go on together. */
export const pass = (ms: number) =>
  Effect.gen(function* () {
    for (let left = ms; left > 0; left -= 15_000) yield* TestClock.adjust(Math.min(left, 15_000))
  })

export const statusOf = (node: ScalingNode) =>
  Effect.map(node.scaler.status, ({ groups }) => groups.find(({ group }) => group === "mail")!)

export const targetIn = (store: Store) =>
  Effect.map(store.documents.all("scale-target"), ([document]) =>
    document === undefined ? undefined : (JSON.parse(document.text).slots as number)
  )
