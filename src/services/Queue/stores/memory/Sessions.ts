/** Worker sessions with their leases, and the leads they hold. */
import type { Signal } from "../../Turn.ts"
import type { WorkerInfo, WorkerLoad, WorkerRecord } from "../../WorkerRecord.ts"

export class MemorySession {
  readonly id: number
  info: WorkerInfo
  handles: ReadonlySet<string>
  readonly startedAt: number
  lastBeat: number
  leaseUntil: number
  draining = false
  load: WorkerLoad | undefined = undefined
  /** To be handed out with each turn until their jobs have ended. */
  signals: ReadonlyArray<Signal> = []

  constructor(id: number, info: WorkerInfo, now: number, leaseMs: number) {
    this.id = id
    this.info = info
    this.handles = new Set(info.tasks)
    this.startedAt = now
    this.lastBeat = now
    this.leaseUntil = now + leaseMs
  }

  get record(): WorkerRecord {
    return {
      ...this.info,
      session: this.id,
      startedAt: this.startedAt,
      lastBeat: this.lastBeat,
      leaseUntil: this.leaseUntil,
      draining: this.draining,
      load: this.load,
      blocked: undefined
    }
  }
}

export class Sessions {
  private readonly sessions = new Map<number, MemorySession>()
  private readonly leads = new Map<string, { readonly session: number; readonly until: number }>()
  private lastId = 0

  join(info: WorkerInfo, now: number, leaseMs: number): MemorySession {
    const session = new MemorySession(++this.lastId, info, now, leaseMs)
    this.sessions.set(session.id, session)
    return session
  }

  get(id: number): MemorySession | undefined {
    return this.sessions.get(id)
  }

  /** The session, if its lease holds at `now`. */
  holding(id: number, now: number): MemorySession | undefined {
    const session = this.sessions.get(id)
    return session !== undefined && now < session.leaseUntil ? session : undefined
  }

  all(): Iterable<MemorySession> {
    return this.sessions.values()
  }

  ended(now: number): ReadonlyArray<MemorySession> {
    return [...this.sessions.values()].filter((session) => now >= session.leaseUntil)
  }

  remove(id: number): void {
    this.sessions.delete(id)
    for (const [role, lead] of this.leads) if (lead.session === id) this.leads.delete(role)
  }

  lead(role: string, session: number, now: number, ttlMs: number): boolean {
    const lead = this.leads.get(role)
    if (lead !== undefined && lead.session !== session && now < lead.until) return false
    this.leads.set(role, { session, until: now + ttlMs })
    return true
  }
}
