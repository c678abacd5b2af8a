/** Workers: sessions with their leases, drains, loads, and the roles they lead. */
import type { JobId } from "../../Queue/Job.ts"
import type { WorkerInfo, WorkerLoad, WorkerRecord } from "../WorkerRecord.ts"
import type { Database, Query } from "./Database.ts"
import { machine, sharesClock, startOf, stateThere } from "../../Queue/host/ProcessIdentity.ts"
import { type Standing, standing } from "../../Queue/policy/Standing.ts"
import type { Statistics } from "./Statistics.ts"

/** What a turn must know of its session. */
export interface Session {
  readonly draining: boolean
  readonly tasks: ReadonlySet<string>
}

/**
 * The caller's clocks at one moment: milliseconds since 1970, and from an origin that its machine's processes share.
 */
export interface Moment {
  readonly now: number
  readonly monotonic: number
}

export interface Beat extends Moment {
  readonly leaseMs: number
  readonly mayBlockMs: number
  readonly tasks: ReadonlyArray<string>
  readonly suspendedForMs: Readonly<Record<string, number>>
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
  blocked: string | null,
  ...SilenceRow
]

/** What tells of a session's silence; `renewed` and `runsSilent` by the monotonic clock of its machine. */
type SilenceRow = [
  machine: string,
  start: string,
  lease: number,
  renewed: number,
  runsSilent: number | null,
  suspendedFor: string
]
const silenceColumns = "machine, process_start, lease, renewed, runs_silent, suspended_for"

/** A session beyond its lease, or whose process is gone. */
export interface SilentSession {
  readonly session: number
  /** What becomes of it as a whole: spared as long as one of its tasks is. */
  readonly standing: Standing
  /** What becomes of its jobs of a task. */
  readonly of: (task: string) => Standing
}

/** Two clocks of one machine do not drift apart so far within a lease: beyond it one was set. */
const clockToleranceMs = 1_000

export class Sessions {
  private readonly statistics: Statistics
  /** Tasks by the text they were read from: parsing it once is enough. */
  private readonly tasks = new Map<number, { readonly text: string; readonly set: ReadonlySet<string> }>()
  private readonly select: Query<[draining: number, tasks: string]>
  private readonly insert: Query<[session: number]>
  private readonly renew: Query<[]>
  private readonly block: Query<[]>
  private readonly selectAll: Query<WorkerRow>
  private readonly setDraining: Query<[]>
  private readonly selectSilence: Query<[session: number, until: number, pid: number, ...SilenceRow]>
  private readonly setRunsSilent: Query<[]>
  private readonly selectProcess: Query<[machine: string, pid: number, start: string]>
  private readonly delete: Query<[]>
  private readonly deleteLeads: Query<[]>
  private readonly selectLead: Query<[session: number, until: number]>
  private readonly upsertLead: Query<[]>

  constructor(db: Database, statistics: Statistics) {
    this.statistics = statistics
    this.select = db.prepare("SELECT draining, tasks FROM worker WHERE session = ?")
    this.insert = db.prepare(
      `INSERT INTO worker(name, host, pid, version, slots, tasks, started, beat, until, machine, process_start, lease, renewed,
       suspended_for) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING session`
    )
    this.renew = db.prepare(
      `UPDATE worker SET beat = ?, until = ?, tasks = ?, slots = ?, load = ?, blocked = NULL, lease = ?, renewed = ?,
       runs_silent = NULL, suspended_for = ? WHERE session = ?`
    )
    this.block = db.prepare(
      "UPDATE worker SET until = max(until, ?), renewed = ?, blocked = ifnull(blocked, ?) WHERE session = ?"
    )
    this.selectAll = db.prepare(
      `SELECT session, name, host, pid, version, slots, tasks, started, beat, until, draining, load, blocked, ${silenceColumns}
       FROM worker ORDER BY session`
    )
    this.setDraining = db.prepare("UPDATE worker SET draining = 1 WHERE session = ?")
    this.selectSilence = db.prepare(`SELECT session, until, pid, ${silenceColumns} FROM worker ORDER BY session`)
    this.setRunsSilent = db.prepare("UPDATE worker SET runs_silent = ? WHERE session = ?")
    this.selectProcess = db.prepare("SELECT machine, pid, process_start FROM worker WHERE session = ?")
    this.delete = db.prepare("DELETE FROM worker WHERE session = ?")
    this.deleteLeads = db.prepare("DELETE FROM lead WHERE session = ?")
    this.selectLead = db.prepare("SELECT session, until FROM lead WHERE role = ?")
    this.upsertLead = db.prepare("INSERT OR REPLACE INTO lead(role, session, until) VALUES (?, ?, ?)")
  }

  /** The session, if it was not swept: until then it may go on, however long it was silent. */
  find(session: number): Session | undefined {
    const row = this.select.get(session)
    if (row === undefined) return undefined
    const [draining, text] = row
    let known = this.tasks.get(session)
    if (known === undefined || known.text !== text) {
      known = { text, set: new Set(JSON.parse(text) as ReadonlyArray<string>) }
      this.tasks.set(session, known)
    }
    return { draining: draining === 1, tasks: known.set }
  }

  join(worker: WorkerInfo, { monotonic, now }: Moment, leaseMs: number): number {
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
      startOf(worker.pid),
      leaseMs,
      monotonic,
      JSON.stringify(worker.suspendedForMs ?? {})
    )![0]
  }

  beat(session: number, { leaseMs, load, monotonic, now, slots, suspendedForMs, tasks }: Beat): boolean {
    const renewed =
      this.renew.run(
        now,
        now + leaseMs,
        JSON.stringify(tasks),
        JSON.stringify(slots),
        JSON.stringify(load),
        leaseMs,
        monotonic,
        JSON.stringify(suspendedForMs),
        session
      ).changes !== 0
    if (renewed) this.statistics.beat(now, load)
    return renewed
  }

  /** Renews for a worker whose event loop does not answer, and notes since when and what ran then. */
  renewBlocked(
    session: number,
    blocked: { readonly since: number; readonly jobs: ReadonlyArray<JobId> },
    { monotonic, now }: Moment,
    leaseMs: number
  ): boolean {
    return this.block.run(now + leaseMs, monotonic, JSON.stringify(blocked), session).changes !== 0
  }

  /** As they are now: whose process is gone holds no lease, and who stands still is told as suspended. */
  list(moment: Moment): ReadonlyArray<WorkerRecord> {
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
      ...this.presence(row, moment),
      draining: row[10] === 1,
      load: row[11] === null ? undefined : (JSON.parse(row[11]) as WorkerLoad),
      blocked: row[12] === null ? undefined : (JSON.parse(row[12]) as NonNullable<WorkerRecord["blocked"]>)
    }))
  }

  drain(session: number): boolean {
    return this.setDraining.run(session).changes !== 0
  }

  private presence(row: WorkerRow, moment: Moment): Pick<WorkerRecord, "leaseUntil" | "suspended" | "gone"> {
    const [session, , , pid, , , , , beat, until, , , , ...silence] = row
    const { process, silent, silentMs } = this.silence(session, until, pid, silence, moment)
    if (process === "gone") return { leaseUntil: until, suspended: undefined, gone: true }
    const left = moment.now + silence[2] - silentMs
    return {
      // Where the clock was set since, as it is now.
      leaseUntil: Math.abs(left - until) < clockToleranceMs ? until : Math.round(left),
      suspended: process === "stopped" || silent.standing === "suspended" ? { since: beat } : undefined
    }
  }

  private silence(
    session: number,
    until: number,
    pid: number,
    [of, start, leaseMs, renewed, runsSilent, suspendedFor]: SilenceRow,
    { monotonic, now }: Moment
  ) {
    const process = stateThere({ machine: of, pid, start })
    // A renewal that is still to come was of a time before a reboot.
    const silentMs = sharesClock(of) && renewed <= monotonic ? monotonic - renewed : now - until + leaseMs
    const runsSilentMs = runsSilent === null ? 0 : monotonic - runsSilent
    const patience = JSON.parse(suspendedFor) as Readonly<Record<string, number>>
    const judge = (suspendedForMs: number) => standing({ silentMs, leaseMs, process, runsSilentMs, suspendedForMs })
    const silent: SilentSession = {
      session,
      standing: judge(Math.max(0, ...Object.values(patience))),
      of: (task) => judge(patience[task] ?? 0)
    }
    return { process, silent, silentMs }
  }

  /** Those beyond their lease or without a process. Remembers who of the spared runs, and since when that was seen. */
  silent(moment: Moment): ReadonlyArray<SilentSession> {
    return this.selectSilence.all().flatMap(([session, until, pid, ...row]) => {
      const { process, silent } = this.silence(session, until, pid, row, moment)
      if (silent.standing === "holds") return []
      const runsSilent = silent.standing === "suspended" && process === "running" ? (row[4] ?? moment.monotonic) : null
      if (runsSilent !== row[4]) this.setRunsSilent.run(runsSilent, session)
      return [silent]
    })
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
    return this.canAct(leader) ? false : undefined
  }

  lead(role: string, session: number, now: number, ttlMs: number): boolean {
    const stands = this.leads(role, session, now, ttlMs)
    if (stands === undefined) this.upsertLead.run(role, session, now + ttlMs)
    return stands ?? true
  }

  /** False: its process is gone or stopped, as far as can be seen from here. */
  private canAct(session: number): boolean {
    const row = this.selectProcess.get(session)
    if (row === undefined) return false
    const state = stateThere({ machine: row[0], pid: row[1], start: row[2] })
    return state === "running" || state === undefined
  }
}
