/**
 * A handler may end the process that it runs in (`process.exit`), and all that runs beside it. That is no success,
 * whatever code it gave, and whoever looks for the cause wants to know what ran.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { writeSync } from "node:fs"
import { Job, type WorkerStatus } from "../../services/Queue/index.ts"
import { ExitCode } from "../ExitCode.ts"
import * as Sanitize from "../terminal/Sanitize.ts"

/** Exit codes of processes that a signal ended: the third Ctrl-C waits for nothing, and is no handler's doing. */
const bySignal = 128
const namedMost = 5

/** Until the scope closes. */
export const tellWhoRan = (status: Effect.Effect<WorkerStatus>): Effect.Effect<void, never, Scope.Scope> => {
  const onExit = (code: number) => {
    const { running } = Effect.runSync(status)
    if (running.length === 0 || code > bySignal) return
    const named = running.slice(0, namedMost).map(({ id, task }) => `${Job.formatJobId(id)} ${task}`)
    const more = running.length - named.length
    const who = `${named.join(", ")}${more > 0 ? ` and ${more} more` : ""}`
    if (code === ExitCode.ok) process.exitCode = ExitCode.failure
    try {
      writeSync(
        2,
        `sluice: the process was ended from within (process.exit) while ${Sanitize.line(who)} ran; the attempt is lost\n`
      )
    } catch {
      // Nobody reads it; the exit code says it too.
    }
  }
  return Effect.asVoid(
    Effect.acquireRelease(
      Effect.sync(() => process.on("exit", onExit)),
      () => Effect.sync(() => process.off("exit", onExit))
    )
  )
}
