/** Moves the virtual clock forward until something is so, in steps that grow while nothing happens. */
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"

const firstStepMs = 1
const lastStepMs = 1000

export interface Look<A> {
  /** Set: this is the answer, the clock stays. */
  readonly found?: A
  /** Changes when something has happened: the steps start small again. */
  readonly mark: string
  /** Nothing can happen before this time, in milliseconds since 1970. */
  readonly notBefore?: number | undefined
}

/**
 * The first answer of `look`, or undefined when `withinMs` of virtual time bring none. Goes beyond the moment that
 * brought it by less than as long again as nothing had happened before it, at most by a second.
 */
export const advanceUntil = <A, E, R>(
  look: Effect.Effect<Look<A>, E, R>,
  withinMs: number
): Effect.Effect<A | undefined, E, R> =>
  Effect.gen(function* () {
    const until = (yield* Clock.currentTimeMillis) + withinMs
    let step = firstStepMs
    let mark: string | undefined
    for (;;) {
      const { found, mark: marked, notBefore } = yield* look
      if (found !== undefined) return found
      const now = yield* Clock.currentTimeMillis
      if (now >= until) return undefined
      step = mark === marked ? Math.min(step * 2, lastStepMs) : firstStepMs
      mark = marked
      const wait = notBefore === undefined ? step : Math.max(step, notBefore - now)
      yield* TestClock.adjust(Math.min(wait, until - now))
    }
  })
