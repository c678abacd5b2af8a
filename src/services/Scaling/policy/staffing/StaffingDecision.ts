/** What a staffing decision is made from, and what it says. Plain data. */
import type { Limitation } from "./Bounds.ts"
import type { ForecastSteps } from "./ForecastSteps.ts"
import type { Risk } from "./TrialFleets.ts"
import type { Distrust, TrackRecord } from "./Trust.ts"

/** What is seen of a group. Times in milliseconds. */
export interface Observation {
  /** Since 1970. */
  readonly at: number
  /** Jobs that arrived since the last observation; undefined: not known. */
  readonly arrivals: number | undefined
  /** Up to when they were counted, where that is not `at`: ticks end by it, so that none holds what came in another. */
  readonly arrivalsTo?: number
  readonly waiting: number
  readonly running: number
  /** Slots that run jobs or could. */
  readonly ready: number
  /** Slots asked for that are not ready. */
  readonly starting: number
  /** How long each running job has run. Undefined: not known, service is taken as memoryless. */
  readonly elapsedMs?: ReadonlyArray<number> | undefined
  /** Jobs that ended since the last observation, by how long they ran. */
  readonly served?: ReadonlyArray<{ readonly ms: number; readonly jobs: number }> | undefined
  /** From asking to ready, of slots that became ready since the last observation. */
  readonly startUps?: ReadonlyArray<number> | undefined
  /** The present forecast, and how it has done. */
  readonly forecast?: ForecastSteps | undefined
  readonly record?: TrackRecord | undefined
}

/**
 * What asks for slots: what runs and will arrive by the forecast, by the last arrivals, what waits, and what bursts out
 * of nothing have taken.
 */
export type NeedName = "forecast" | "reactive" | "backlog" | "standing"

export type StaffingReason = NeedName | Limitation

/** Slots wanted in all, ready and starting, and all that led to it. Plain data. */
export interface StaffingDecision {
  readonly target: number
  /** The need that is met, or the last thing that kept the target from it. */
  readonly reason: StaffingReason
  /** Slots each need asks for, not rounded. `forecast` is undefined while the forecast is left out. */
  readonly needs: Readonly<Record<Exclude<NeedName, "forecast">, number>> & { readonly forecast: number | undefined }
  /** The largest need. */
  readonly largest: NeedName
  /** That need in whole slots, before it was held and bounded. */
  readonly wanted: number
  readonly limitedBy: ReadonlyArray<Limitation>
  /** More run than the bounds allow: slots are to end as their jobs do. */
  readonly draining: boolean
  readonly distrust: Distrust | undefined
  readonly risk: Risk
  /** Whether the risk was learned, set, or is the first one. */
  readonly riskFrom: "learned" | "settings" | "default"
  /** Arrivals within the start-up time and a tick: expected, and at the quantile. */
  readonly expected: number
  readonly atQuantile: number
  /** Weight of the forecast in what is expected, 0 to 1. */
  readonly forecastWeight: number
  readonly serviceMs: number
  readonly startUpMs: number
  readonly waitMs: number
}
