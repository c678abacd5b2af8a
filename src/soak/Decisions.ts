/**
 * What the queue decides by itself in an unattended soak, read where each kind is told: the store's journals, and the
 * worker itself.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { Alerts } from "../services/Alerts/index.ts"
import { BatchTuning, PredictiveScaler, SlotPools } from "../services/Queue/index.ts"
import type { Decided, SoakLine } from "./SoakSamples.ts"
import { scaled } from "./UnattendedWork.ts"

/** Lets the scaler move the slots of its group, and look at no other. */
export const handOver = Effect.gen(function* () {
  const scaler = yield* PredictiveScaler
  yield* scaler.set("*", { mode: "off" })
  yield* scaler.set(scaled.name, { mode: "on" })
})

/** More than are made between two looks. */
const page = 100

/**
 * Reads the journals on from what the lines of earlier parts hold: what was decided since the last call, oldest first.
 */
export const journalsFrom = (lines: ReadonlyArray<SoakLine>) => {
  const last = { scaler: -1, alerts: -1 }
  for (const line of lines)
    if (line.type === "decision" && (line.by === "scaler" || line.by === "alerts"))
      last[line.by] = Math.max(last[line.by], line.seq ?? -1)
  const scaling = Effect.gen(function* () {
    const scaler = yield* PredictiveScaler
    const newest = yield* scaler.decisions(scaled.name, { limit: page })
    return newest.map(({ at, from, group, seq, text, to }): Decided & { readonly seq: number } => ({
      by: "scaler",
      of: group,
      time: at,
      from,
      to,
      why: text,
      seq
    }))
  })
  const alerting = Effect.gen(function* () {
    const alerts = yield* Alerts
    const newest = yield* alerts.history({ limit: page })
    return newest.map(({ alert: { rule, status, subject, text }, at, seq }): Decided & { readonly seq: number } => ({
      by: "alerts",
      of: subject === "" ? rule : `${rule} ${subject}`,
      time: at,
      why: `${status}: ${text}`,
      seq
    }))
  })
  return Effect.gen(function* () {
    const decided: Array<Decided> = []
    for (const [by, read] of [
      ["scaler", scaling],
      ["alerts", alerting]
    ] as const) {
      const fresh = (yield* read).filter(({ seq }) => seq > last[by])
      last[by] = fresh.reduce((most, { seq }) => Math.max(most, seq), last[by])
      decided.push(...fresh.reverse())
    }
    return decided
  })
}

/** As often as slots of pools are looked at. */
const lookMs = 1000

/** Tells what the worker of this process decides for itself: slots that it tunes, and sizes of batches. */
export const watching = (tell: (decided: Decided) => void) =>
  Effect.gen(function* () {
    const pools = yield* SlotPools
    const batches = yield* BatchTuning
    const known = new Map<string, number>()
    const noted = (decided: Omit<Decided, "from" | "pid"> & { readonly to: number }): void => {
      const { of, to } = decided
      const from = known.get(of)
      if (from === to) return
      known.set(of, to)
      tell({ ...decided, ...(from !== undefined && { from }), pid: process.pid })
    }
    for (;;) {
      const time = yield* Clock.currentTimeMillis
      for (const { group, reason, slots } of yield* pools.status)
        noted({ by: "tune", of: group, time, to: slots, why: reason })
      for (const { best, calls, group, items } of batches.curves())
        noted({ by: "batches", of: group, time, to: best, why: `${items} jobs in ${calls} calls` })
      yield* Effect.sleep(lookMs)
    }
  })
