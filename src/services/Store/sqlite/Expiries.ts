/**
 * The jobs that expire if they have not started by then: a row of `expiry` for each, while it waits for its first
 * attempt. A table of their own, so that jobs that never expire pay nothing for it.
 */
import type { JobId } from "../../Queue/Job.ts"
import * as States from "../../Queue/policy/jobs/States.ts"
import type { Database, Query } from "./Database.ts"
import type { JobRow } from "./JobColumns.ts"

const canExpire = ({ attempt, expires, state }: JobRow): boolean =>
  expires !== null && attempt === 0 && States.isWaiting(state)

export class Expiries {
  private readonly insert: Query<[]>
  private readonly delete: Query<[]>
  private readonly selectDue: Query<[JobId]>

  constructor(db: Database) {
    this.insert = db.prepare("INSERT OR IGNORE INTO expiry(at, id) VALUES (?, ?)")
    this.delete = db.prepare("DELETE FROM expiry WHERE at = ? AND id = ?")
    this.selectDue = db.prepare("SELECT id FROM expiry WHERE at <= ? ORDER BY at, id LIMIT ?")
  }

  /** The job stands as `row` says now. */
  placed(row: JobRow): void {
    if (row.expires !== null && canExpire(row)) this.insert.run(row.expires, row.id)
  }

  /** The job stands as `row` says no more. */
  left(row: JobRow): void {
    if (row.expires !== null && canExpire(row)) this.delete.run(row.expires, row.id)
  }

  /** Up to `limit` jobs whose time is past, those that expired first before the others. */
  due(now: number, limit: number): ReadonlyArray<JobId> {
    return this.selectDue.all(now, limit).map(([id]) => id)
  }
}

/** Makes the rows anew from the jobs. */
export const recountExpiries = `DELETE FROM expiry;
  INSERT INTO expiry(at, id) SELECT expires, id FROM job WHERE expires IS NOT NULL
    AND (EXISTS (SELECT 1 FROM pending WHERE pending.lane = job.lane AND pending.id = job.id AND attempt = 0)
      OR EXISTS (SELECT 1 FROM scheduled WHERE scheduled.lane = job.lane AND scheduled.id = job.id AND attempt = 0))`
