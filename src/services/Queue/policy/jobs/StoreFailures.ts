/** The failures that a store finds by itself, in the words of every store. */
import type { Failure, FailureCause, JobId } from "../../Job.ts"
import { formatJobId } from "../JobIds.ts"

const failure = (cause: FailureCause, message: string, attempt: number, at: number): Failure => ({
  cause,
  message,
  attempt,
  at
})

export const cancelledBecause = (reason: string, attempt: number, at: number): Failure =>
  failure("Cancelled", reason, attempt, at)

/** Ended at once, by a policy to cancel the newest of a key. */
export const noRoomAtKey = (key: string, window: number, at: number): Failure =>
  cancelledBecause(`${limitOfKey(key, window)}, and its policy is to cancel the newest.`, 0, at)

/** Why a job is cancelled by a newer one, where the policy of a key is to cancel those that run. */
export const displacedAtKey = (key: string, window: number): string =>
  `${limitOfKey(key, window)}, and its policy is to cancel those before the newest.`

const limitOfKey = (key: string, window: number): string =>
  `Key ${JSON.stringify(key)} has no room for another job beside its ${Number.isFinite(window) ? `limit of ${window}` : "rate"}`

export const expired = (at: number): Failure => failure("Expired", "It had not started when it expired.", 0, at)

export const parentFailed = (parent: JobId, attempt: number, at: number): Failure =>
  failure("ParentFailed", `Job ${formatJobId(parent)}, which it waited for, did not complete.`, attempt, at)

export const workerLost = (isLast: boolean, attempt: number, at: number): Failure =>
  failure(
    "WorkerLost",
    isLast ? "Its worker died or lost its lease, and no attempt is left." : "Its worker died or lost its lease.",
    attempt,
    at
  )

export const undecodable = (attempt: number, at: number): Failure =>
  failure("Undecodable", "Its payload does not match its checksum.", attempt, at)
