/** How fast jobs have been finishing, for the hint to an enqueue that finds no room. */

/** The span whose pace is taken, in milliseconds: between one and two of it. */
const spanMs = 10_000

export class Pace {
  private readonly endedCount: () => number
  /** The counts at the start of this span and of the one before. */
  private before = { at: -Infinity, count: 0 }
  private current = { at: -Infinity, count: 0 }

  constructor(endedCount: () => number) {
    this.endedCount = endedCount
  }

  /** Called with the time of every turn. */
  observe(now: number): void {
    if (now < this.current.at + spanMs) return
    this.before = now < this.current.at + 2 * spanMs ? this.current : { at: now, count: this.endedCount() }
    this.current = { at: now, count: this.endedCount() }
  }

  /** The time in which a hundredth of `limit` finishes at the recent pace; between 0.1 s and 30 s. */
  retryAfterMs(now: number, limit: number): number {
    const perMs = (this.endedCount() - this.before.count) / Math.max(1, now - this.before.at)
    return Math.round(Math.max(100, Math.min(30_000, Math.max(1, limit / 100) / perMs)))
  }
}
