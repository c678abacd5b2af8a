/**
 * A turn's answer may be lost after the store has committed it: then jobs count as claimed by a session that never
 * heard of them. Once a turn gets through again they are looked for, and handed back.
 */
import { Clock, Effect } from "effect"
import type { JobId, JobRecord } from "../Job.ts"
import { JobStore } from "../../Store/JobStore.ts"
import { StoreTurns } from "../../Store/StoreTurns.ts"
import type { HandBack } from "./HandBack.ts"

export interface LostClaimsHost {
  readonly session: () => number
  readonly isRunning: (id: JobId) => boolean
  readonly handBack: HandBack
}

export const makeLostClaims = Effect.fnUntraced(function* ({ handBack, isRunning, session }: LostClaimsHost) {
  const store = yield* JobStore
  const turns = yield* StoreTurns
  const clock = yield* Clock.Clock
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  let suspected = false
  let looking = false

  /** Jobs the store says we run and we do not. */
  const ours = Effect.gen(function* () {
    const found = new Map<JobId, JobRecord>()
    const own = session()
    if (own === 0) return found
    let cursor: JobId | undefined
    do {
      const page: {
        jobs: ReadonlyArray<JobRecord>
        next: JobId | undefined
      } = yield* store.list(
        { session: own },
        { limit: 1000, order: "oldest", ...(cursor === undefined ? {} : { cursor }) }
      )
      for (const job of page.jobs) if (!isRunning(job.id)) found.set(job.id, job)
      cursor = page.next
    } while (cursor !== undefined)
    return found
  })

  const giveBack = Effect.gen(function* () {
    const strays = yield* ours
    if (strays.size === 0) return
    yield* turns.landed
    const now = clock.currentTimeMillisUnsafe()
    for (const [id, attempt] of yield* ours) {
      if (strays.get(id)?.attempt === attempt.attempt && !isRunning(id)) handBack.until(attempt, now)
    }
  })

  return {
    /** A turn that claimed has failed. */
    suspect: () => {
      suspected = true
    },
    /** A turn was answered. */
    look: () => {
      if (!suspected || looking) return
      suspected = false
      looking = true
      fork(giveBack).addObserver((exit) => {
        looking = false
        // The store failed again: with the next turn.
        if (exit._tag === "Failure") suspected = true
      })
    }
  }
})
