/**
 * Ctrl-Z for a command that runs jobs: their process groups stop first, then the store comes to rest, then this process
 * stops. `fg` and `bg` go the same way back.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { JobControl } from "../services/Queue/index.ts"

/** What is under way is waited for no longer, in milliseconds: who presses Ctrl-Z expects a prompt. */
const restWithinMs = 1000
/** Worker processes under this one have waited that long themselves. */
const stillWithinMs = 1500
const lookEveryMs = 10

/** Continued before it stood still, a process would stop after that and stay so. */
const still: Effect.Effect<void> = Effect.suspend(() =>
  JobControl.isStill() ? Effect.void : Effect.andThen(Effect.sleep(lookEveryMs), still)
)

/**
 * Until the scope closes. `hold` as `TaskQueue.hold`: a process that is stopped inside a transaction would keep all
 * others from the store for as long as it is stopped.
 */
export const stopsWithItsJobs = <E>(
  hold: Effect.Effect<void, E, Scope.Scope>
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const fork = Effect.runForkWith(yield* Effect.context<never>())
    let isStopping = false
    /** Told to go on; while it comes to rest that means not to stop at all. */
    let goesOn = () => {}
    const rest = hold.pipe(
      Effect.timeoutOption(restWithinMs),
      Effect.ignore,
      Effect.andThen(Effect.timeoutOption(still, stillWithinMs))
    )
    /** Stops this process; completes when it goes on. */
    const standStill = Effect.callback<void>((resume) => {
      if (!isStopping) return resume(Effect.void)
      goesOn = () => resume(Effect.void)
      process.kill(process.pid, "SIGSTOP")
    })
    const stop = rest.pipe(Effect.andThen(standStill), Effect.scoped)
    const onStop = () => {
      if (isStopping) return
      isStopping = true
      goesOn = () => {
        isStopping = false
      }
      JobControl.stopAll()
      fork(stop).addObserver(() => {
        isStopping = false
        JobControl.continueAll()
      })
    }
    const onContinue = () => goesOn()
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        process.on("SIGTSTP", onStop)
        process.on("SIGCONT", onContinue)
      }),
      () =>
        Effect.sync(() => {
          process.off("SIGTSTP", onStop)
          process.off("SIGCONT", onContinue)
        })
    )
  })
