/**
 * What operators change. A change is data: orders go with it as `Rankings`, numbers and names, and what becomes of a
 * job is said by the rule book (`policy/jobs/Changes.ts`). A store may apply that inside its transaction, repeat it in
 * statements or a script, or read the jobs, decide, and write those that are still as they were read.
 */
import type { JobId, JobState } from "../Queue/Job.ts"
import type { Rankings } from "../Queue/policy/Order.ts"

/** Each answers for waiting and finished jobs in one transaction; running jobs are signalled. */
export type JobChange =
  /**
   * Waiting: cancelled. Running: its worker is signalled within 2 s, and the job does not run again: an attempt that
   * asks for a retry, is handed back or is lost ends it as cancelled. Finished: refused.
   */
  | { readonly _tag: "Cancel"; readonly reason: string }
  /**
   * Finished: pending again as a new job under its old id, with no attempts spent and none lost. Live: refused. Without
   * `rankings` it keeps the head start it had.
   */
  | { readonly _tag: "Retry"; readonly rankings?: Rankings }
  /** Waiting or finished: gone, with logs and progress. Running: refused. */
  | { readonly _tag: "Remove" }
  /**
   * Waiting only. A new group, priority, due time or deadline moves it: it is ranked anew by the order of its group. A
   * job that only its own process runs stays in its group.
   */
  | {
      readonly _tag: "Edit"
      readonly payload?: unknown
      readonly priority?: number
      readonly due?: number
      /** It is not due before; a later due time stays. */
      readonly notBefore?: number
      readonly deadline?: number
      readonly group?: string
      /** In place of those it has. */
      readonly tags?: ReadonlyArray<string>
      readonly rankings: Rankings
    }
  /** Live: ranked anew by the order of its group, wherever it stands; nothing else changes. Finished: refused. */
  | { readonly _tag: "Rank"; readonly rankings: Rankings }

export interface ChangeResult {
  /** Ids that changed or were signalled. */
  readonly changed: ReadonlyArray<JobId>
  /**
   * Named ids that do not allow it, with their state; undefined: no such job. Empty for a filter, which passes them
   * over.
   */
  readonly refused: ReadonlyArray<{ readonly id: JobId; readonly state: JobState | undefined }>
  /** A filter matches more than `limit`: call again. */
  readonly more: boolean
}
