/** Takes jobs from workers that are gone: pending again with the attempt spent and counted as lost, or buried when it was the last. */
import type { JobId } from "../../Job.ts"
import type { SweepResult } from "../../JobStore.ts"
import * as Codes from "./Codes.ts"
import type { Database, Query } from "./Database.ts"
import { type Endings, failureText } from "./Endings.ts"
import type { JobRow, JobRows } from "./JobRows.ts"
import type { Ledger } from "./Ledger.ts"
import type { Moment, Sessions } from "./Sessions.ts"
import type { Settlement } from "./Settlement.ts"
import type { Signals } from "./Signals.ts"
import type { Statistics } from "./Statistics.ts"

/** More jobs than any session runs. */
const unbounded = 2 ** 40

interface Recovered {
  readonly recovered: Array<JobId>
  readonly buried: Array<JobId>
  /** Some were left for the next pass. */
  more: boolean
}

export class Recovery {
  private readonly ledger: Ledger
  private readonly rows: JobRows
  private readonly sessions: Sessions
  private readonly settlement: Settlement
  private readonly signals: Signals
  private readonly endings: Endings
  private readonly statistics: Statistics
  private readonly selectRunning: Query<[id: JobId, attempt: number]>
  private readonly again: Query<[]>
  private readonly selectExpired: Query<[JobId]>

  constructor(
    db: Database,
    parts: {
      readonly ledger: Ledger
      readonly rows: JobRows
      readonly sessions: Sessions
      readonly settlement: Settlement
      readonly signals: Signals
      readonly endings: Endings
      readonly statistics: Statistics
    }
  ) {
    this.ledger = parts.ledger
    this.rows = parts.rows
    this.sessions = parts.sessions
    this.settlement = parts.settlement
    this.signals = parts.signals
    this.endings = parts.endings
    this.statistics = parts.statistics
    // What runs is bounded by the groups' limits: no index by session.
    this.selectRunning = db.prepare(
      "SELECT id, attempt FROM job WHERE lane = ? AND state = 2 AND session = ? ORDER BY id LIMIT ?"
    )
    this.again = db.prepare(
      "UPDATE job SET state = 1, wait = 0, lost = lost + 1, failure = ? WHERE id = ? AND session = ? AND attempt = ? AND state = 2"
    )
    this.selectExpired = db.prepare(
      "SELECT id FROM job WHERE expires IS NOT NULL AND state < 2 AND attempt = 0 AND expires <= ? ORDER BY expires LIMIT ?"
    )
  }

  sweep(moment: Moment, limit: number): SweepResult {
    const { now } = moment
    const found: Recovered = { recovered: [], buried: [], more: false }
    const removed: Array<number> = []
    for (const { of, session, standing } of this.sessions.silent(moment)) {
      const left = limit - found.recovered.length - found.buried.length
      this.recover(session, now, left, found, (task) => of(task) === "lost")
      if (found.more) break
      if (standing === "suspended") continue
      this.sessions.remove(session)
      removed.push(session)
    }
    this.endings.cascade(now)
    const expired = this.expire(now, limit, found)
    return {
      recovered: found.recovered,
      buried: found.buried,
      expired,
      sessions: removed,
      more: found.more || this.ledger.hasCascades
    }
  }

  /** Ends a session; all its jobs are recovered. */
  leave(session: number, now: number): void {
    this.recover(session, now, unbounded, { recovered: [], buried: [], more: false }, () => true)
    this.sessions.remove(session)
  }

  private recover(
    session: number,
    now: number,
    limit: number,
    into: Recovered,
    isLost: (task: string) => boolean
  ): void {
    let left = limit
    for (const lane of this.ledger.lanes.values()) {
      if (lane.counts[Codes.running] === 0 || !isLost(lane.task)) continue
      const held = this.selectRunning.all(lane.id, session, left + 1)
      for (const [id, attempt] of held) {
        if (left-- <= 0) {
          into.more = true
          return
        }
        this.recoverJob(this.rows.live(id)!, session, attempt, now, into)
      }
    }
  }

  private recoverJob(row: JobRow, session: number, attempt: number, now: number, into: Recovered): void {
    const cancel = this.signals.settle(row.id)
    const lost = failureText("WorkerLost", "its worker died or lost its lease", attempt, now)
    this.statistics.attemptFailed(row.lane)
    if (cancel === undefined && attempt < row.maxAttempts) {
      this.statistics.recovered(row.lane)
      this.again.run(lost, row.id, session, attempt)
      this.ledger.move(row.lane, Codes.running, Codes.pending)
      if (row.wait === Codes.rides) this.ledger.ride(row.lane, -1)
      into.recovered.push(row.id)
      return
    }
    this.settlement.take(row.id, session, attempt)
    if (cancel === undefined) {
      this.endings.end(row, { state: Codes.failed, now, result: null, failure: lost })
      into.buried.push(row.id)
    } else {
      const failure = failureText("Cancelled", cancel, attempt, now)
      this.endings.end(row, { state: Codes.cancelled, now, result: null, failure })
    }
  }

  private expire(now: number, limit: number, into: Recovered): number {
    // Parents first: a job ends by its parent before it ends by its age.
    const due = this.selectExpired
      .all(now, limit)
      .map(([id]) => id)
      .sort((a, b) => a - b)
    if (due.length === limit) into.more = true
    let expired = 0
    for (const id of due) {
      const row = this.rows.live(id)
      if (row === undefined) continue
      this.endings.endWaiting(row, Codes.cancelled, now, "Expired", "it waited beyond its expiry")
      this.endings.cascade(now)
      expired++
    }
    return expired
  }
}
