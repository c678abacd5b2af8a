/** New jobs whose key's slots are taken, and those that are there. */
import { fitsWindow, mayBeReady } from "../../Limits/policy/KeyAdmission.ts"
import { isLive, running } from "../../Queue/policy/jobs/States.ts"
import { isForTimeOnly } from "../../Queue/policy/jobs/Waiting.ts"
import type { KeySlots } from "./KeySlots.ts"
import type { LimitedKey } from "./LimitedKey.ts"
import { otherWaitOf, slotsIn, type StoredJob } from "./StoredJob.ts"

/** What a new job's key does with one that would have to wait; undefined: it waits, or does not have to. */
export const conflictOf = (
  slots: KeySlots,
  job: StoredJob,
  now: number
): { readonly key: LimitedKey; readonly newest: boolean } | undefined => {
  const key = isForTimeOnly(otherWaitOf(job)) ? slots.keyOf(job) : undefined
  if (key === undefined) return undefined
  const { conflict = "queue" } = key.policy
  const isDue = slots.isDue(job, now)
  if (conflict === "queue" || (!isDue && !key.holds)) return undefined
  const starts = isDue ? slots.mayStart(job, key, now) : mayBeReady(key, key.window, slotsIn(job), now)
  return key.isFirst(job) && starts ? undefined : { key, newest: conflict === "cancelNewest" }
}

/**
 * Calls `cancel` for the oldest jobs of a key until one of so many slots would be next and fit, once they are gone.
 */
export const displace = (key: LimitedKey, slots: number, cancel: (job: StoredJob) => void): void => {
  const isLeaving = (job: StoredJob) => job.state === running && job.rare?.cancelReason !== undefined
  const arrived = [...key.holders, ...key.line.peek(key.waiting)].sort((a, b) => a.id - b.id)
  let leaving = arrived.reduce((sum, job) => sum + (isLeaving(job) ? slotsIn(job) : 0), 0)
  for (const job of arrived) {
    if (key.waiting === 0 && fitsWindow(key.window, key.held - leaving, slots)) return
    if (!isLive(job.state) || isLeaving(job)) continue
    cancel(job)
    if (job.state === running) leaving += slotsIn(job)
  }
}
