/**
 * How the end of an attempt changes its job, and what it counts. Whoever cancelled a running job wants no further
 * attempt: one that would follow becomes a cancellation, and counts as that alone. An attempt that is handed back
 * counts nothing, since it is not spent.
 */
import type { Counter } from "../Counters.ts"
import type { SettleOutcome } from "../../../Store/Turn.ts"
import { cancelled, completed, failed } from "./States.ts"

export interface AttemptEnd {
  /** The finished state it takes the job to; undefined: the job waits again. */
  readonly state: number | undefined
  /** Beside what the finished state counts. */
  readonly counts: ReadonlyArray<Counter>
  /** How long it ran is counted: not of one that was handed back, nor known of one that was lost. */
  readonly isTimed: boolean
  /** The job has used one of its attempts. */
  readonly isSpent: boolean
  /** Somebody asked to cancel it, and the settle does not say so. */
  readonly isCancellation: boolean
}

const plain: AttemptEnd = { state: undefined, counts: [], isTimed: true, isSpent: true, isCancellation: false }

const settled: Readonly<Record<SettleOutcome, AttemptEnd>> = {
  completed: { ...plain, state: completed },
  failed: { ...plain, state: failed, counts: ["failed"] },
  cancelled: { ...plain, state: cancelled },
  retry: { ...plain, counts: ["failed", "retried"] },
  release: { ...plain, isTimed: false, isSpent: false }
}
const cancellation: AttemptEnd = { ...plain, state: cancelled, isCancellation: true }

/** `isCancelAsked`: somebody has cancelled the running job. */
export const endOfAttempt = (outcome: SettleOutcome, isCancelAsked: boolean): AttemptEnd =>
  isCancelAsked && settled[outcome].state === undefined ? cancellation : settled[outcome]

const recovered: AttemptEnd = { ...plain, counts: ["failed", "recovered"], isTimed: false }
const buried: AttemptEnd = { ...plain, state: failed, counts: ["failed"], isTimed: false }
const lostCancellation: AttemptEnd = { ...cancellation, isTimed: false }

/** The end of an attempt whose worker is gone. */
export const endOfLostAttempt = (attempt: number, maxAttempts: number, isCancelAsked: boolean): AttemptEnd =>
  isCancelAsked ? lostCancellation : attempt < maxAttempts ? recovered : buried

/** What a job counts that reaches a finished state. */
export const countOfState = (state: number): Counter =>
  state === completed ? "completed" : state === failed ? "dead" : "cancelled"
