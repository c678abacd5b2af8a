/** Before something that cannot be taken back: asks on a terminal, wants `--yes` elsewhere. */
import * as Effect from "effect/Effect"
import { createInterface } from "node:readline"
import { type CommandFailure, fail } from "./Failure.ts"
import { Invocation } from "./Invocation.ts"
import * as Sanitize from "./terminal/Sanitize.ts"

/** Goes on when `yes` is set or the person says so. `what` completes "This will …". */
export const confirm = (what: string, yes: boolean): Effect.Effect<void, CommandFailure, Invocation> =>
  Effect.gen(function* () {
    if (yes) return
    const { stderr, stdin } = yield* Invocation
    if (stdin.isTTY !== true || !stderr.isTerminal)
      return yield* fail("notAllowed", `this would ${what}; say --yes to do it`)
    yield* stderr.write(Sanitize.line(`This will ${what}. Go on? [y/N] `))
    const answer = yield* Effect.callback<string>((resume) => {
      const lines = createInterface({ input: stdin })
      lines.once("close", () => resume(Effect.succeed("")))
      lines.once("line", (text) => {
        resume(Effect.succeed(text))
        lines.close()
      })
      return Effect.sync(() => lines.close())
    })
    if (!/^y(es)?$/i.test(answer.trim())) return yield* fail("notAllowed", "nothing was changed")
  })
