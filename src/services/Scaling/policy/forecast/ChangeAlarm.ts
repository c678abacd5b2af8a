import type { Archive } from "./Archive.ts"

/** Drift that is tolerated, and the sum at which it is a change; in typical errors. */
const tolerance = 0.75
const threshold = 20

/**
 * Notices that errors have shifted to one side: the cumulative sums of Page (E. S. Page, Continuous inspection schemes,
 * 1954; D. V. Hinkley, 1971), one for each side. An error counts for at most three typical ones, so that one outlier is
 * no change.
 */
export class ChangeAlarm {
  private above = 0
  private below = 0

  /** `error`: outcome less forecast, in typical absolute errors. Answers whether this is where a change is noticed. */
  update(error: number): boolean {
    const bounded = Math.max(-3, Math.min(3, error))
    this.above = Math.max(0, this.above + bounded - tolerance)
    this.below = Math.max(0, this.below - bounded - tolerance)
    if (Math.max(this.above, this.below) < threshold) return false
    this.above = 0
    this.below = 0
    return true
  }

  carry(archive: Archive): void {
    this.above = archive.number(this.above)
    this.below = archive.number(this.below)
  }
}
