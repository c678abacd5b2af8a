/**
 * Takes jobs from workers that are gone: pending again with the attempt spent and counted as lost, or buried when it
 * was the last.
 */
import type { JobId } from "../../Queue/Job.ts"
import type { SweepResult } from "../WorkerRegistry.ts"
import * as States from "../../Queue/policy/jobs/States.ts"
import * as Waiting from "../../Queue/policy/jobs/Waiting.ts"
import type { Database, Query } from "./Database.ts"
import { endOfLostAttempt } from "../../Queue/policy/jobs/AttemptEnds.ts"
import { cancelledBecause, expired, workerLost } from "../../Queue/policy/jobs/StoreFailures.ts"
import { type Endings, notStarted } from "./Endings.ts"
import { attemptsAfter, type JobRow, withCost } from "./JobColumns.ts"
import type { JobRows } from "./JobRows.ts"
import type { LaneCounters } from "./LaneCounters.ts"
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
  private readonly laneCounters: LaneCounters
  private readonly rows: JobRows
  private readonly sessions: Sessions
  private readonly settlement: Settlement
  private readonly signals: Signals
  private readonly endings: Endings
  private readonly statistics: Statistics
  private readonly selectRunning: Query<[id: JobId, attempt: number]>

  constructor(
    db: Database,
    parts: {
      readonly laneCounters: LaneCounters
      readonly rows: JobRows
      readonly sessions: Sessions
      readonly settlement: Settlement
      readonly signals: Signals
      readonly endings: Endings
      readonly statistics: Statistics
    }
  ) {
    this.laneCounters = parts.laneCounters
    this.rows = parts.rows
    this.sessions = parts.sessions
    this.settlement = parts.settlement
    this.signals = parts.signals
    this.endings = parts.endings
    this.statistics = parts.statistics
    // What runs is bounded by the groups' limits: no index by session.
    this.selectRunning = db.prepare(
      "SELECT id, attempt FROM running WHERE lane = ? AND session = ? ORDER BY id LIMIT ?"
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
      more: found.more || this.laneCounters.hasCascades
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
    const held = [...this.laneCounters.lanes.values()]
      .filter((lane) => lane.counts[States.running] > 0 && isLost(lane.task))
      .flatMap((lane) => this.selectRunning.all(lane.id, session, limit + 1))
      .sort(([a], [b]) => a - b)
    if (held.length > limit) into.more = true
    for (const [id, attempt] of held.slice(0, limit)) this.recoverJob(this.rows.live(id)!, session, attempt, now, into)
  }

  private recoverJob(row: JobRow, session: number, attempt: number, now: number, into: Recovered): void {
    const cancel = this.signals.settle(row.id)
    const { counts, state } = endOfLostAttempt(attempt, row.maxAttempts, cancel !== undefined)
    for (const counter of counts) this.statistics.count(row.lane, counter)
    const found =
      cancel === undefined ? workerLost(state === States.failed, attempt, now) : cancelledBecause(cancel, attempt, now)
    const failure = JSON.stringify(found)
    if (state === undefined) {
      const attempts = attemptsAfter(row, "lost", found, failure, now)
      this.rows.move(row, {
        ...withCost(row),
        state: States.pending,
        wait: Waiting.waitNone,
        lost: row.lost + 1,
        failure,
        attempts
      })
      into.recovered.push(row.id)
      return
    }
    this.settlement.take(row.id, session, attempt)
    this.endings.unheard(row.id)
    this.endings.end(row, { state, now, result: null, failure })
    if (state === States.failed) into.buried.push(row.id)
  }

  private expire(now: number, limit: number, into: Recovered): number {
    // Parents first: a job ends by its parent before it ends by its age.
    const due = this.rows.expiries.due(now, limit).toSorted((a, b) => a - b)
    if (due.length === limit) into.more = true
    let count = 0
    for (const id of due) {
      const row = this.rows.live(id)
      if (row === undefined) continue
      this.endings.endWaiting({ ...row, ...notStarted }, States.cancelled, expired(now))
      this.endings.cascade(now)
      count++
    }
    return count
  }
}
