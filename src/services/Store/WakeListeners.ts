/** Who hears of a store's commits. */
import { Cause, Effect, type Scope } from "effect"
import type { WakeListener } from "./JobStore.ts"

/**
 * Adds a listener with `add`, which answers how to take it away, until the scope closes. What the listener throws is
 * logged and its own: neither the commit it hears of nor another listener suffers.
 */
export const listen = (
  add: (listener: WakeListener) => () => void,
  listener: WakeListener
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const fork = Effect.runForkWith(yield* Effect.context<never>())
    const alone: WakeListener = (wake, origin, groups) => {
      try {
        listener(wake, origin, groups)
      } catch (defect) {
        fork(Effect.logError("A listener of the store failed", Cause.die(defect)))
      }
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => add(alone)),
      (remove) => Effect.sync(remove)
    )
  })
