/** The caller's editor on a text, at their terminal. */
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { SecretVariables } from "../../services/Queue/index.ts"
import { type CommandFailure, fail } from "../Failure.ts"
import { Invocation } from "../Invocation.ts"
import { Signals } from "../Signals.ts"

/**
 * Opens the file and waits until the editor has ended well. `$VISUAL` and `$EDITOR` may hold arguments: they are the
 * shell's to read.
 */
export const open = (file: string): Effect.Effect<void, CommandFailure, Invocation | Signals> =>
  Effect.gen(function* () {
    const { cwd, env } = yield* Invocation
    const editor = env.VISUAL || env.EDITOR
    if (editor === undefined || editor === "")
      return yield* fail("usage", "no editor is named; set EDITOR, as in EDITOR=nano")
    // What the terminal sends is for the editor, which is in front of it.
    yield* (yield* Signals).takeOver
    const why = yield* Effect.callback<string | undefined>((resume) => {
      const child = spawn("/bin/sh", ["-c", `${editor} "$1"`, "sh", file], {
        cwd,
        env: SecretVariables.withoutOwnSecrets(env),
        stdio: "inherit"
      })
      child.once("error", (error) => resume(Effect.succeed(`could not be started: ${error.message}`)))
      child.once("exit", (code, signal) =>
        resume(Effect.succeed(code === 0 ? undefined : `ended with ${code === null ? signal : `exit code ${code}`}`))
      )
    })
    if (why !== undefined) return yield* fail("failure", `the editor ${why}; nothing was changed`)
  }).pipe(Effect.scoped)
