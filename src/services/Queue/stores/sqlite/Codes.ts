/** How states and wait reasons rest in the file: small integers, never renumbered. */
import type { JobState, WaitReason } from "../../Job.ts"

export const scheduled = 0
export const pending = 1
export const running = 2
/** Codes below this are of live jobs. */
export const liveCodes = 3
export const completed = 3
export const failed = 4
export const cancelled = 5

/** State names by code. */
export const stateNames: ReadonlyArray<JobState> = [
  "scheduled",
  "pending",
  "running",
  "completed",
  "failed",
  "cancelled"
]

export const stateCode = (state: JobState): number => stateNames.indexOf(state)

/** What a scheduled job waits for. A pending one keeps `waitRetry`, should it be put off again. */
export const waitNone = 0
export const waitTime = 1
export const waitRetry = 2
export const waitParents = 3
export const waitKey = 4
/** Not a wait: a running job that rides in the slot of another of its batch. */
export const rides = 5

const waitNames: ReadonlyArray<WaitReason | undefined> = [undefined, "time", "retry", "parents", "key"]

export const waitName = (code: number): WaitReason | undefined => waitNames[code]
