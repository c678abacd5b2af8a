/** A store whose turns may be asked again under the same number, as those behind a network may be. */
import { Effect } from "effect"
import { Asked } from "../../../src/services/Store/Asked.ts"
import type { Store } from "../../../src/services/Store/Store.ts"
import type { TurnResult } from "../../../src/services/Store/Turn.ts"

export const remembering = (store: Store): Store => {
  const kept = new Map<string, { readonly number: number; readonly answer: TurnResult }>()
  return {
    ...store,
    jobs: {
      ...store.jobs,
      traits: { ...store.jobs.traits, remembersCalls: true },
      turnSync: undefined,
      turn: (turn) =>
        Effect.gen(function* () {
          const asked = yield* Asked
          const last = asked === undefined ? undefined : kept.get(asked.origin)
          if (last !== undefined && last.number === asked!.number) return last.answer
          const answer = yield* store.jobs.turn(turn)
          if (asked !== undefined) kept.set(asked.origin, { number: asked.number, answer })
          return answer
        })
    }
  }
}
