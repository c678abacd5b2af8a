/** What the tasks of a soak have in common. */
import * as Schema from "effect/Schema"
import type { Task } from "../services/Queue/index.ts"
import type { SoakPlan } from "./SoakPlan.ts"

const text = "x".repeat(150)

/** `time`: when it was asked for, on the clock that all processes of the machine share. About 220 bytes as JSON. */
export const payload = (part: number, index: number, time: number) => ({ part, index, time, text })
export type SoakPayload = ReturnType<typeof payload>

/** The part of their definitions that is the same. */
export const common = {
  payload: Schema.Struct({ part: Schema.Int, index: Schema.Int, time: Schema.Finite, text: Schema.String }),
  success: Schema.Int,
  error: Schema.String,
  retry: "quick"
} as const

export type SoakTask = Task.Task<SoakPayload, number, string>

/** What handlers do with an attempt when it starts and when it ends; `ended` answers the job's success. */
export interface Notes {
  readonly plan: SoakPlan
  readonly started: (payload: SoakPayload, attempt: number) => void
  readonly ended: (payload: SoakPayload, attempt: number, outcome: "ok" | "failed") => number
}
