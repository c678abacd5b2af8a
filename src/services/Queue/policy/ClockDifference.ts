/**
 * How far another process's clock is from this one's, as its messages tell: each says when it was sent, and the one
 * that came quickest says it best.
 */

/** Messages that are looked at: a clock that was set shows after as many. */
const window = 16
/**
 * Less is no difference, in milliseconds: hosts that keep their clocks agree to within it, and a time that somebody
 * named stays as it was named.
 */
const toleranceMs = 1_000

export class ClockDifference {
  private readonly seen: Array<number> = []

  /** A message that was sent at `sent` by the other's clock has come at `now` by this one's. */
  observe(sent: number, now: number): void {
    if (this.seen.push(now - sent) > window) this.seen.shift()
  }

  /** Milliseconds to add to the other's times. */
  get ms(): number {
    const least = this.seen.length === 0 ? 0 : Math.min(...this.seen)
    return Math.abs(least) < toleranceMs ? 0 : least
  }
}
