/** How fast jobs have been finishing, for the hint to an enqueue that finds no room. */

/** The span whose pace is taken, in milliseconds: between one and two of it. */
const spanMs = 10_000

/** The hint while too little has been seen to tell, in milliseconds: about what a busy worker takes for a few turns. */
const unknownMs = 1_000

export class FinishingPace {
  private readonly endedCount: () => number
  /** The counts at the start of this span and of the one before. */
  private before = { at: -Infinity, count: 0 }
  private current = { at: -Infinity, count: 0 }

  /** `endedCount`: jobs that have ended since any fixed moment. */
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
    const ended = this.endedCount() - this.before.count
    const elapsed = now - this.before.at
    if (ended <= 0 && elapsed < spanMs) return unknownMs
    const perMs = ended / Math.max(1, elapsed)
    return Math.round(Math.max(100, Math.min(30_000, Math.max(1, limit / 100) / perMs)))
  }
}
