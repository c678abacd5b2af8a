/** How definitions and enqueues say how long finished jobs stay. */
import type { Duration } from "effect"
import type { JobRetention, OwnRetention } from "../Job.ts"
import * as Bounds from "./Bounds.ts"
import * as Durations from "./Durations.ts"

/**
 * What stays of jobs that finished in one state. `"none"`: nothing, they leave no history. `age`: for so long after
 * their end, whatever the store's retention says; default: as that says. `count`: besides, of the task in its group so
 * many stay, the newest by id; default: no bound. The next job to end so takes those beyond it along.
 */
export type KeepOption = "none" | { readonly age?: Duration.Input; readonly count?: number }

/** State by state; one that is not named stays as the store's retention says. `"none"`: nothing of any. */
export type RetentionOption =
  | "none"
  | { readonly completed?: KeepOption; readonly failed?: KeepOption; readonly cancelled?: KeepOption }

const states = ["completed", "failed", "cancelled"] as const
const stateNames: ReadonlySet<string> = new Set(states)
const keepNames: ReadonlySet<string> = new Set(["age", "count"])

const nothing: OwnRetention = { ageMs: 0 }
const noHistory: JobRetention = { completed: nothing, failed: nothing, cancelled: nothing }

const checkKeep = (name: string, option: KeepOption): OwnRetention => {
  if (option === "none") return nothing
  if (typeof option !== "object" || option === null) return Bounds.refuse(name, option, '"none", or age and count')
  Bounds.fields(name, option, keepNames)
  return {
    ...(option.age !== undefined && { ageMs: Durations.limit(`${name}.age`, option.age) }),
    ...(option.count !== undefined && {
      count: Bounds.whole(`${name}.count`, option.count, 1, Number.MAX_SAFE_INTEGER)
    })
  }
}

/** As jobs carry it. Throws `OutOfBounds`. */
export const checkRetention = (name: string, option: RetentionOption): JobRetention => {
  if (option === "none") return noHistory
  if (typeof option !== "object" || option === null)
    return Bounds.refuse(name, option, '"none", or completed, failed and cancelled')
  Bounds.fields(name, option, stateNames)
  return Object.fromEntries(
    states.flatMap((state) =>
      option[state] === undefined ? [] : [[state, checkKeep(`${name}.${state}`, option[state])]]
    )
  )
}

/** The same, but long enough for whoever awaits the job elsewhere to read how it ended. */
export const readable = (retention: JobRetention, leastMs: number): JobRetention =>
  Object.fromEntries(
    Object.entries(retention).map(([state, own]: [string, OwnRetention]) => [
      state,
      own.ageMs === undefined ? own : { ...own, ageMs: Math.max(own.ageMs, leastMs) }
    ])
  )
