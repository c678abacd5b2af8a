/**
 * The answers of calls that may be asked again, in the heap with the store: for one that is served to other processes.
 * Who asks again while the first call is under way waits for its answer.
 */
import { type Clock, Deferred, Effect, Exit } from "effect"
import { Asked } from "../Asked.ts"
import type { JobId } from "../../Queue/Job.ts"
import {
  answersKeptMs,
  answersLookMs,
  answerTurnAgain,
  judgeCall,
  type KeptTurn,
  keepTurn,
  staleCall
} from "../../Queue/policy/jobs/KeptAnswers.ts"
import type { Store } from "../Store.ts"
import { StoreError, StoreUnavailable } from "../StoreError.ts"
import type { ClaimedJob, Turn, TurnResult } from "../Turn.ts"
import { type AnyMethod, callOf, storeOver, turnMethod } from "../Methods.ts"

interface Kept {
  readonly number: number
  readonly at: number
  readonly answer: Deferred.Deferred<unknown, StoreError>
}

/** `held`: the running job that a token holds, as its worker sees it. */
export type Held = (id: JobId, attempt: number, session: number) => ClaimedJob | undefined

class Answers {
  private readonly clock: Clock.Clock
  private readonly last = new Map<string, Map<string, Kept>>()
  private lookedAt: number

  constructor(clock: Clock.Clock) {
    this.clock = clock
    this.lookedAt = clock.currentTimeMillisUnsafe()
  }

  /** Makes the call, or answers it as it was answered. */
  once(
    { number, origin }: Asked,
    method: string,
    call: Effect.Effect<unknown, StoreError>
  ): Effect.Effect<unknown, StoreError> {
    const kept = this.last.get(origin)?.get(method)
    switch (judgeCall(kept?.number, number)) {
      case "again":
        return Deferred.await(kept!.answer)
      case "stale":
        return Effect.fail(new StoreError({ operation: method, reason: new StoreUnavailable({ message: staleCall }) }))
      case "new": {
        const at = this.clock.currentTimeMillisUnsafe()
        this.forget(at)
        const methods = this.last.get(origin) ?? new Map<string, Kept>()
        const answer = Deferred.makeUnsafe<unknown, StoreError>()
        methods.set(method, { number, at, answer })
        this.last.set(origin, methods)
        return Effect.uninterruptible(
          Effect.onExit(call, (exit) => {
            // What failed did not happen, and may be asked again.
            if (Exit.isFailure(exit)) methods.delete(method)
            return Deferred.done(answer, exit)
          })
        )
      }
    }
  }

  /** Origins that nobody asks for any more. */
  private forget(now: number): void {
    if (Math.abs(now - this.lookedAt) < answersLookMs) return
    this.lookedAt = now
    for (const [origin, methods] of this.last) {
      for (const [method, { at }] of methods) if (at < now - answersKeptMs) methods.delete(method)
      if (methods.size === 0) this.last.delete(origin)
    }
  }
}

/** The same store, which answers each call that says which it is once. Turns are no longer in the caller's stack. */
export const remembering = (store: Store, held: Held, clock: Clock.Clock): Store => {
  const answers = new Answers(clock)
  const once = (asked: Asked, method: AnyMethod, args: ReadonlyArray<unknown>) => {
    const call = callOf(store, method, args)
    if (method.name !== turnMethod) return answers.once(asked, method.name, call)
    const { session } = args[0] as Turn
    // Its caller gets what was claimed just now; who asks again, what is still held.
    let first: TurnResult | undefined
    const kept = Effect.map(call, (result) => {
      first = result as TurnResult
      return keepTurn(session, first)
    })
    return Effect.map(
      answers.once(asked, method.name, kept),
      (turn) => first ?? answerTurnAgain(turn as KeptTurn<TurnResult>, held)
    )
  }
  return storeOver(
    (method, args) =>
      method.changes
        ? Effect.flatMap(Effect.service(Asked), (asked) =>
            asked === undefined ? callOf(store, method, args) : once(asked, method, args)
          )
        : callOf(store, method, args),
    { ...store.jobs, traits: { ...store.jobs.traits, remembersCalls: true }, turnSync: undefined }
  )
}
