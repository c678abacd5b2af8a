/** From what was seen and forecast to a number of slots. */
import { Schema } from "effect"
import type { ForecastStep } from "../policy/forecast/Forecaster.ts"
import type { ScaleNeeds, ScaleReason } from "../ScaleDecision.ts"

/** What a decision remembers for the next one. Times in milliseconds since 1970. */
export const StaffingMemory = Schema.Struct({
  /** Since when fewer slots would do, and the most that were needed since. */
  fewerSince: Schema.NullOr(Schema.Finite),
  fewerMost: Schema.Finite
})
export type StaffingMemory = typeof StaffingMemory.Type

export const noMemory: StaffingMemory = { fewerSince: null, fewerMost: 0 }

export interface StaffingInputs {
  readonly now: number
  readonly pending: number
  readonly running: number
  /** The target before. */
  readonly target: number
  readonly minSlots: number
  readonly maxSlots: number
  readonly serviceMs: number
  readonly startupMs: number
  readonly roundMs: number
  readonly holdDownMs: number
  readonly drainMs: number
  /** Of the last complete step; undefined: not measured. */
  readonly lastArrivals: number | undefined
  readonly stepMs: number
  /** Steps from `stepsFrom`; undefined: the forecast is not to be trusted. */
  readonly steps: ReadonlyArray<ForecastStep> | undefined
  readonly stepsFrom: number
  readonly quantile: number
}

export interface Staffing {
  readonly target: number
  readonly reason: ScaleReason
  readonly needs: ScaleNeeds
  readonly memory: StaffingMemory
}

const quantileOf = ({ mean, p50, p90, p95 }: ForecastStep, quantile: number): number => {
  const points = [
    [0.5, p50],
    [0.9, p90],
    [0.95, p95],
    [1, p95 + (p95 - mean)]
  ] as const
  const above = points.findIndex(([at]) => at >= quantile)
  if (above <= 0) return points[0][1]
  const [low, from] = points[above - 1]!
  const [high, to] = points[above]!
  return from + ((to - from) * (quantile - low)) / (high - low)
}

/** Arrivals per second, at the quantile, of the busiest step that touches the time until slots decided now can be changed again. */
const comingRate = ({ now, quantile, roundMs, startupMs, stepMs, steps, stepsFrom }: StaffingInputs): number => {
  if (steps === undefined) return 0
  const until = now + startupMs + roundMs
  return steps.reduce((most, step, i) => {
    const at = stepsFrom + i * stepMs
    return at < until && at + stepMs > now ? Math.max(most, quantileOf(step, quantile) / (stepMs / 1000)) : most
  }, 0)
}

export const staff = (inputs: StaffingInputs, memory: StaffingMemory): Staffing => {
  const { drainMs, lastArrivals, maxSlots, minSlots, now, pending, running, serviceMs, stepMs, target } = inputs
  const service = serviceMs / 1000
  const needs: ScaleNeeds = {
    forecast: comingRate(inputs) * service,
    reactive: Math.max(running + (pending > 0 ? 1 : 0), ((lastArrivals ?? 0) / (stepMs / 1000)) * service),
    backlog: running + (pending * serviceMs) / drainMs
  }
  const [reason, need] = (Object.entries(needs) as Array<[keyof ScaleNeeds, number]>).reduce((a, b) =>
    b[1] > a[1] ? b : a
  )
  const wanted = Math.ceil(need)
  const bounded = Math.max(minSlots, Math.min(maxSlots, wanted))
  if (bounded >= target) {
    return {
      target: bounded,
      reason: bounded === wanted ? reason : "bounds",
      needs,
      memory: { fewerSince: null, fewerMost: 0 }
    }
  }
  const since = memory.fewerSince ?? now
  const most = Math.max(memory.fewerMost, bounded)
  if (now - since < inputs.holdDownMs) {
    return { target: Math.min(target, maxSlots), reason: "hold", needs, memory: { fewerSince: since, fewerMost: most } }
  }
  return {
    target: most,
    reason: most === wanted ? reason : "bounds",
    needs,
    memory: { fewerSince: now, fewerMost: bounded }
  }
}
