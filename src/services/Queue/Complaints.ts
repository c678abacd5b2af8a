/** What fails again and again for one is said at a bounded rate, so that it neither fills the log nor is forgotten. */
import { type Cause, Effect } from "effect"

/** Between two complaints about the same, in milliseconds. */
const everyMs = 600_000
/** Subjects kept apart; beyond that the oldest is forgotten. */
const subjectsMost = 1_000

/** Logs a warning about a subject, at most each ten minutes by `now`. */
export type Complain = (subject: string, message: string, cause: Cause.Cause<unknown>) => Effect.Effect<void>

export const makeComplaints = (now: () => number): Complain => {
  const said = new Map<string, number>()
  return (subject, message, cause) =>
    Effect.suspend(() => {
      const at = now()
      const before = said.get(subject)
      if (before !== undefined && at >= before && at - before < everyMs) return Effect.void
      said.delete(subject)
      said.set(subject, at)
      if (said.size > subjectsMost) said.delete(said.keys().next().value!)
      return Effect.logWarning(message, cause)
    })
}
