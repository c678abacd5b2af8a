/** The states of a job as stores keep them: small integers, never renumbered. */
import type { JobState } from "../../Job.ts"

export const scheduled = 0
export const pending = 1
export const running = 2
export const completed = 3
export const failed = 4
export const cancelled = 5

/** By code. */
export const stateNames: ReadonlyArray<JobState> = [
  "scheduled",
  "pending",
  "running",
  "completed",
  "failed",
  "cancelled"
]

/** Codes below this are of live jobs. */
export const liveCodes = completed

export const stateCode = (state: JobState): number => stateNames.indexOf(state)

export const isWaiting = (state: number): boolean => state <= pending
export const isLive = (state: number): boolean => state <= running
export const isFinished = (state: number): boolean => state >= completed && state <= cancelled
