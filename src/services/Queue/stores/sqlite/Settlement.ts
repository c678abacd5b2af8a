/** Ends or hands back attempts. Each statement carries the token: no change of a row means that the claim has passed on. */
import type { JobId } from "../../Job.ts"
import type { FollowUp, Settle } from "../../Turn.ts"
import * as Codes from "./Codes.ts"
import type { Database, Query, Value } from "./Database.ts"
import { type Endings, failureText } from "./Endings.ts"
import type { Enqueues } from "./Enqueues.ts"
import { jobColumns, type JobRow, type JobRows, type JobTuple } from "./JobRows.ts"
import type { Ledger } from "./Ledger.ts"
import type { Running } from "./Running.ts"
import type { Signals } from "./Signals.ts"
import type { Statistics } from "./Statistics.ts"

const textOrNull = (value: unknown): string | null => (value === undefined ? null : (value as string))

export class Settlement {
  private readonly ledger: Ledger
  private readonly rows: JobRows
  private readonly running: Running
  private readonly endings: Endings
  private readonly enqueues: Enqueues
  private readonly signals: Signals
  private readonly statistics: Statistics
  private readonly deleteRunning: Query<[]>
  private readonly takeRunning: Query<JobTuple>
  private readonly waitAgain: Query<JobTuple>

  constructor(
    db: Database,
    parts: {
      readonly ledger: Ledger
      readonly rows: JobRows
      readonly running: Running
      readonly endings: Endings
      readonly enqueues: Enqueues
      readonly signals: Signals
      readonly statistics: Statistics
    }
  ) {
    this.ledger = parts.ledger
    this.rows = parts.rows
    this.running = parts.running
    this.endings = parts.endings
    this.enqueues = parts.enqueues
    this.signals = parts.signals
    this.statistics = parts.statistics
    const token = "id = ? AND session = ? AND attempt = ? AND state = 2"
    this.deleteRunning = db.prepare(`DELETE FROM job WHERE ${token}`)
    this.takeRunning = db.prepare(`DELETE FROM job WHERE ${token} RETURNING ${jobColumns}`)
    this.waitAgain = db.prepare(
      `UPDATE job SET state = ?, wait = ?, due = ?, rank = ?, attempt = ?, failure = ifnull(?, failure)
       WHERE ${token} RETURNING ${jobColumns}`
    )
  }

  /** False: the claim has passed on, nothing changed. */
  settle(settle: Settle, session: number, now: number): boolean {
    const cancel = this.signals.reason(settle.id)
    const isAccepted = this.apply(settle, session, now, cancel)
    if (isAccepted && cancel !== undefined) this.signals.settle(settle.id)
    if (isAccepted && settle.followUp !== undefined) this.follow(settle, settle.followUp, cancel, now)
    return isAccepted
  }

  /** Who cancelled a job that would run again wants nothing more of it. */
  private follow({ id, outcome }: Settle, followUp: FollowUp, cancel: string | undefined, now: number): void {
    if (outcome === "release" && cancel === undefined) {
      const stored = this.enqueues.storeAll(followUp.jobs, now)
      const awaited = [...followUp.afterJobs.map((place) => stored[place]!), ...followUp.afterIds]
      if (awaited.length > 0) this.enqueues.putAfter(id, awaited, now)
    } else if (outcome === "completed") this.enqueues.storeAll(followUp.jobs, now)
  }

  private apply(settle: Settle, session: number, now: number, cancel: string | undefined): boolean {
    switch (settle.outcome) {
      case "completed":
        return this.end(settle, session, now, Codes.completed, null)
      case "failed":
        return this.end(settle, session, now, Codes.failed, failureOf(settle))
      case "cancelled":
        return this.end(settle, session, now, Codes.cancelled, failureOf(settle))
      case "retry":
      case "release":
        // Who cancelled it wants no further attempt.
        if (cancel === undefined) return this.again(settle, session, now)
        this.endings.unheard(settle.id)
        return this.end(settle, session, now, Codes.cancelled, failureText("Cancelled", cancel, settle.attempt, now))
    }
  }

  private end(settle: Settle, session: number, now: number, state: number, failure: string | null): boolean {
    const row = this.take(settle.id, session, settle.attempt)
    if (row === undefined) return false
    this.statistics.ran(row.lane, settle.runMs)
    if (state === Codes.failed) this.statistics.attemptFailed(row.lane)
    // A job that needed several attempts keeps the failure of the last one that failed.
    const last = state === Codes.completed ? row.failure : failure
    this.endings.end(row, { state, now, result: textOrNull(settle.result), failure: last })
    return true
  }

  /** Takes a running job out of `job`, if its token still holds. */
  take(id: JobId, session: number, attempt: number): JobRow | undefined {
    let row = this.running.find(id, session, attempt)
    if (row === undefined) {
      const tuple = this.takeRunning.get(id, session, attempt)
      if (tuple === undefined) return undefined
      row = this.rows.row(tuple)
    } else {
      this.running.drop(id)
      if (this.deleteRunning.run(id, session, attempt).changes === 0) return undefined
    }
    this.ledger.add(row.lane, Codes.running, -1)
    if (row.wait === Codes.rides) this.ledger.ride(row.lane, -1)
    return row
  }

  private rides(id: JobId, session: number, attempt: number): boolean {
    return (this.running.find(id, session, attempt) ?? this.rows.live(id))?.wait === Codes.rides
  }

  private again(settle: Settle, session: number, now: number): boolean {
    const isRetry = settle.outcome === "retry"
    const state = settle.due > now ? Codes.scheduled : Codes.pending
    const wait = isRetry ? Codes.waitRetry : state === Codes.pending ? Codes.waitNone : Codes.waitTime
    const values: ReadonlyArray<Value> = [
      state,
      wait,
      settle.due,
      settle.rank,
      isRetry ? settle.attempt : settle.attempt - 1,
      isRetry ? failureOf(settle) : null
    ]
    const rides = this.rides(settle.id, session, settle.attempt)
    this.running.drop(settle.id)
    const tuple = this.waitAgain.get(...values, settle.id, session, settle.attempt)
    if (tuple === undefined) return false
    const row = this.rows.row(tuple)
    this.ledger.move(row.lane, Codes.running, state)
    if (rides) this.ledger.ride(row.lane, -1)
    if (state === Codes.scheduled) this.ledger.scheduledFor(settle.due)
    if (isRetry) {
      this.statistics.ran(row.lane, settle.runMs)
      this.statistics.attemptFailed(row.lane)
      this.statistics.retried(row.lane)
    }
    return true
  }
}

const failureOf = (settle: Settle): string | null =>
  settle.failure === undefined ? null : JSON.stringify(settle.failure)
