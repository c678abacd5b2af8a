/** How long a finished job stays: by its own word where it has one, else by the store's. */
import type { JobExtra, JobRetention, OwnRetention } from "../../Job.ts"
import type { Retention } from "../../../Store/JobStore.ts"
import { stateNames } from "./States.ts"

/** Whether it goes that finished at `finishedAt`, `kept` jobs of its state being there. Called for the oldest first. */
export const goes = ({ ageMs, count }: Retention, finishedAt: number, kept: number, now: number): boolean =>
  now - finishedAt > ageMs || kept > count

/** What a job says itself of its stay in this state; undefined: nothing. */
export const ownRetention = (extra: JobExtra | undefined, state: number): OwnRetention | undefined =>
  extra?.retention?.[stateNames[state] as keyof JobRetention]

/**
 * Until when a job stays that finishes now, in milliseconds since 1970; undefined: as the store's retention says. While
 * its key is taken (`windowEnd`; 0: it is not) it stays, since it is the answer to calls of that key.
 */
export const ownUntil = ({ ageMs }: OwnRetention, windowEnd: number, now: number): number | undefined =>
  ageMs === undefined ? undefined : Math.max(now + ageMs, windowEnd)

/** Whether nothing is to be kept of a job that finishes now, unless its result is still needed. */
export const leavesNothing = (until: number | undefined, now: number): boolean => until !== undefined && until <= now

/** Finished jobs beyond a count that go with the end of one more: as many as bring an old excess down, and no pause. */
export const evictedMost = 8
