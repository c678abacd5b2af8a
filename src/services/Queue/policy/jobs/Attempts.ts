/**
 * What is kept of a job's attempts. Those after which it waited again are kept as they end; the last one is the job's
 * own row. An attempt that was handed back is none.
 */
import type { Failure, JobAttempt, JobState } from "../../Job.ts"

/** Attempts kept beside the last: with messages of 4 KiB and errors of 16 KiB at most some 200 KiB of a job. */
export const attemptsKept = 10

const outcomes: ReadonlyArray<unknown> = ["completed", "failed", "cancelled", "lost"] satisfies ReadonlyArray<
  JobAttempt["outcome"]
>

/** Whether something read from a file that may come from anybody is an attempt that has ended. */
export const isAttempt = (value: unknown): value is JobAttempt => {
  if (typeof value !== "object" || value === null) return false
  const { endedAt, failure, number, outcome, session, startedAt } = value as Readonly<Record<string, unknown>>
  return (
    Number.isSafeInteger(number) &&
    Number.isSafeInteger(session) &&
    isTime(startedAt) &&
    isTime(endedAt) &&
    outcomes.includes(outcome) &&
    (failure === undefined || isFailure(failure))
  )
}

const isTime = (value: unknown): boolean => typeof value === "number" && Math.abs(value) <= 8.64e15

const isFailure = (value: unknown): boolean => {
  if (typeof value !== "object" || value === null) return false
  const { at, attempt, cause, message } = value as Readonly<Record<string, unknown>>
  return typeof cause === "string" && typeof message === "string" && Number.isSafeInteger(attempt) && isTime(at)
}

const withoutStack = (failure: Failure): Failure => {
  if (failure.stack === undefined) return failure
  const { stack: _, ...rest } = failure
  return rest
}

/** An attempt that has ended, as it is kept: of its failure all but the stack. */
export const endedAttempt = (
  number: number,
  session: number,
  startedAt: number,
  endedAt: number,
  outcome: JobAttempt["outcome"],
  failure: Failure | undefined
): JobAttempt =>
  failure === undefined
    ? { number, session, startedAt, endedAt, outcome }
    : { number, session, startedAt, endedAt, outcome, failure: withoutStack(failure) }

/** The attempts kept of a job one of whose attempts has ended. */
export const withAttempt = (
  past: ReadonlyArray<JobAttempt> | undefined,
  ended: JobAttempt
): ReadonlyArray<JobAttempt> =>
  past === undefined ? [ended] : [...(past.length < attemptsKept ? past : past.slice(-attemptsKept + 1)), ended]

interface Last {
  readonly attempt: number
  readonly state: JobState
  readonly session: number | undefined
  readonly startedAt: number | undefined
  readonly finishedAt: number | undefined
  readonly failure: Failure | undefined
}

/** All attempts of a job, the oldest first: those kept, and the last one where it runs or the job has ended with it. */
export const attemptsOf = (past: ReadonlyArray<JobAttempt>, job: Last): ReadonlyArray<JobAttempt> => {
  const { attempt, failure, finishedAt, session, startedAt, state } = job
  const isLastKept = attempt === (past.at(-1)?.number ?? 0)
  if (isLastKept || session === undefined || startedAt === undefined) return past
  const own = failure?.attempt === attempt && state !== "completed" && state !== "running" ? failure : undefined
  if (state === "running") return [...past, { number: attempt, session, startedAt, outcome: state }]
  if (state === "scheduled" || state === "pending" || finishedAt === undefined) return past
  return [
    ...past,
    {
      number: attempt,
      session,
      startedAt,
      endedAt: finishedAt,
      outcome: own?.cause === "WorkerLost" ? "lost" : state,
      ...(own !== undefined && { failure: own })
    }
  ]
}
