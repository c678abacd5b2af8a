/** Checks and how they are told: a line each, the worst decides the exit code. */
import * as Effect from "effect/Effect"
import { fail } from "./Failure.ts"
import { hint } from "./Hint.ts"
import { output } from "./Output.ts"
import { CheckShape } from "../api/CheckShape.ts"
import * as Sanitize from "./terminal/Sanitize.ts"

export type Check = CheckShape

export const ok = (name: string, found: string): Check => ({ name, state: "ok", found, advice: "" })
export const warning = (name: string, found: string, advice: string): Check => ({
  name,
  state: "warning",
  found,
  advice
})
export const problem = (name: string, found: string, advice: string): Check => ({
  name,
  state: "problem",
  found,
  advice
})

export const tell = (checks: ReadonlyArray<Check>, json: boolean) =>
  Effect.gen(function* () {
    const out = yield* output
    const width = Math.max(...checks.map(({ name }) => name.length))
    for (const said of checks) {
      const check = { ...said, advice: yield* hint(said.advice) }
      if (json) yield* out.json(CheckShape, check)
      else if (!out.quiet || check.state !== "ok") {
        const mark =
          check.state === "ok"
            ? out.style.good("ok     ")
            : check.state === "warning"
              ? out.style.warning("warning")
              : out.style.bad("problem")
        yield* out.line(
          `${mark}  ${check.name.padEnd(width)}  ${Sanitize.line(check.found)}${check.advice === "" ? "" : `: ${Sanitize.line(check.advice)}`}`
        )
      }
    }
    const problems = checks.filter(({ state }) => state === "problem").length
    if (problems > 0) return yield* fail("failure")
  })
