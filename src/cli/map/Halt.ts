/** `--halt WHEN,WHAT=N`, as GNU parallel has it: when to stop before all lines are done. */
import * as Result from "effect/Result"

export interface Halt {
  /** `soon`: what runs may finish; `now`: it is ended. */
  readonly when: "soon" | "now"
  readonly what: "fail" | "success" | "done"
  readonly count: number
}

export const parseHalt = (text: string): Result.Result<Halt | undefined, { readonly advice: string }> => {
  if (text === "never") return Result.succeed(undefined)
  const found = /^(soon|now),(fail|success|done)=(\d{1,9})$/.exec(text)
  return found === null || Number(found[3]) < 1
    ? Result.fail({ advice: "never, or soon or now with fail=N, success=N or done=N, like now,fail=1" })
    : Result.succeed({ when: found[1] as Halt["when"], what: found[2] as Halt["what"], count: Number(found[3]) })
}

/** Whether it is time to stop. */
export const isReached = (halt: Halt, ended: { readonly failed: number; readonly succeeded: number }): boolean => {
  switch (halt.what) {
    case "fail":
      return ended.failed >= halt.count
    case "success":
      return ended.succeeded >= halt.count
    case "done":
      return ended.failed + ended.succeeded >= halt.count
  }
}
