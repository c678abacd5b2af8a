/** Workers: sessions with their leases, drains, loads, and the roles they lead. */
import type { JobId } from "../../Job.ts"
import type { WorkerInfo, WorkerLoad, WorkerRecord } from "../../WorkerRecord.ts"
import type { Database, Query } from "./Database.ts"
import { isDead, machine, processStart } from "./ProcessIdentity.ts"
import type { Statistics } from "./Statistics.ts"

/** What a turn must know of its session. */
export interface Session {
  readonly leaseUntil: number
  readonly draining: boolean
  readonly tasks: ReadonlySet<string>
}

export interface Beat {
  readonly now: number
  readonly leaseMs: number
  readonly blockedMostMs: number
  readonly tasks: ReadonlyArray<string>
  readonly slots: Readonly<Record<string, number>>
  readonly load: WorkerLoad
}

type WorkerRow = [
  session: number,
  name: string,
  host: string,
  pid: number,
  version: string,
  slots: string,
  tasks: string,
  started: number,
  beat: number,
  until: number,
  draining: number,
  load: string | null,
  blocked: string | null
]

export interface SessionProcess {
  readonly session: number
  readonly leaseUntil: number
  readonly machine: string
  readonly pid: number
  readonly start: string
}

export class Sessions {
  private readonly statistics: Statistics
  /** Tasks by the text they were read from: parsing it once is enough. */
  private readonly tasks = new Map<number, { readonly text: string; readonly set: ReadonlySet<string> }>()
  private readonly select: Query<[until: number, draining: number, tasks: string]>
  private readonly insert: Query<[session: number]>
  private readonly renew: Query<[]>
  private readonly block: Query<[]>
  private readonly selectAll: Query<WorkerRow>
  private readonly setDraining: Query<[]>
  private readonly selectProcesses: Query<[session: number, until: number, machine: string, pid: number, start: string]>
  private readonly selectProcess: Query<[machine: string, pid: number, start: string]>
  private readonly delete: Query<[]>
  private readonly deleteLeads: Query<[]>
  private readonly selectLead: Query<[session: number, until: number]>
  private readonly upsertLead: Query<[]>

  constructor(db: Database, statistics: Statistics) {
    this.statistics = statistics
    this.select = db.prepare("SELECT until, draining, tasks FROM worker WHERE session = ?")
    this.insert = db.prepare(
      `INSERT INTO worker(name, host, pid, version, slots, tasks, started, beat, until, machine, process_start)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING session`
    )
    this.renew = db.prepare(
      `UPDATE worker SET beat = ?, until = ?, tasks = ?, slots = ?, load = ?, blocked = NULL WHERE session = ? AND until > ?`
    )
    this.block = db.prepare(
      "UPDATE worker SET until = max(until, ?), blocked = ifnull(blocked, ?) WHERE session = ? AND until > ?"
    )
    this.selectAll = db.prepare(
      `SELECT session, name, host, pid, version, slots, tasks, started, beat, until, draining, load, blocked
       FROM worker ORDER BY session`
    )
    this.setDraining = db.prepare("UPDATE worker SET draining = 1 WHERE session = ?")
    this.selectProcesses = db.prepare("SELECT session, until, machine, pid, process_start FROM worker ORDER BY session")
    this.selectProcess = db.prepare("SELECT machine, pid, process_start FROM worker WHERE session = ?")
    this.delete = db.prepare("DELETE FROM worker WHERE session = ?")
    this.deleteLeads = db.prepare("DELETE FROM lead WHERE session = ?")
    this.selectLead = db.prepare("SELECT session, until FROM lead WHERE role = ?")
    this.upsertLead = db.prepare("INSERT OR REPLACE INTO lead(role, session, until) VALUES (?, ?, ?)")
  }

  /** The session, if its lease holds. */
  find(session: number, now: number): Session | undefined {
    const row = this.select.get(session)
    if (row === undefined || row[0] <= now) return undefined
    const [leaseUntil, draining, text] = row
    let known = this.tasks.get(session)
    if (known === undefined || known.text !== text) {
      known = { text, set: new Set(JSON.parse(text) as ReadonlyArray<string>) }
      this.tasks.set(session, known)
    }
    return { leaseUntil, draining: draining === 1, tasks: known.set }
  }

  join(worker: WorkerInfo, now: number, leaseMs: number): number {
    return this.insert.get(
      worker.name,
      worker.host,
      worker.pid,
      worker.version,
      JSON.stringify(worker.slots),
      JSON.stringify(worker.tasks),
      now,
      now,
      now + leaseMs,
      machine,
      processStart(worker.pid)
    )![0]
  }

  beat(session: number, { leaseMs, load, now, slots, tasks }: Beat): boolean {
    const renewed =
      this.renew.run(
        now,
        now + leaseMs,
        JSON.stringify(tasks),
        JSON.stringify(slots),
        JSON.stringify(load),
        session,
        now
      ).changes !== 0
    if (renewed) this.statistics.beat(now, load)
    return renewed
  }

  /** Renews for a worker whose event loop does not answer, and notes since when and what ran then. */
  renewBlocked(
    session: number,
    blocked: { readonly since: number; readonly jobs: ReadonlyArray<JobId> },
    now: number,
    leaseMs: number
  ): boolean {
    return this.block.run(now + leaseMs, JSON.stringify(blocked), session, now).changes !== 0
  }

  list(): ReadonlyArray<WorkerRecord> {
    return this.selectAll.all().map((row) => ({
      session: row[0],
      name: row[1],
      host: row[2],
      pid: row[3],
      version: row[4],
      slots: JSON.parse(row[5]) as WorkerRecord["slots"],
      tasks: JSON.parse(row[6]) as WorkerRecord["tasks"],
      startedAt: row[7],
      lastBeat: row[8],
      leaseUntil: row[9],
      draining: row[10] === 1,
      load: row[11] === null ? undefined : (JSON.parse(row[11]) as WorkerLoad),
      blocked: row[12] === null ? undefined : (JSON.parse(row[12]) as NonNullable<WorkerRecord["blocked"]>)
    }))
  }

  drain(session: number): boolean {
    return this.setDraining.run(session).changes !== 0
  }

  processes(): ReadonlyArray<SessionProcess> {
    return this.selectProcesses.all().map(([session, leaseUntil, machine, pid, start]) => ({
      session,
      leaseUntil,
      machine,
      pid,
      start
    }))
  }

  remove(session: number): void {
    this.delete.run(session)
    this.deleteLeads.run(session)
    this.tasks.delete(session)
  }

  /** Whether the session leads; undefined: it does when that is written. */
  leads(role: string, session: number, now: number, ttlMs: number): boolean | undefined {
    const [leader, until] = this.selectLead.get(role) ?? [0, 0]
    if (until <= now) return undefined
    if (leader === session) return until - now > ttlMs / 2 && until - now <= ttlMs ? true : undefined
    return this.isGone(leader) ? undefined : false
  }

  lead(role: string, session: number, now: number, ttlMs: number): boolean {
    const stands = this.leads(role, session, now, ttlMs)
    if (stands === undefined) this.upsertLead.run(role, session, now + ttlMs)
    return stands ?? true
  }

  private isGone(session: number): boolean {
    const row = this.selectProcess.get(session)
    return row === undefined || isDead({ machine: row[0], pid: row[1], start: row[2] })
  }
}
