/**
 * Ctrl-Z for a command that runs jobs: their process groups stop first, then the store comes to rest, then this process stops. `fg` and `bg`
 * go the same way back.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { JobControl } from "../services/Queue/index.ts"

/** A store that waits for another process is waited for no longer, in milliseconds: who presses Ctrl-Z expects a prompt. */
const restWithinMs = 1000

/** Stops this process; completes when it goes on. */
const stopHere = Effect.callback<void>((resume) => {
  process.once("SIGCONT", () => resume(Effect.void))
  process.kill(process.pid, "SIGSTOP")
})

/**
 * Until the scope closes. `hold` as `JobStore.hold`: a process that is stopped inside a transaction would keep all others from the store for
 * as long as it is stopped.
 */
export const stopsWithItsJobs = <E>(
  hold: Effect.Effect<void, E, Scope.Scope>
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const fork = Effect.runForkWith(yield* Effect.context<never>())
    let isStopping = false
    const stop = hold.pipe(
      Effect.timeoutOption(restWithinMs),
      Effect.ignore,
      Effect.andThen(stopHere),
      Effect.scoped,
      Effect.ensuring(
        Effect.sync(() => {
          JobControl.continueAll()
          isStopping = false
        })
      )
    )
    const onStop = () => {
      if (isStopping) return
      isStopping = true
      JobControl.stopAll()
      fork(stop)
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => process.on("SIGTSTP", onStop)),
      () => Effect.sync(() => process.off("SIGTSTP", onStop))
    )
  })
