/**
 * Keeps leases alive while the caller's event loop does not answer. Whatever the caller sends or hears counts up a
 * shared number. When it has stood still for a while the caller is asked; a loop that turns hears that within
 * milliseconds. One that does not is blocked: the store's thread renews the leases itself and notes since when and with
 * which jobs. It gives up after what the worker's last beat allowed: a loop that never answers must lose its jobs in
 * the end.
 */
import type { SqliteStore } from "./SqliteStore.ts"

/** An answer that has not come by then does not come soon. */
const answerMs = 750
/**
 * Silence after which is asked: a part of the lease, so that a short one is renewed in time too. Each question wakes an
 * idle process.
 */
const quietPart = 1 / 12
const quietMostMs = 2_000
/** How long a blocked worker is kept that has not said its longest time limit yet: the default hard limit. */
export const untilFirstBeatMs = 30 * 60_000

interface Lease {
  readonly leaseMs: number
  readonly mayBlockMs: number
  renewedAt: number
}

export class Liveness {
  private readonly signs: Int32Array
  private readonly ask: () => void
  private readonly leases = new Map<number, Lease>()
  private lastSign = -1
  private lastSignAt = 0
  private askedAt: number | undefined
  private quietMs = quietMostMs
  /** The caller's clocks and ours at the same moment: its clocks may be virtual ones. */
  private callerNow = 0
  private callerMonotonic = 0
  private seenAt = 0

  constructor(signs: Int32Array, ask: () => void) {
    this.signs = signs
    this.ask = ask
  }

  /** The caller said what time it is; `monotonic` too, where it could. */
  heard(now: number, monotonic?: number): void {
    const at = performance.now()
    this.callerMonotonic = monotonic ?? this.callerMonotonic + at - this.seenAt
    this.callerNow = now
    this.seenAt = at
  }

  leased(session: number, leaseMs: number, mayBlockMs: number): void {
    this.leases.set(session, { leaseMs, mayBlockMs, renewedAt: performance.now() })
    this.quietMs = Math.min(quietMostMs, ...[...this.leases.values()].map((lease) => lease.leaseMs * quietPart))
  }

  left(session: number): void {
    this.leases.delete(session)
  }

  /** Call a few times a second. */
  check(store: Pick<SqliteStore, "renewBlocked">): void {
    const now = performance.now()
    const sign = Atomics.load(this.signs, 0)
    if (sign !== this.lastSign) {
      this.lastSign = sign
      this.lastSignAt = now
      this.askedAt = undefined
      return
    }
    const blockedMs = now - this.lastSignAt
    if (this.leases.size === 0 || blockedMs < this.quietMs) return
    if (this.askedAt === undefined) {
      this.askedAt = now
      this.ask()
    }
    if (now - this.askedAt < answerMs) return
    const callerNow = this.callerNow + Math.round(now - this.seenAt)
    const moment = { now: callerNow, monotonic: this.callerMonotonic + now - this.seenAt }
    for (const [session, lease] of this.leases) {
      const isDue = lease.renewedAt < this.lastSignAt || now - lease.renewedAt > lease.leaseMs / 3
      if (!isDue || blockedMs > lease.mayBlockMs) continue
      lease.renewedAt = now
      if (!store.renewBlocked(session, callerNow - Math.round(blockedMs), moment, lease.leaseMs))
        this.leases.delete(session)
    }
  }
}
