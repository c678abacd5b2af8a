/** A group's recorded arrivals, step by step. */
import { Effect } from "effect"
import type { RollUps } from "../../Store/RollUps.ts"
import { stepsOf } from "../policy/ArrivalSteps.ts"
import { rollUpRetentionMs } from "../../Queue/policy/RollUps.ts"
import type { StepWidth } from "../ScaleSettings.ts"
import type { StoreError } from "../../Store/StoreError.ts"

/** Steps read at a time. */
const chunk = 720

export interface PastStep {
  readonly start: number
  /** Undefined: not measured. */
  readonly count: number | undefined
}

/** The first step whose roll-ups a store still keeps. */
export const oldestKept = (stepMs: StepWidth, to: number): number =>
  Math.max(0, to - Math.floor(rollUpRetentionMs[stepMs] / stepMs) * stepMs)

/** From the group's first arrival that is kept, or `from`, up to `to`. */
export const readPast = (
  rollUps: RollUps["Service"],
  group: string,
  stepMs: StepWidth,
  to: number,
  from = oldestKept(stepMs, to)
): Effect.Effect<ReadonlyArray<PastStep>, StoreError> =>
  Effect.gen(function* () {
    const past: Array<PastStep> = []
    for (let at = from; at < to; at += chunk * stepMs) {
      const query = { width: stepMs, from: at, to: Math.min(to, at + chunk * stepMs) }
      const counted = yield* rollUps.jobs({ ...query, group })
      const resources = yield* rollUps.resources(query)
      for (const { groups, measured, start } of stepsOf(counted, resources, { ...query, stepMs })) {
        const count = measured ? (groups.get(group)?.arrivals ?? 0) : undefined
        if (past.length > 0 || (count ?? 0) > 0) past.push({ start, count })
      }
    }
    return past
  })
