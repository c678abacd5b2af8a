/**
 * Where a job that does not run stands, and why. It is `pending` once nothing keeps it: no parent, no earlier job of
 * its key, not its time.
 *
 * SQL repeats this in one place, for the jobs whose time has come: `Due` of the SQLite store.
 */
import type { WaitReason } from "../../Job.ts"
import { pending, scheduled } from "./States.ts"

/** What a job waits for, as stores keep it: small integers, never renumbered. */
export const waitNone = 0
export const waitTime = 1
/** Kept by a pending job too, should it be put off again. */
export const waitRetry = 2
export const waitParents = 3
export const waitKey = 4
/** Not a wait: a running job that rides in the slot of another of its batch. */
export const rides = 5
/** Nothing but a limit of its key keeps it: its key makes it pending, no time does. */
export const waitLimit = 6
/** The same, of one that is to be tried again. */
export const waitLimitRetry = 7

const reasons: ReadonlyArray<WaitReason | undefined> = [
  undefined,
  "time",
  "retry",
  "parents",
  "key",
  undefined,
  "limit",
  "limit"
]

/** Why a `scheduled` job is not pending. */
export const waitReason = (wait: number): WaitReason | undefined => reasons[wait]

/** What a job waits for beside its time. Its parents come first: they may decide it before its key is free. */
export const waitOf = (hasParents: boolean, isHeld: boolean, isRetrying: boolean): number =>
  hasParents ? waitParents : isHeld ? waitKey : isRetrying ? waitRetry : waitNone

/** Only its time can keep it. */
export const isForTimeOnly = (wait: number): boolean => wait <= waitRetry

/** Other jobs keep it, not its time or its limits. */
export const isForOthers = (wait: number): boolean => wait === waitParents || wait === waitKey

/** It waits in the line of its key. */
export const isForLimit = (wait: number): boolean => wait >= waitLimit

/** What a job in no line waits for that comes into one. */
export const intoLine = (wait: number): number => (wait === waitRetry ? waitLimitRetry : waitLimit)

/** What a job waits for but for the line that it is in. */
export const outOfLine = (wait: number): number =>
  wait === waitLimitRetry ? waitRetry : wait === waitLimit ? waitNone : wait

/** `due` and `now` in milliseconds from the same start. */
export const stateWhile = (wait: number, due: number, now: number): number =>
  isForTimeOnly(wait) && due <= now ? pending : scheduled

/** What is kept of the wait of a job that has been placed: that its time is all it waits for is said by its time. */
export const waitWhile = (wait: number, due: number, now: number): number =>
  wait === waitNone || wait === waitTime ? (due <= now ? waitNone : waitTime) : wait

/**
 * Milliseconds a job has waited to start: from its due time, or its enqueue if that is later. A clock set back waits
 * nothing.
 */
export const waitedMs = (now: number, due: number, enqueuedAt: number): number =>
  Math.max(0, now - Math.max(due, enqueuedAt))

/** A job expires until it has started; once it has, its retries know no expiry. */
export const isExpired = (attempt: number, expiresAt: number | null | undefined, now: number): boolean =>
  attempt === 0 && expiresAt !== undefined && expiresAt !== null && expiresAt <= now
