/** Before something that cannot be taken back: asks on a terminal, wants `--yes` elsewhere. */
import * as Effect from "effect/Effect"
import { createInterface } from "node:readline"
import { type CommandFailure, fail } from "./Failure.ts"
import { Invocation } from "./Invocation.ts"

/** Goes on when `yes` is set or the person says so. `what` completes "This will …". Safe text only. */
export const confirm = (what: string, yes: boolean): Effect.Effect<void, CommandFailure, Invocation> =>
  Effect.gen(function* () {
    if (yes) return
    const { stderr, stdin } = yield* Invocation
    if (stdin.isTTY !== true || !stderr.isTerminal)
      return yield* fail("notAllowed", `this would ${what}; say --yes to do it`)
    const answer = yield* Effect.callback<string>((resume) => {
      const lines = createInterface({ input: stdin, output: process.stderr, terminal: true })
      lines.once("SIGINT", () => lines.close())
      lines.once("close", () => resume(Effect.succeed("")))
      lines.question(`This will ${what}. Go on? [y/N] `, (text) => {
        resume(Effect.succeed(text))
        lines.close()
      })
      return Effect.sync(() => lines.close())
    })
    if (!/^y(es)?$/i.test(answer.trim())) return yield* fail("notAllowed", "nothing was changed")
  })
