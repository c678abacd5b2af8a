/**
 * Unique keys. A key has one row while it is taken: by a live job, by one more that is held behind it, or, for the rest
 * of its window, by a job that has finished. The primary key keeps it unique, whatever the number of producers.
 */
import type { JobId } from "../../Queue/Job.ts"
import { windowKept } from "../../Queue/policy/jobs/Admission.ts"
import type { Database, Query } from "./Database.ts"

export interface KeyRow {
  readonly job: JobId
  /** Waits for `job` to finish. */
  readonly held: JobId | undefined
  /** End of the window of the held job; 0: none. */
  readonly heldUntil: number
  /** End of the window; 0: none. */
  readonly until: number
  readonly live: boolean
}

export class Keys {
  private readonly select: Query<[job: JobId, until: number, live: number, held: JobId | null, heldUntil: number]>
  private readonly upsert: Query<[]>
  private readonly setHeld: Query<[]>
  private readonly delete: Query<[]>
  private readonly deletePassed: Query<[]>

  constructor(db: Database) {
    this.select = db.prepare("SELECT job, until, live, held, held_until FROM unique_key WHERE key = ?")
    this.upsert = db.prepare(
      `INSERT INTO unique_key(key, job, until, live) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET job = excluded.job, until = excluded.until, live = excluded.live, held = NULL`
    )
    this.setHeld = db.prepare("UPDATE unique_key SET held = ?, held_until = ? WHERE key = ?")
    this.delete = db.prepare("DELETE FROM unique_key WHERE key = ?")
    this.deletePassed = db.prepare(
      "DELETE FROM unique_key WHERE key IN (SELECT key FROM unique_key WHERE live = 0 AND until <= ? LIMIT ?)"
    )
  }

  /** Who holds the key now. */
  find(key: string, now: number): KeyRow | undefined {
    const row = this.select.get(key)
    if (row === undefined) return undefined
    const [job, until, live, held, heldUntil] = row
    if (live === 0 && until <= now) return undefined
    return { job, held: held ?? undefined, heldUntil, until, live: live === 1 }
  }

  /** Gives the key to a live job, whose own window ends at `own`. */
  take(key: string, job: JobId, own: number, now: number): void {
    const open = this.find(key, now)?.until ?? 0
    this.upsert.run(key, job, windowKept(open, own, now), 1)
  }

  hold(key: string, job: JobId, own: number): void {
    this.setHeld.run(job, own, key)
  }

  /** Until when the key stays taken by a job that finishes now; 0: not longer. */
  windowOf(key: string, job: JobId, now: number): number {
    const row = this.find(key, now)
    return row !== undefined && row.job === job && row.held === undefined && row.until > now ? row.until : 0
  }

  /** The job has finished. Answers the job that was held behind it, which has the key now. */
  release(key: string, job: JobId, now: number): JobId | undefined {
    const row = this.find(key, now)
    if (row === undefined) return undefined
    if (row.held === job) {
      this.setHeld.run(null, 0, key)
      return undefined
    }
    if (row.job !== job) return undefined
    if (row.held !== undefined) {
      this.take(key, row.held, row.heldUntil, now)
      return row.held
    }
    if (row.until > now) this.upsert.run(key, job, row.until, 0)
    else this.delete.run(key)
    return undefined
  }

  /** The finished job goes for good, and with it what is left of its window. */
  forget(key: string, job: JobId): void {
    const row = this.select.get(key)
    if (row !== undefined && row[0] === job && row[2] === 0) this.delete.run(key)
  }

  /** Removes up to `limit` keys whose window has passed. */
  prune(now: number, limit: number): void {
    this.deletePassed.run(now, limit)
  }
}
