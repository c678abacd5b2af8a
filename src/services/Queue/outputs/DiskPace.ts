/** Some times what a thread costs, and some times less than anybody would notice. */
const slowMillis = 1

/**
 * Whether the file system answers at once, as it does while its cache has the data or room for it: then a read or a
 * write takes some 20 µs, a fifth of the detour by a thread. A disk that is behind holds up whoever asks, so from the
 * first slow answer on threads ask it, until one of them was answered quickly.
 */
export class DiskPace {
  private readonly inARow: number
  private readonly clock: () => number
  private isQuick = true
  private answered = 0

  /**
   * Answers at once in a row before a thread has a turn: who asks again as soon as it was answered would otherwise let
   * nobody else have the event loop.
   */
  constructor(inARow = Infinity, clock = () => performance.now()) {
    this.inARow = inARow
    this.clock = clock
  }

  /** `later` on a thread of the pool, `now` on this one. Throws what `now` throws. */
  ask<A>(now: () => A, later: () => Promise<A>): A | Promise<A> {
    const askedAt = this.clock()
    const heard = () => {
      this.isQuick = this.clock() - askedAt < slowMillis
    }
    if (!this.isQuick || this.answered++ >= this.inARow) {
      this.answered = 0
      return later().finally(heard)
    }
    try {
      return now()
    } finally {
      heard()
    }
  }
}
