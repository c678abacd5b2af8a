/** When another side says to come again: by a duration, a time, or the `Retry-After` of an HTTP answer. */
import { DateTime, type Duration } from "effect"
import { lastTime, longestMs } from "../../Queue/policy/Bounds.ts"
import * as Durations from "../../Queue/policy/Durations.ts"

/** Milliseconds from now, or a time in milliseconds since 1970. */
export type RetryAfter = { readonly afterMs: number } | { readonly at: number }

export type RetryAfterInput = Duration.Input | DateTime.DateTime | Date

/** Where nothing that can be read is said: long enough that a limit per second has begun anew. */
export const unsaidMs = 1_000

const unsaid: RetryAfter = { afterMs: unsaidMs }

const after = (ms: number): RetryAfter => (ms >= 0 ? { afterMs: Math.min(ms, longestMs) } : unsaid)
const at = (ms: number): RetryAfter => (ms >= 0 ? { at: Math.min(ms, lastTime) } : unsaid)

/** As a handler says it. What is none is `unsaidMs`: it comes from the other side, and is bent, never refused. */
export const retryAfterOf = (input: unknown): RetryAfter => {
  try {
    if (input instanceof Date) return at(input.getTime())
    if (DateTime.isDateTime(input)) return at(input.epochMilliseconds)
    return after(Durations.limit("retryAfter", input))
  } catch {
    return unsaid
  }
}

/** The time meant, seen at `now`: never before it, at most `longestMs` after it. */
export const timeOf = (retryAfter: RetryAfter, now: number): number =>
  Math.ceil(Math.min(now + longestMs, Math.max(now, "at" in retryAfter ? retryAfter.at : now + retryAfter.afterMs)))

/**
 * The three forms of a date in HTTP (RFC 9110, 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`,
 * `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994`.
 */
const httpDates: ReadonlyArray<RegExp> = [
  /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/,
  /^[A-Z][a-z]{5,8}, \d\d-[A-Z][a-z]{2}-\d\d \d\d:\d\d:\d\d GMT$/,
  /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}$/
]

const dateOf = (text: string): number => {
  if (!httpDates.some((form) => form.test(text))) return Number.NaN
  return Date.parse(text.endsWith("GMT") ? text : `${text} GMT`)
}

/** The exit code by which commands say "try again later": `EX_TEMPFAIL` of sysexits(3). */
export const exitTemporary = 75

/**
 * When a command says to come again that ended with `exitTemporary`: by the last line that it wrote to its standard
 * error, `Retry-After: 30` or with a date, as HTTP has it. Undefined: it does not, and has failed like any other.
 */
export const retryAfterOfCommand = (exitCode: number | null, stderr: string): RetryAfter | undefined => {
  if (exitCode !== exitTemporary) return undefined
  const last = stderr.trimEnd().split("\n").at(-1)!
  const colon = last.indexOf(":")
  return last.slice(0, Math.max(0, colon)).toLowerCase() === "retry-after"
    ? readRetryAfter(last.slice(colon + 1))
    : undefined
}

/**
 * What `Retry-After` says (RFC 9110, 10.2.3): seconds, or a date. `date` is that of the answer: with it a date is a
 * duration, and the other side's clock does not matter. Undefined: it says nothing that can be read.
 */
export const readRetryAfter = (text: string, date?: string): RetryAfter | undefined => {
  const said = text.trim()
  if (/^\d{1,15}(?:\.\d{1,9})?$/.test(said)) return after(Number(said) * 1_000)
  const until = dateOf(said)
  if (Number.isNaN(until)) return undefined
  const answered = date === undefined ? Number.NaN : dateOf(date.trim())
  return Number.isNaN(answered) ? at(until) : after(Math.max(0, until - answered))
}
