import * as Result from "effect/Result"
import { Job, type RetentionOption } from "../../services/Queue/index.ts"
import { parseDuration } from "./DurationInput.ts"

const advice = "none or a time like 1h; for one state: completed=none, failed=30d or cancelled=1h"

/** Reads how long a finished job stays: `none` or a duration, for every state or, with `STATE=` before it, for one. */
export const parseKeep = (input: string): Result.Result<RetentionOption, { readonly advice: string }> => {
  const cut = input.indexOf("=")
  const state = input.slice(0, Math.max(0, cut))
  const text = input.slice(cut + 1).trim()
  const states = Job.finishedStates.filter((each) => cut < 0 || each === state)
  if (states.length === 0) return Result.fail({ advice })
  if (text === "none") return Result.succeed(Object.fromEntries(states.map((each) => [each, "none"])))
  return Result.match(parseDuration(text), {
    onFailure: () => Result.fail({ advice }),
    onSuccess: (age) => Result.succeed(Object.fromEntries(states.map((each) => [each, { age }])))
  })
}
