/**
 * Keeps leases alive while the caller's event loop does not answer. The loop counts up a shared number four times a second; when it
 * stands still for longer than a second, the store's thread renews the leases itself and notes since when and with which jobs
 * the worker is blocked. It gives up after what the worker's last beat allowed: a loop that never answers must lose its jobs in the end.
 */
import type { SqliteStore } from "./SqliteStore.ts"

export const tickMs = 250
const blockedAfterMs = 1_000
/** How long a blocked worker is kept that has not said its longest time limit yet: the default hard limit. */
export const untilFirstBeatMs = 30 * 60_000

interface Lease {
  readonly leaseMs: number
  readonly blockedMostMs: number
  renewedAt: number
}

export class Liveness {
  private readonly ticks: Int32Array
  private readonly leases = new Map<number, Lease>()
  private lastTick = -1
  private lastTickAt = 0
  /** The caller's clock and ours at the same moment: its clock may be a virtual one. */
  private callerNow = 0
  private seenAt = 0

  constructor(ticks: Int32Array) {
    this.ticks = ticks
  }

  /** The caller said what time it is. */
  heard(now: number): void {
    this.callerNow = now
    this.seenAt = performance.now()
  }

  leased(session: number, leaseMs: number, blockedMostMs: number): void {
    this.leases.set(session, { leaseMs, blockedMostMs, renewedAt: performance.now() })
  }

  left(session: number): void {
    this.leases.delete(session)
  }

  /** Call every `tickMs`. */
  check(store: Pick<SqliteStore, "renewBlocked">): void {
    const now = performance.now()
    const tick = Atomics.load(this.ticks, 0)
    if (tick !== this.lastTick) {
      this.lastTick = tick
      this.lastTickAt = now
      return
    }
    const blockedMs = now - this.lastTickAt
    if (blockedMs <= blockedAfterMs) return
    const callerNow = this.callerNow + Math.round(now - this.seenAt)
    for (const [session, lease] of this.leases) {
      const isDue = lease.renewedAt < this.lastTickAt || now - lease.renewedAt > lease.leaseMs / 3
      if (!isDue || blockedMs > lease.blockedMostMs) continue
      lease.renewedAt = now
      if (!store.renewBlocked(session, callerNow - Math.round(blockedMs), callerNow, lease.leaseMs))
        this.leases.delete(session)
    }
  }
}
