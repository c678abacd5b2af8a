import * as DateTime from "effect/DateTime"
import * as Result from "effect/Result"
import { parseDuration } from "./DurationInput.ts"
import { InputError } from "./InputError.ts"

const example =
  "write it like 9:00, tomorrow 9:00, friday 17:30, 2026-12-01 09:00 or 2026-07-01T09:30:00Z, or use --in 5m"

/** Date, time, and offset, all but one of them optional. */
const forms =
  /^(?:(\d{4})-(\d\d)-(\d\d)|([a-z]+))?(?:(?:[t ]|^)(\d{1,2})(?::(\d\d)(?::(\d\d)(?:\.(\d+))?)?)? ?(am|pm)?)?(?:(z)|([+-])(\d\d):(\d\d))?$/

const weekdays = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]

const lastDayOf = (year: number, month: number): number =>
  new Date(Date.UTC(2000, month, 0)).getUTCDate() - (month === 2 && !isLeap(year) ? 1 : 0)

/** Days from today to the one a word names; a weekday is the next of its name. */
const daysTo = (word: string, today: Date): number | undefined => {
  if (word === "today") return 0
  if (word === "tomorrow") return 1
  const weekday = weekdays.findIndex((name) => name === word || (word.length === 3 && name.startsWith(word)))
  return weekday < 0 ? undefined : ((weekday - today.getDay() + 6) % 7) + 1
}

/** Twelve-hour clocks have no 0 and no 13. */
const hourOf = (hour: number, half: string | undefined): number =>
  half === undefined ? hour : hour < 1 || hour > 12 ? Number.NaN : (hour % 12) + (half === "pm" ? 12 : 0)

/**
 * Reads an absolute time, as `--at` takes it. With an offset it is RFC 3339, `2026-07-01T09:30:00Z`. Without one it is
 * of this machine's time zone: a date and a time (`2026-12-01 09:00`), a day and a time (`tomorrow 9:00`, `friday
 * 5pm`), or a time alone, which is the next one there is. The day must exist in the calendar, and the time on that day.
 * Fractions beyond the millisecond are cut off. A leap second (`:60`) is refused: the clock of the machine has none.
 * `now` is in milliseconds since 1970.
 */
export const parseTime = (input: string, now: number): Result.Result<DateTime.Utc, InputError> => {
  const fail = (reason: InputError["reason"], advice: string) =>
    Result.fail(new InputError({ kind: "time", reason, input, advice }))

  const found = forms.exec(input.trim().toLowerCase())
  if (found === null) return fail("syntax", example)
  const [, years, months, days, word, hours, minutes, seconds, fraction, half, zulu, sign, offsetHours, offsetMinutes] =
    found
  const hasOffset = zulu !== undefined || sign !== undefined
  if (hours === undefined || (minutes === undefined && half === undefined)) return fail("syntax", example)
  if (hasOffset && (years === undefined || seconds === undefined || half !== undefined || hours.length < 2))
    return fail("syntax", example)

  const hour = hourOf(Number(hours), half)
  const [minute, second] = [Number(minutes ?? 0), Number(seconds ?? 0)]
  const offset = Number(offsetHours ?? 0) * 60 + Number(offsetMinutes ?? 0)
  const millis = Number((fraction ?? "").slice(0, 3).padEnd(3, "0"))
  const [year, month, day] = [Number(years), Number(months), Number(days)]
  if (years !== undefined && (month < 1 || month > 12 || day < 1 || day > lastDayOf(year, month)))
    return fail("range", "there is no such day in the calendar")
  if (!(hour <= 23) || minute > 59 || second > 59 || Number(offsetHours ?? 0) > 23 || Number(offsetMinutes ?? 0) > 59)
    return fail("range", "hours go to 23 (with am and pm from 1 to 12), minutes and seconds to 59")

  if (hasOffset) {
    const utc = new Date(0)
    utc.setUTCFullYear(year, month - 1, day)
    utc.setUTCHours(hour, minute, second, millis)
    return Result.succeed(DateTime.makeUnsafe(utc.getTime() - (sign === "-" ? -offset : offset) * 60_000))
  }
  const local = new Date(now)
  if (years !== undefined) local.setFullYear(year, month - 1, day)
  else if (word !== undefined) {
    const away = daysTo(word, local)
    if (away === undefined) return fail("syntax", example)
    local.setDate(local.getDate() + away)
  }
  local.setHours(hour, minute, second, millis)
  if (years === undefined && word === undefined && local.getTime() <= now) {
    local.setDate(local.getDate() + 1)
    local.setHours(hour, minute, second, millis)
  }
  if (local.getHours() !== hour || local.getMinutes() !== minute)
    return fail("range", "there is no such time on that day: the clocks are put forward over it")
  return Result.succeed(DateTime.makeUnsafe(local.getTime()))
}

const isLeap = (year: number): boolean => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)

/** Reads a delay from `now`, as `--in` takes it: every form of `parseDuration`. */
export const parseDelay = (input: string, now: DateTime.Utc): Result.Result<DateTime.Utc, InputError> =>
  Result.map(parseDuration(input), (delay) => DateTime.addDuration(now, delay))
