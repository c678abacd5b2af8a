/**
 * What becomes of an attempt that the other side refused (`RateLimited`): put off, no attempt spent, until that has
 * gone on for too long. When it began is kept with the job, as its durable steps are, since each attempt may run
 * elsewhere.
 */
import { Cause, Effect, type Exit } from "effect"
import { RateLimited } from "../../Limits/RateLimited.ts"
import { isPutOffTooLong } from "../../Limits/policy/PutOff.ts"
import { type JobSteps, Snoozed } from "../Task.ts"

/** A refusal that counts as a failed attempt. */
export class RefusedTooLong {
  readonly refusal: RateLimited
  /** In milliseconds since 1970. */
  readonly since: number

  constructor(refusal: RateLimited, since: number) {
    this.refusal = refusal
    this.since = since
  }
}

/** What a handler fails with may resist being looked at. */
const isSafely = (is: () => boolean): boolean => {
  try {
    return is()
  } catch {
    return false
  }
}

const isRefusal = (error: unknown): error is RateLimited => isSafely(() => error instanceof RateLimited)

/** Whether a handler asked to be run again later, without an attempt being spent. */
export const isPutOff = (error: unknown): boolean => isRefusal(error) || isSafely(() => error instanceof Snoozed)

export const refusalIn = (exit: Exit.Exit<unknown, unknown>): RateLimited | undefined => {
  if (exit._tag === "Success") return undefined
  const fail = exit.cause.reasons.find(Cause.isFailReason)
  return isRefusal(fail?.error) ? fail.error : undefined
}

/** Under which name it is kept among the durable steps of the job. */
const firstRefusal = "sluice/first refusal"

/** The end of an attempt that was refused at `now`. */
export const endOfRefused = (refusal: RateLimited, steps: JobSteps, now: number): Effect.Effect<never, unknown> =>
  Effect.gen(function* () {
    const kept = yield* steps.read(firstRefusal)
    if (kept === undefined) yield* steps.keep(firstRefusal, String(now))
    const since = kept === undefined ? now : Number(kept)
    return yield* Effect.fail(isPutOffTooLong(since, now) ? new RefusedTooLong(refusal, since) : refusal)
  })
