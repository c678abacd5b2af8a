import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import type { Rate } from "../../services/Limits/index.ts"
import { parseDuration } from "./DurationInput.ts"
import { InputError } from "./InputError.ts"

const example = "write it like 5/s, 100/min, 1000/h or 10/250ms"

/** A rate below this is a pause. */
const longestPerMs = 36_500 * 86_400_000
const most = 1_000_000_000

/**
 * Reads a rate: how many, a slash, and per what: a unit of `DurationInput` or a whole duration. `5/s`, `0.5/s`,
 * `100/min`, `300/5m`. Not 0 and not below: what is to stop is paused.
 */
export const parseRate = (input: string): Result.Result<Rate, InputError> => {
  const fail = (reason: InputError["reason"], advice: string) =>
    Result.fail(new InputError({ kind: "rate", reason, input, advice }))

  const found = /^(\d+(?:\.\d+)?)\s*\/\s*(.+)$/u.exec(input.trim())
  if (found === null) return fail("syntax", example)
  const [, quantity, per] = found as unknown as [string, string, string]
  const limit = Number(quantity)
  const duration = parseDuration(/^\d/.test(per) ? per : `1${per}`)
  if (Result.isFailure(duration))
    return fail(duration.failure.reason, duration.failure.reason === "range" ? duration.failure.advice : example)
  const perMs = Duration.toMillis(duration.success)
  if (!(limit > 0) || perMs === 0)
    return fail("range", "more than 0; to let nothing start, pause the group: sluice queue pause")
  if (limit > most || perMs > longestPerMs || perMs / limit > longestPerMs)
    return fail("range", `at most ${most.toLocaleString("en")}, and at least one in 36500d`)
  return Result.succeed({ limit, perMs })
}
