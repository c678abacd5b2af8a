/** What the end of an attempt means for its job: completed, another attempt, buried, cancelled, or handed back. */
import { Cause, type Exit } from "effect"
import { RateLimited } from "../../Limits/RateLimited.ts"
import { timeOf } from "../../Limits/policy/RetryAfter.ts"
import type { ClaimedJob, FollowUp, SettleOutcome } from "../../Store/Turn.ts"
import type { Failure, FailureCause } from "../Job.ts"
import { dueAfter } from "../policy/Bounds.ts"
import { retryDelay, type RetryPolicy } from "../policy/RetryDelay.ts"
import { NonRetryable, Snoozed } from "../Task.ts"
import type { TaskCodec } from "../codec/TaskCodec.ts"
import { Suspended } from "../attempt/Suspended.ts"
import { RefusedTooLong } from "./Refusals.ts"

/** Why the worker interrupted a handler; undefined when it did not. */
export type StopReason =
  | { readonly _tag: "Cancelled"; readonly reason: string }
  | { readonly _tag: "HardLimit"; readonly limitMs: number }
  /** The worker stops: the job goes back unspent. */
  | { readonly _tag: "Stopping" }
  /** The lease is lost: nothing may be settled. */
  | { readonly _tag: "Fenced" }

/** What decides the ends of a task's attempts. */
export interface EndPolicy {
  readonly codec: TaskCodec
  readonly retry: RetryPolicy
  readonly retryable: (error: never) => boolean
  readonly maxResultBytes: number
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Uniform in [0, 1). */
  readonly random: () => number
}

export interface AttemptEnd {
  readonly outcome: SettleOutcome
  readonly result: unknown
  readonly failure: Failure | undefined
  readonly due: number
  /** The handler's typed error, for a waiter of this process. */
  readonly error: unknown
  /** Jobs that come with it. */
  readonly followUp?: FollowUp
  /** The other side takes no more before, in milliseconds since 1970. */
  readonly heldBackUntil?: number
}

const maxMessage = 4096
const maxDetail = 16_384

const bounded = (text: string, max: number) => (text.length <= max ? text : `${text.slice(0, max - 1)}…`)

const boundedError = (error: unknown): unknown => {
  const text = readable(() => JSON.stringify(error), undefined)
  if (text === undefined) return { unreadable: `a ${typeof error} that cannot be written as JSON` }
  // As it comes back from a store that keeps text.
  return text.length <= maxDetail ? JSON.parse(text) : { truncated: bounded(text, maxDetail) }
}

/** A failure within its bounds. */
export const makeFailure = (
  cause: FailureCause,
  message: string,
  attempt: number,
  at: number,
  more?: { readonly error?: unknown; readonly stack?: string | undefined }
): Failure => ({
  cause,
  message: bounded(message, maxMessage),
  attempt,
  at,
  ...(more?.error === undefined ? {} : { error: boundedError(more.error) }),
  ...(more?.stack === undefined ? {} : { stack: bounded(more.stack, maxDetail) })
})

/** What was thrown may be anything: a getter that throws, a proxy, a circle. Reading it must not harm the worker. */
const readable = <A>(read: () => A, otherwise: A): A => {
  try {
    return read()
  } catch {
    return otherwise
  }
}

const messageOf = (error: unknown): string => {
  const message = readable(() => {
    if (error instanceof Error && typeof error.message === "string" && error.message !== "") return error.message
    if (typeof error === "object" && error !== null && "_tag" in error) return String(error._tag)
    return error instanceof Error ? String(error.name) : undefined
  }, undefined)
  if (message !== undefined) return message
  return typeof error === "object" && error !== null
    ? (readable(() => JSON.stringify(error), undefined) ?? "an object that cannot be read")
    : String(error)
}

const stackOf = (error: unknown) =>
  readable(() => (error instanceof Error && typeof error.stack === "string" ? error.stack : undefined), undefined)

/** The end of a job whose payload its task cannot read. */
export const undecodable = (cause: unknown, job: ClaimedJob, now: number): AttemptEnd => {
  const message = cause instanceof Error ? cause.message : String(cause)
  return end(
    "failed",
    makeFailure("Undecodable", `The payload does not fit the task's schema: ${message}`, job.attempt, now)
  )
}

const end = (outcome: SettleOutcome, failure: Failure, error?: unknown): AttemptEnd => ({
  outcome,
  result: undefined,
  failure,
  due: 0,
  error
})

const retryOrBury = (job: ClaimedJob, policy: EndPolicy, failure: Failure, error?: unknown): AttemptEnd => {
  const { random, retry } = policy
  const now = policy.now()
  if (job.attempt >= job.maxAttempts) return end("failed", failure, error)
  return {
    outcome: "retry",
    result: undefined,
    failure,
    due: dueAfter(now, retryDelay(retry, job.attempt, random(), now)),
    error
  }
}

const refusedTooLong = ({ refusal, since }: RefusedTooLong, job: ClaimedJob, policy: EndPolicy): AttemptEnd => {
  const now = policy.now()
  const message = `The other side has refused it again and again since ${new Date(since).toISOString()}`
  const spent = retryOrBury(job, policy, makeFailure("Failed", message, job.attempt, now))
  return spent.outcome === "retry" ? { ...spent, due: Math.max(spent.due, timeOf(refusal.when, now)) } : spent
}

const release = (due: number): AttemptEnd => ({
  outcome: "release",
  result: undefined,
  failure: undefined,
  due,
  error: undefined
})

/** A result that was reached. */
const succeeded = (value: unknown, job: ClaimedJob, { codec, maxResultBytes, now }: EndPolicy): AttemptEnd => {
  let result: unknown
  try {
    result = codec.success.encode(value)
  } catch (cause) {
    return end(
      "failed",
      makeFailure("BadResult", `The result does not fit the task's schema: ${messageOf(cause)}`, job.attempt, now())
    )
  }
  const bytes = codec.success.bytesAbove(result, maxResultBytes)
  if (bytes !== undefined) {
    return end(
      "failed",
      makeFailure("BadResult", `The result has ${bytes} bytes; at most ${maxResultBytes} are kept`, job.attempt, now())
    )
  }
  return { outcome: "completed", result, failure: undefined, due: 0, error: undefined }
}

/**
 * Decides from how the handler ended. Pure but for `random`. Never throws: when the task's own policy does, or its
 * error cannot be looked at, the job is buried with what it threw.
 */
export const attemptEnd = (
  exit: Exit.Exit<unknown, unknown>,
  job: ClaimedJob,
  stop: StopReason | undefined,
  policy: EndPolicy
): AttemptEnd => {
  try {
    return exit._tag === "Success" ? succeeded(exit.value, job, policy) : failed(exit.cause, job, stop, policy)
  } catch (thrown) {
    const message = `Whether to try again could not be told: ${messageOf(thrown)}`
    return end("failed", makeFailure("Defect", message, job.attempt, policy.now()))
  }
}

const failed = (
  causes: Cause.Cause<unknown>,
  job: ClaimedJob,
  stop: StopReason | undefined,
  policy: EndPolicy
): AttemptEnd => {
  const { codec } = policy
  const now = policy.now()
  const fail = causes.reasons.find(Cause.isFailReason)
  if (fail !== undefined) {
    const error = fail.error
    if (error instanceof Snoozed) return release(dueAfter(now, error.delayMs))
    if (error instanceof RateLimited) {
      const heldBackUntil = timeOf(error.when, now)
      return { ...release(heldBackUntil), heldBackUntil }
    }
    if (error instanceof RefusedTooLong) return refusedTooLong(error, job, policy)
    if (error instanceof Suspended) return { ...release(now), followUp: error.followUp }
    if (error instanceof NonRetryable) {
      return end("failed", makeFailure("NonRetryable", error.message, job.attempt, now, { error: error.detail }), error)
    }
    if (stop?._tag === "Stopping") return release(now)
    let encoded: unknown
    try {
      encoded = codec.error.encode(error)
    } catch (misfit) {
      const what = codec.declaresError
        ? `The error does not fit the task's schema: ${messageOf(misfit)}; it is ${messageOf(error)}`
        : messageOf(error)
      return retryOrBury(job, policy, makeFailure("Defect", what, job.attempt, now, { stack: stackOf(error) }))
    }
    const failure = makeFailure("Failed", messageOf(error), job.attempt, now, { error: encoded })
    return policy.retryable(error as never) ? retryOrBury(job, policy, failure, error) : end("failed", failure, error)
  }
  const die = causes.reasons.find(Cause.isDieReason)
  if (die !== undefined && stop === undefined) {
    const cause = isWorkerLoss(die.defect) ? "WorkerLost" : "Defect"
    return retryOrBury(
      job,
      policy,
      makeFailure(cause, messageOf(die.defect), job.attempt, now, { stack: stackOf(die.defect) })
    )
  }
  switch (stop?._tag) {
    case "Cancelled":
      return end("cancelled", makeFailure("Cancelled", stop.reason, job.attempt, now))
    case "HardLimit":
      return retryOrBury(
        job,
        policy,
        makeFailure("TimedOut", `Stopped at its hard limit of ${stop.limitMs} ms`, job.attempt, now)
      )
    case "Stopping":
    case "Fenced":
      return release(now)
    case undefined:
      return retryOrBury(job, policy, makeFailure("Defect", "The handler interrupted itself", job.attempt, now))
  }
}

const workerLosses: ReadonlyArray<unknown> = ["ThreadDied", "CommandLost"]

/** Whether a defect says that the thread or process under the handler died. Thread and process runners mark theirs. */
const isWorkerLoss = (defect: unknown): boolean =>
  readable(
    () => typeof defect === "object" && defect !== null && "_tag" in defect && workerLosses.includes(defect._tag),
    false
  )
