/** `--halt WHEN,WHAT=N`, as GNU parallel has it: when to stop before all lines are done. */
import * as Result from "effect/Result"

export interface Halt {
  /** `soon`: what runs may finish; `now`: it is ended. */
  readonly when: "soon" | "now"
  readonly what: "fail" | "success" | "done"
  readonly count: number
  /** `count` is a share, in percent: of all lines for `done`, else of those that have ended, three at least. */
  readonly isShare: boolean
}

export const parseHalt = (text: string): Result.Result<Halt | undefined, { readonly advice: string }> => {
  if (text === "never") return Result.succeed(undefined)
  const found = /^(soon|now),(fail|success|done)=(\d{1,9})(%?)$/.exec(text)
  const count = Number(found?.[3] ?? 0)
  const isShare = found?.[4] === "%"
  return found === null || count < 1 || (isShare && count > 100)
    ? Result.fail({
        advice: "never, or soon or now with fail=N, success=N or done=N, like now,fail=1; N% for a share of the lines"
      })
    : Result.succeed({ when: found[1] as Halt["when"], what: found[2] as Halt["what"], count, isShare })
}

/** So few ended lines make no share. */
const leastEnded = 3

/** Whether it is time to stop. `total`: all lines there are. */
export const isReached = (
  halt: Halt,
  ended: { readonly failed: number; readonly succeeded: number },
  total: number | undefined
): boolean => {
  const done = ended.failed + ended.succeeded
  const counted = halt.what === "fail" ? ended.failed : halt.what === "success" ? ended.succeeded : done
  if (!halt.isShare) return counted >= halt.count
  if (halt.what === "done") return total !== undefined && (counted * 100) / total >= halt.count
  return done >= leastEnded && (counted * 100) / done >= halt.count
}
