/** The bounds of durations; see `Bounds.ts`. */
import { Duration } from "effect"
import { longestMs, OutOfBounds, refuse } from "./Bounds.ts"
import { durationText } from "./DurationText.ts"

const durationRule = 'a duration like "30 seconds", Duration.minutes(5) or milliseconds'

/** Fields of `Duration.DurationObject`; it reads any other as nothing at all. */
const durationFields: ReadonlySet<string> = new Set([
  "weeks",
  "days",
  "hours",
  "minutes",
  "seconds",
  "milliseconds",
  "microseconds",
  "nanoseconds"
])

/** Milliseconds, perhaps infinite; NaN where Effect would read something else into it than it says. */
const millisOf = (input: unknown): number => {
  if (typeof input === "number") return input
  try {
    const isPlain = typeof input === "object" && input !== null && !Duration.isDuration(input)
    if (isPlain) {
      const fields = Object.entries(input)
      const numbers = Array.isArray(input) ? input.length === 2 : fields.every(([key]) => durationFields.has(key))
      if (!numbers || fields.length === 0 || !fields.every(([, value]) => Number.isFinite(value))) return Number.NaN
    }
    return Duration.toMillis(Duration.fromInputUnsafe(input as Duration.Input))
  } catch {
    return Number.NaN
  }
}

/** A duration in whole milliseconds, fractions rounded up. */
export const duration = (name: string, input: unknown, least = 0, most = longestMs): number => {
  const millis = millisOf(input)
  if (millis >= least && millis <= most) return Math.ceil(millis) + 0
  const expected = Number.isNaN(millis) ? durationRule : `${durationText(least)} to ${durationText(most)}`
  if (!Duration.isDuration(input)) return refuse(name, input, expected)
  throw new OutOfBounds(`${name} is ${Duration.format(input)}; expected ${expected}`)
}

/**
 * A time that something may take at most, in whole milliseconds. Infinite is as long as the longest duration: no limit.
 */
export const limit = (name: string, input: unknown): number =>
  millisOf(input) === Number.POSITIVE_INFINITY ? longestMs : duration(name, input)
