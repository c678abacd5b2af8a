/** When a notification is tried again, and what its ledger entry becomes. */
import type { Outgoing } from "./Ledger.ts"

const firstRetryMs = 15_000
const lastRetryMs = 600_000

/** Between two tries: 15 s, twice as long each time, at most 10 minutes. */
export const retryDelayMs = (attempts: number): number =>
  Math.min(lastRetryMs, firstRetryMs * 2 ** Math.max(0, attempts - 1))

export interface Tried {
  /** Sinks that have it, or refuse it for good. */
  readonly done: ReadonlyArray<string>
}

/** After a try of the sinks that were left; undefined: nothing is left to do. */
export const afterTry = (
  outgoing: Outgoing,
  tried: Tried,
  sinks: ReadonlyArray<string>,
  now: number,
  tries: number
): Outgoing | undefined => {
  const done = [...new Set([...outgoing.done, ...tried.done])]
  const attempts = outgoing.attempts + 1
  if (attempts >= tries || sinks.every((sink) => done.includes(sink))) return undefined
  return { ...outgoing, done, attempts, nextAt: now + retryDelayMs(attempts) }
}
