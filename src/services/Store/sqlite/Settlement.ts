/**
 * Ends or hands back attempts. Each statement carries the token: no change of a row means that the claim has passed on.
 */
import type { JobId } from "../../Queue/Job.ts"
import type { FollowUp, Settle } from "../Turn.ts"
import * as States from "../../Queue/policy/jobs/States.ts"
import * as Waiting from "../../Queue/policy/jobs/Waiting.ts"
import type { Database, Query } from "./Database.ts"
import { type AttemptEnd, endOfAttempt } from "../../Queue/policy/jobs/AttemptEnds.ts"
import { cancelledBecause } from "../../Queue/policy/jobs/StoreFailures.ts"
import type { Endings } from "./Endings.ts"
import type { Enqueues } from "./Enqueues.ts"
import { attemptsAfter, type JobRow, slotsTaken, withCost } from "./JobColumns.ts"
import type { JobRows } from "./JobRows.ts"
import type { KeySlots } from "./KeySlots.ts"
import type { LaneCounters } from "./LaneCounters.ts"
import type { Running } from "./Running.ts"
import type { Signals } from "./Signals.ts"
import type { Statistics } from "./Statistics.ts"

const textOrNull = (value: unknown): string | null => (value === undefined ? null : (value as string))

export class Settlement {
  private readonly laneCounters: LaneCounters
  private readonly rows: JobRows
  private readonly running: Running
  private readonly endings: Endings
  private readonly enqueues: Enqueues
  private readonly slots: KeySlots
  private readonly signals: Signals
  private readonly statistics: Statistics
  private readonly deleteRunning: Query<[]>

  constructor(
    db: Database,
    parts: {
      readonly laneCounters: LaneCounters
      readonly rows: JobRows
      readonly running: Running
      readonly endings: Endings
      readonly enqueues: Enqueues
      readonly slots: KeySlots
      readonly signals: Signals
      readonly statistics: Statistics
    }
  ) {
    this.laneCounters = parts.laneCounters
    this.rows = parts.rows
    this.running = parts.running
    this.endings = parts.endings
    this.enqueues = parts.enqueues
    this.slots = parts.slots
    this.signals = parts.signals
    this.statistics = parts.statistics
    this.deleteRunning = db.prepare("DELETE FROM running WHERE id = ? AND session = ? AND attempt = ?")
  }

  /** False: the claim has passed on, nothing changed. */
  settle(settle: Settle, session: number, now: number): boolean {
    const cancel = this.signals.reason(settle.id)
    const isAccepted = this.apply(settle, session, now, cancel)
    if (isAccepted && cancel !== undefined) this.signals.settle(settle.id)
    return isAccepted
  }

  /** Stores what comes with a job that is handed back. Answers those that it waits for. */
  private follow({ afterIds, afterJobs, jobs }: FollowUp, now: number): ReadonlyArray<JobId> {
    const stored = this.enqueues.storeAll(jobs, now)
    return [...afterJobs.map((place) => stored[place]!), ...afterIds]
  }

  private apply(settle: Settle, session: number, now: number, cancel: string | undefined): boolean {
    const end = endOfAttempt(settle.outcome, cancel !== undefined)
    if (end.state === undefined) return this.again(settle, end, session, now)
    const row = this.take(settle.id, session, settle.attempt)
    if (row === undefined) return false
    this.slots.heard(row, settle, now)
    this.count(row, end, settle)
    if (settle.outcome === "completed" && settle.followUp !== undefined) this.follow(settle.followUp, now)
    if (end.isCancellation) this.endings.unheard(settle.id)
    const failure = end.isCancellation
      ? JSON.stringify(cancelledBecause(cancel!, settle.attempt, now))
      : end.state === States.completed
        ? null
        : failureOf(settle)
    // A failure that is not given leaves the one before.
    this.endings.end(row, {
      state: end.state,
      now,
      result: end.state === States.completed ? textOrNull(settle.result) : null,
      failure: failure ?? row.failure
    })
    return true
  }

  private count({ lane }: JobRow, { counts, isTimed }: AttemptEnd, { runMs }: Settle): void {
    if (isTimed) this.statistics.ran(lane, runMs)
    for (const counter of counts) this.statistics.count(lane, counter)
  }

  /** Takes a running job from where it stands, if its token still holds. */
  take(id: JobId, session: number, attempt: number): JobRow | undefined {
    const row = this.running.find(id, session, attempt) ?? this.rows.live(id)
    this.running.drop(id)
    if (row === undefined || this.deleteRunning.run(id, session, attempt).changes === 0) return undefined
    this.laneCounters.add(row.lane, States.running, -1, -slotsTaken(row))
    return row
  }

  private again(settle: Settle, end: AttemptEnd, session: number, now: number): boolean {
    const row = this.take(settle.id, session, settle.attempt)
    if (row === undefined) return false
    const { attempt, outcome, rank } = settle
    const isRetry = outcome === "retry"
    const isReleased = outcome === "release"
    const heldBackUntil = (isReleased ? settle.heldBackUntil : undefined) ?? 0
    const due = Math.max(settle.due, heldBackUntil)
    const awaited = isReleased && settle.followUp !== undefined ? this.follow(settle.followUp, now) : []
    const wait = Waiting.waitOf(awaited.length > 0, false, isRetry)
    const failure = isRetry ? failureOf(settle) : null
    const waiting: JobRow = {
      ...withCost(row),
      state: Waiting.stateWhile(wait, due, now),
      wait: Waiting.waitWhile(wait, due, now),
      due,
      rank,
      attempt: end.isSpent ? attempt : attempt - 1,
      failure: failure ?? row.failure,
      attempts: isRetry ? attemptsAfter(row, "failed", settle.failure, failure, now) : row.attempts
    }
    this.slots.heard(row, settle, now)
    if (heldBackUntil > now) this.slots.holdBack(row, heldBackUntil)
    this.rows.place(waiting, row)
    this.count(row, end, settle)
    if (awaited.length > 0) this.enqueues.putAfter(waiting, awaited, now)
    return true
  }
}

const failureOf = (settle: Settle): string | null =>
  settle.failure === undefined ? null : JSON.stringify(settle.failure)
