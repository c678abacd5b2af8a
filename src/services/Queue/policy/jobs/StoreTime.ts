/**
 * Calls in the time of a store whose clock is not the caller's: each time that a call names is moved by as much as the
 * two differ, so that what was meant to be in five minutes is in five minutes. What a store answers is in its own time.
 */
import type { Failure, JobExtra } from "../../Job.ts"
import type { JobChange } from "../../../Store/JobChange.ts"
import type { JobFilter } from "../../../Store/JobQuery.ts"
import type { NewJob, Settle, Turn } from "../../../Store/Turn.ts"

/** The fields that are times and are there. */
const moved = <A extends object>(record: A, times: ReadonlyArray<keyof A>, ms: number): A => {
  const copy = { ...record }
  for (const time of times) if (copy[time] !== undefined) copy[time] = ((copy[time] as number) + ms) as A[keyof A]
  return copy
}

const extraIn = (extra: JobExtra | undefined, ms: number): JobExtra | undefined =>
  extra?.deadline === undefined ? extra : moved(extra, ["deadline"], ms)

const newJobIn = (job: NewJob, ms: number): NewJob => ({
  ...moved(job, ["due", "rank", "expiresAt"], ms),
  extra: extraIn(job.extra, ms)
})

const failureIn = (failure: Failure | undefined, ms: number): Failure | undefined =>
  failure === undefined ? undefined : moved(failure, ["at"], ms)

const settleIn = (settle: Settle, ms: number): Settle => {
  const there = { ...moved(settle, ["due", "rank", "heldBackUntil"], ms), failure: failureIn(settle.failure, ms) }
  const { followUp } = settle
  return followUp === undefined
    ? there
    : { ...there, followUp: { ...followUp, jobs: followUp.jobs.map((job) => newJobIn(job, ms)) } }
}

export const turnIn = (turn: Turn, ms: number): Turn => ({
  ...turn,
  now: turn.now + ms,
  settle: turn.settle.map((settle) => settleIn(settle, ms)),
  enqueue: turn.enqueue.map((job) => newJobIn(job, ms)),
  logs: turn.logs.map((line) => moved(line, ["at"], ms))
})

/** Also what else is asked about an interval. */
export const intervalIn = <A extends Pick<JobFilter, "from" | "to">>(filter: A, ms: number): A =>
  moved(filter, ["from", "to"], ms)

export const changeIn = (change: JobChange, ms: number): JobChange =>
  change._tag === "Edit" ? moved(change, ["due", "notBefore", "deadline"], ms) : change

/** Options that say when the call was made. */
export const nowIn = <A extends { readonly now: number }>(options: A, ms: number): A => moved(options, ["now"], ms)
