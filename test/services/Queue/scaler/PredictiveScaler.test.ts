import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { type RecordedLoad, recordedStore } from "../../../support/scaler/RecordedLoad.ts"
import { type ScalingNode, startScalingNode } from "../../../support/scaler/ScalingNode.ts"

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs
/** A Monday. */
const monday = Date.UTC(2026, 1, 2)

const loadOf = (arrivals: (at: number) => number | undefined, more: Partial<RecordedLoad> = {}): RecordedLoad => ({
  group: "mail",
  task: "send",
  limit: 100,
  serviceMs: 2000,
  arrivals,
  pending: 0,
  running: 0,
  ...more
})

/** From 60 jobs a minute at night to 600 at noon. */
const daily = (at: number) => Math.round(330 - 270 * Math.cos((2 * Math.PI * (at % dayMs)) / dayMs))

const started = (load: RecordedLoad, since: number, until: number) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(until)
    const store = yield* recordedStore(load, since)
    const node = (name: string, more: Partial<Parameters<typeof startScalingNode>[0]> = {}) =>
      startScalingNode({ store, name, tasks: [load.task], group: load.group, slots: load.limit, ...more })
    return { store, node }
  })

/** Moves the clock a round at a time, so that loops of all nodes go on together. */
const pass = (ms: number) =>
  Effect.gen(function* () {
    for (let left = ms; left > 0; left -= 15_000) yield* TestClock.adjust(Math.min(left, 15_000))
  })

const mail = (node: ScalingNode) =>
  Effect.map(node.scaler.status, ({ groups }) => groups.find(({ group }) => group === "mail")!)

describe("the scaler", () => {
  it.effect("predicts a day from the days before, with work and how well it has known", () =>
    Effect.gen(function* () {
      const { node } = yield* started(loadOf(daily), monday, monday + 3 * dayMs + 8 * hourMs + 10_000)
      const { scaler, stop } = yield* node("a")
      const prediction = yield* scaler.predictLoad("mail", "2 hours")
      console.log(prediction.quality, prediction.distrust, prediction.seenTo - monday)
      assert.strictEqual(prediction.steps.length, 121)
      for (const { arrivals, at, work } of prediction.steps) {
        assert.closeTo(arrivals.mean, daily(at), 0.1 * daily(at))
        assert.closeTo(work.mean, arrivals.mean * 2, arrivals.mean * 0.05)
        assert.isTrue(0 <= work.p05 && work.p05 <= work.p50 && work.p50 <= work.p90 && work.p90 <= work.p95)
      }
      yield* pass(hourMs)
      console.log(yield* mail({ scaler } as never))
      for (const d of yield* scaler.decisions("mail"))
        console.log(d.seq, (d.at - monday) / hourMs, d.from, d.to, d.reason, d.text)
      yield* stop
    })
  )
})
