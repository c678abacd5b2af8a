import * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"
import { parseDuration } from "./DurationInput.ts"
import { InputError } from "./InputError.ts"

const example = "write it like 2026-07-01T09:30:00Z or 2026-07-01T09:30:00+02:00, or use --in 5m"

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/

/**
 * Reads an absolute time, as `--at` takes it: RFC 3339 date and time with its offset, `2026-07-01T09:30:00Z`. A time without
 * offset is refused rather than guessed. The day must exist in the calendar. Fractions beyond the millisecond are cut
 * off. A leap second (`:60`) is refused: the clock of the machine has none.
 */
export const parseTime = (input: string): Result.Result<DateTime.Utc, InputError> => {
  const fail = (reason: InputError["reason"], advice: string) =>
    Result.fail(new InputError({ kind: "time", reason, input, advice }))

  const text = input.trim()
  const found = rfc3339.exec(text)
  if (found === null) {
    return /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?$/.test(text)
      ? fail("syntax", `it lacks its offset; write ${text}Z for UTC or ${text}+02:00 for another`)
      : fail("syntax", example)
  }
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number
  ]
  const lastDay = new Date(Date.UTC(2000, month, 0)).getUTCDate() - (month === 2 && !isLeap(year) ? 1 : 0)
  if (month < 1 || month > 12 || day < 1 || day > lastDay) return fail("range", "there is no such day in the calendar")
  const offset = Number(found[9] ?? 0) * 60 + Number(found[10] ?? 0)
  if (hour > 23 || minute > 59 || second > 59 || Number(found[9] ?? 0) > 23 || Number(found[10] ?? 0) > 59) {
    return fail("range", "hours go to 23, minutes and seconds to 59")
  }
  const millis = Number((found[7] ?? "").slice(0, 3).padEnd(3, "0"))
  const local = new Date(0)
  local.setUTCFullYear(year, month - 1, day)
  local.setUTCHours(hour, minute, second, millis)
  return Result.succeed(DateTime.makeUnsafe(local.getTime() - (found[8] === "-" ? -offset : offset) * 60_000))
}

const isLeap = (year: number): boolean => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)

/** Reads a delay from `now`, as `--in` takes it: every form of `parseDuration`. */
export const parseDelay = (input: string, now: DateTime.Utc): Result.Result<DateTime.Utc, InputError> =>
  Result.map(parseDuration(input), (delay) => DateTime.addDuration(now, delay))
