/**
 * What running jobs must be told. A signal stays in the file until its job runs no longer, so that a job that was
 * cancelled is not run again by whoever finds it next.
 */
import type { JobId } from "../../Queue/Job.ts"
import type { Signal } from "../Turn.ts"
import type { Database, Query } from "./Database.ts"
import type { LaneCounters } from "./LaneCounters.ts"

export class Signals {
  private readonly laneCounters: LaneCounters
  private readonly insert: Query<[]>
  private readonly select: Query<[reason: string]>
  private readonly delete: Query<[]>
  private readonly selectOf: Query<[job: JobId, reason: string]>
  private readonly any: Query<[1]>

  constructor(db: Database, laneCounters: LaneCounters) {
    this.laneCounters = laneCounters
    this.insert = db.prepare("INSERT OR IGNORE INTO signal(job, session, reason) VALUES (?, ?, ?)")
    this.select = db.prepare("SELECT reason FROM signal WHERE job = ?")
    this.delete = db.prepare("DELETE FROM signal WHERE job = ?")
    this.selectOf = db.prepare("SELECT job, reason FROM signal WHERE session = ?")
    this.any = db.prepare("SELECT 1 FROM signal LIMIT 1")
  }

  /** Asks the session that runs the job to cancel it. Once asked, the first reason stands. */
  cancel(job: JobId, session: number, reason: string): void {
    this.insert.run(job, session, reason)
    this.laneCounters.hasSignals = true
    this.laneCounters.controlChanged()
  }

  /** Why the job is to be cancelled, if it is. */
  reason(job: JobId): string | undefined {
    return this.laneCounters.hasSignals ? this.select.get(job)?.[0] : undefined
  }

  /** The job's attempt has ended: its signal goes. Answers why it was to be cancelled, if it was. */
  settle(job: JobId): string | undefined {
    const reason = this.reason(job)
    if (reason !== undefined) this.delete.run(job)
    return reason
  }

  /**
   * What the session must be told, again with each turn until the jobs have ended: an answer may be lost on its way.
   */
  of(session: number): ReadonlyArray<Signal> {
    if (!this.laneCounters.hasSignals) return []
    if (this.any.get() === undefined) {
      this.laneCounters.hasSignals = false
      return []
    }
    return this.selectOf.all(session).map(([id, reason]) => ({ id, kind: "cancel", reason }))
  }
}
