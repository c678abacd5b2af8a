/** Breakers that have opened, let a first probe start or closed, until the answer of a turn says so. */
import { type BreakerChange, breakerChange, type Feedback } from "../Limits/policy/Feedback.ts"
import type { BreakerNote } from "./Turn.ts"

export class BreakerNotes {
  private notes: Array<BreakerNote> = []

  /** Something else is known of a group, or of a `key` of it. Answers what became of its breaker, if that is news. */
  note(
    group: string,
    key: string | undefined,
    before: Feedback | undefined,
    after: Feedback | undefined
  ): BreakerChange | undefined {
    const change = breakerChange(before, after)
    if (change !== undefined) this.notes.push({ group, key, change, until: after?.breaker?.openUntil ?? 0 })
    return change
  }

  /** Those since this was asked. */
  take(): ReadonlyArray<BreakerNote> | undefined {
    if (this.notes.length === 0) return undefined
    const { notes } = this
    this.notes = []
    return notes
  }
}
