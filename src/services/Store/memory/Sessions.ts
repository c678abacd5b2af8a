/** Worker sessions with their leases, and the leads they hold. */
import type { Signal } from "../Turn.ts"
import type { WorkerInfo, WorkerLoad, WorkerRecord } from "../WorkerRecord.ts"

export class MemorySession {
  readonly id: number
  info: WorkerInfo
  handles: ReadonlySet<string>
  readonly startedAt: number
  lastBeat: number
  leaseUntil: number
  /** The same by the monotonic clock. */
  lapsesAt: number
  draining = false
  load: WorkerLoad | undefined = undefined
  /** To be handed out with each turn until their jobs have ended. */
  signals: ReadonlyArray<Signal> = []

  constructor(id: number, info: WorkerInfo, now: number, monotonic: number, leaseMs: number) {
    this.id = id
    this.info = info
    this.handles = new Set(info.tasks)
    this.startedAt = now
    this.lastBeat = now
    this.leaseUntil = now + leaseMs
    this.lapsesAt = monotonic + leaseMs
  }

  /** `now` and `monotonic` of one moment. */
  recordAt(now: number, monotonic: number): WorkerRecord {
    const { suspendedForMs: _, ...info } = this.info
    const left = this.lapsesAt - monotonic
    return {
      ...info,
      session: this.id,
      startedAt: this.startedAt,
      lastBeat: this.lastBeat,
      // Where the clock was set since, as it is now.
      leaseUntil: Math.abs(now + left - this.leaseUntil) < 1_000 ? this.leaseUntil : now + left,
      suspended: undefined,
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

  join(info: WorkerInfo, now: number, monotonic: number, leaseMs: number): MemorySession {
    const session = new MemorySession(++this.lastId, info, now, monotonic, leaseMs)
    this.sessions.set(session.id, session)
    return session
  }

  get(id: number): MemorySession | undefined {
    return this.sessions.get(id)
  }

  /** Whether a worker is there that would start jobs of the task. */
  readonly serves = (task: string): boolean => {
    for (const { draining, handles } of this.sessions.values()) if (!draining && handles.has(task)) return true
    return false
  }

  /** Tells a session of one of its running jobs, once. */
  signal(id: number, signal: Signal): void {
    const session = this.sessions.get(id)
    if (session !== undefined && !session.signals.some(({ id }) => id === signal.id))
      session.signals = [...session.signals, signal]
  }

  all(): Iterable<MemorySession> {
    return this.sessions.values()
  }

  /** Their lease has run out, by the monotonic clock. */
  lapsed(monotonic: number): ReadonlyArray<MemorySession> {
    return [...this.sessions.values()].filter((session) => monotonic >= session.lapsesAt)
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
