import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import { InputError } from "./InputError.ts"
import { didYouMean } from "./Suggestion.ts"

type Unit = "weeks" | "days" | "hours" | "minutes" | "seconds" | "millis"

const largestFirst: ReadonlyArray<Unit> = ["weeks", "days", "hours", "minutes", "seconds", "millis"]

const units = new Map<string, Unit>([
  ["w", "weeks"],
  ["week", "weeks"],
  ["weeks", "weeks"],
  ["d", "days"],
  ["day", "days"],
  ["days", "days"],
  ["h", "hours"],
  ["hr", "hours"],
  ["hrs", "hours"],
  ["hour", "hours"],
  ["hours", "hours"],
  ["m", "minutes"],
  ["min", "minutes"],
  ["mins", "minutes"],
  ["minute", "minutes"],
  ["minutes", "minutes"],
  ["s", "seconds"],
  ["sec", "seconds"],
  ["secs", "seconds"],
  ["second", "seconds"],
  ["seconds", "seconds"],
  ["ms", "millis"],
  ["milli", "millis"],
  ["millis", "millis"],
  ["millisecond", "millis"],
  ["milliseconds", "millis"]
])

/** Longest duration accepted: a hundred years of 365 days, so that now plus a duration is always a time. */
export const longest: Duration.Duration = Duration.days(36_500)

const example = 'write it like 30s, 500ms, 1h30m or "2 hours"'

const parts = /(\d+(?:\.\d+)?)\s*(\p{L}*)\s*/uy

/**
 * Reads a duration: one or more numbers, each with its unit, the largest unit first and none twice: `30s`, `2 hours`,
 * `500ms`, `1h30m`, `1.5h`. Units: `ms s m h d w` and their English names, in any case. Only a bare `0` goes without
 * one. The result is a whole number of milliseconds, exact, from 0 to `longest`.
 */
export const parseDuration = (input: string): Result.Result<Duration.Duration, InputError> => {
  const fail = (reason: InputError["reason"], advice: string) =>
    Result.fail(new InputError({ kind: "duration", reason, input, advice }))

  const text = input.trim()
  if (text === "0") return Result.succeed(Duration.zero)
  if (text === "") return fail("syntax", example)

  let total = Duration.zero
  let largestAllowed = 0
  parts.lastIndex = 0
  while (parts.lastIndex < text.length) {
    const found = parts.exec(text)
    if (found === null) return fail("syntax", example)
    const [, quantity, name] = found as unknown as [string, string, string]
    if (name === "") return fail("unit", `${quantity} needs a unit; ${example}`)
    const unit = units.get(name.toLowerCase())
    if (unit === undefined) {
      return fail("unit", `unknown unit; ${example}.${didYouMean(name, units.keys())}`)
    }
    const position = largestFirst.indexOf(unit)
    if (position < largestAllowed) return fail("syntax", "each unit once, the largest first, like 1h30m")
    largestAllowed = position + 1
    const part = Duration.fromInputUnsafe(`${quantity} ${unit}` as Duration.Input)
    if (Duration.isGreaterThan(part, longest)) return fail("range", "at most 36500d")
    total = Duration.sum(total, part)
  }
  if (Duration.isGreaterThan(total, longest)) return fail("range", "at most 36500d")
  if (!Number.isInteger(Duration.toMillis(total))) return fail("range", "nothing finer than a millisecond, like 500ms")
  return Result.succeed(total)
}
