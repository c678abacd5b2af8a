/**
 * How jobs end: the move to history, and what follows for the key they held and the jobs that waited for them.
 *
 * One end can end others, and those more: a chain is worked through with a list, never by recursion, up to
 * `cascadeBudget` children per transaction; the rest is noted in the table `cascade` and goes on in the next ones.
 */
import type { Failure, JobId, OwnRetention } from "../../Queue/Job.ts"
import { countOfState } from "../../Queue/policy/jobs/AttemptEnds.ts"
import { evictedMost, leavesNothing, ownRetention, ownUntil } from "../../Queue/policy/jobs/Retaining.ts"
import { parentFailed } from "../../Queue/policy/jobs/StoreFailures.ts"
import type { ParentFailurePolicy } from "../Turn.ts"
import * as States from "../../Queue/policy/jobs/States.ts"
import * as Waiting from "../../Queue/policy/jobs/Waiting.ts"
import type { Database, Query } from "./Database.ts"
import { type JobRow, parseExtra } from "./JobColumns.ts"
import type { JobRows } from "./JobRows.ts"
import type { Keys } from "./Keys.ts"
import type { KeySlots } from "./KeySlots.ts"
import type { Lane, LaneCounters } from "./LaneCounters.ts"
import type { Statistics } from "./Statistics.ts"

/** Children released or ended per transaction: about 10 ms of work. */
export const cascadeBudget = 1_000

export interface Ending {
  readonly state: number
  readonly now: number
  readonly result: string | null
  /** JSON text of a `Failure`. */
  readonly failure: string | null
}

/** Of a job that expired: who may have handed it back is forgotten. */
export const notStarted = { session: null, started: null } as const

const policies: ReadonlyArray<ParentFailurePolicy> = ["cancel", "fail", "run"]

interface FinishedParent {
  readonly parent: JobId
  readonly succeeded: boolean
}

export class Endings {
  private readonly laneCounters: LaneCounters
  private readonly rows: JobRows
  private readonly keys: Keys
  private readonly slots: KeySlots
  private readonly statistics: Statistics
  private readonly work: Array<FinishedParent> = []
  private ended: Array<JobId> = []
  private readonly insertDependency: Query<[]>
  private readonly deleteDependency: Query<[]>
  private readonly deleteDependencies: Query<[]>
  private readonly selectChildren: Query<[child: JobId, policy: number]>
  private readonly selectParents: Query<[JobId]>
  private readonly selectCascades: Query<[parent: JobId, succeeded: number]>
  private readonly insertCascade: Query<[]>
  private readonly deleteCascade: Query<[]>
  private readonly selectOldest: Query<[JobId]>

  constructor(
    db: Database,
    parts: {
      readonly laneCounters: LaneCounters
      readonly rows: JobRows
      readonly keys: Keys
      readonly slots: KeySlots
      readonly statistics: Statistics
    }
  ) {
    this.laneCounters = parts.laneCounters
    this.rows = parts.rows
    this.keys = parts.keys
    this.slots = parts.slots
    this.statistics = parts.statistics
    this.insertDependency = db.prepare("INSERT OR IGNORE INTO dependency(parent, child, policy) VALUES (?, ?, ?)")
    this.deleteDependency = db.prepare("DELETE FROM dependency WHERE parent = ? AND child = ?")
    this.deleteDependencies = db.prepare("DELETE FROM dependency WHERE child = ?")
    this.selectChildren = db.prepare("SELECT child, policy FROM dependency WHERE parent = ? ORDER BY child LIMIT ?")
    this.selectParents = db.prepare("SELECT parent FROM dependency WHERE child = ? ORDER BY parent")
    this.selectCascades = db.prepare("SELECT parent, succeeded FROM cascade ORDER BY parent LIMIT ?")
    this.insertCascade = db.prepare("INSERT OR REPLACE INTO cascade(parent, succeeded) VALUES (?, ?)")
    this.deleteCascade = db.prepare("DELETE FROM cascade WHERE parent = ?")
    this.selectOldest = db.prepare("SELECT id FROM history WHERE lane = ? AND state = ? ORDER BY id LIMIT ?")
  }

  /** Ends a job that stands nowhere any more; `row` is how it was. */
  end(row: JobRow, ending: Ending): void {
    const own = this.bury(row, ending)
    this.after(row, ending.state === States.completed, ending.now)
    if (own?.count !== undefined) this.evict(row.lane, ending.state, own.count, ending.now)
  }

  /** Ends a job that is stored and has never stood anywhere. */
  endNew(row: JobRow, state: number, failure: Failure): void {
    this.unheard(row.id)
    const own = this.bury(row, { state, now: failure.at, result: null, failure: JSON.stringify(failure) })
    this.follow(row, false, failure.at)
    if (own?.count !== undefined) this.evict(row.lane, state, own.count, failure.at)
  }

  /** Puts a job into the history, or nowhere. Answers what it says itself of its stay. */
  private bury(row: JobRow, ending: Ending): OwnRetention | undefined {
    const ended: JobRow = {
      ...row,
      state: ending.state,
      wait: Waiting.waitNone,
      finished: ending.now,
      result: ending.result,
      failure: ending.failure
    }
    const own = row.extra?.includes('"retention"') ? ownRetention(parseExtra(row.extra), ending.state) : undefined
    if (own === undefined) this.rows.place(ended)
    else this.keepAsSaid(ended, own, ending.now)
    this.statistics.count(row.lane, countOfState(ending.state))
    if (ending.state === States.completed) this.rows.dropSteps(row.id)
    return own
  }

  /** A job that says itself how long it stays: in the history, or nowhere. */
  private keepAsSaid(ended: JobRow, own: OwnRetention, now: number): void {
    const { id, lane, uniqueKey } = ended
    const until = ownUntil(own, uniqueKey === null ? 0 : this.keys.windowOf(uniqueKey, id, now), now)
    if (leavesNothing(until, now) && !this.isHeld(ended)) {
      this.laneCounters.ended(lane)
      this.rows.forget(ended)
    } else this.rows.place({ ...ended, keepUntil: until ?? null })
  }

  /** A finished job's result is still needed. */
  private isHeld({ extra }: JobRow): boolean {
    const holder = parseExtra(extra)?.holder
    const state = holder === undefined ? undefined : this.rows.stateOf(holder)
    return state !== undefined && States.isLive(state)
  }

  /** Finished jobs of a lane beyond `count` go, the oldest by id, but those that are still needed. */
  private evict(lane: Lane, state: number, count: number, now: number): void {
    const excess = lane.counts[state]! - count
    if (excess <= 0) return
    for (const [id] of this.selectOldest.all(lane.id, state, Math.min(excess, evictedMost))) {
      const row = this.rows.finished(id)!
      const isAnswer = row.uniqueKey !== null && this.keys.find(row.uniqueKey, now)?.job === id
      if (isAnswer || this.isHeld(row)) continue
      this.rows.take(row)
      this.discard(row)
    }
  }

  /** A job that stands nowhere and is not to come back goes for good, and with it what is left of its key's window. */
  discard(row: JobRow): void {
    if (row.uniqueKey !== null) this.keys.forget(row.uniqueKey, row.id)
    this.rows.forget(row)
  }

  /** What follows when a job is live no more, ended or removed. */
  after(row: JobRow, succeeded: boolean, now: number): void {
    this.slots.left(row)
    this.follow(row, succeeded, now)
  }

  private follow(row: JobRow, succeeded: boolean, now: number): void {
    if (row.uniqueKey !== null) {
      const held = this.keys.release(row.uniqueKey, row.id, now)
      if (held !== undefined) this.ready(held, Waiting.waitKey, now)
    }
    if (!this.laneCounters.hasDependencies) return
    if (row.state === States.scheduled) this.deleteDependencies.run(row.id)
    if (this.selectChildren.get(row.id, 1) !== undefined) this.work.push({ parent: row.id, succeeded })
  }

  /** A job ends without a settle that says so. */
  unheard(id: JobId): void {
    this.ended.push(id)
  }

  /** From now on these are the jobs that ended unheard; the list is complete with the commit. */
  listUnheard(): ReadonlyArray<JobId> {
    this.ended = []
    return this.ended
  }

  get hasWork(): boolean {
    return this.work.length > 0
  }

  /** Ends a live job that is not running, with the failure that the store found. */
  endWaiting(row: JobRow, state: number, failure: Failure): void {
    this.unheard(row.id)
    this.rows.take(row)
    this.end(row, { state, now: failure.at, result: null, failure: JSON.stringify(failure) })
  }

  /** A job that waited for `reason` waits for its time only, or for no more. */
  private ready(id: JobId, reason: number, now: number): void {
    const row = this.rows.live(id)
    if (row === undefined || row.state !== States.scheduled || row.wait !== reason) return
    const state = Waiting.stateWhile(Waiting.waitNone, row.due, now)
    this.rows.move(row, { ...row, state, wait: Waiting.waitWhile(Waiting.waitNone, row.due, now) })
  }

  /** The last parent of a job has ended as it should; it may still be held by its key. */
  parentsDone(id: JobId, now: number): void {
    const row = this.rows.live(id)
    const key = row?.uniqueKey ?? null
    if (key !== null && this.keys.find(key, now)?.held === id)
      this.rows.move(row!, { ...row!, state: States.scheduled, wait: Waiting.waitKey })
    else this.ready(id, Waiting.waitParents, now)
  }

  /** The parents a job still waits for. */
  parentsOf(id: JobId): ReadonlyArray<JobId> {
    return this.laneCounters.hasDependencies ? this.selectParents.all(id).map(([parent]) => parent) : []
  }

  waitFor(child: JobId, parents: ReadonlyArray<JobId>, policy: ParentFailurePolicy): void {
    for (const parent of parents) this.insertDependency.run(parent, child, policies.indexOf(policy))
    this.laneCounters.hasDependencies = true
  }

  /** Works off what jobs that ended mean for those that waited for them. Call before the counters are flushed. */
  cascade(now: number): void {
    if (this.work.length === 0 && !this.laneCounters.hasCascades) return
    let budget = cascadeBudget
    if (this.laneCounters.hasCascades) {
      const stored = this.selectCascades.all(cascadeBudget)
      this.laneCounters.hasCascades = stored.length === cascadeBudget
      for (const [parent, succeeded] of stored) {
        this.deleteCascade.run(parent)
        this.work.push({ parent, succeeded: succeeded === 1 })
      }
    }
    // The parent that ended first first.
    for (let i = 0; i < this.work.length; i++) {
      const next = this.work[i]!
      if (budget > 0) {
        const children = this.selectChildren.all(next.parent, budget)
        budget -= Math.max(1, children.length)
        for (const [child, policy] of children) this.parentEnded(next, child, policies[policy]!, now)
        if (budget > 0) continue
      }
      this.insertCascade.run(next.parent, next.succeeded ? 1 : 0)
      this.laneCounters.hasCascades = true
    }
    this.work.length = 0
  }

  private parentEnded(parent: FinishedParent, child: JobId, policy: ParentFailurePolicy, now: number): void {
    this.deleteDependency.run(parent.parent, child)
    if (parent.succeeded || policy === "run") {
      if (this.selectParents.get(child) === undefined) this.parentsDone(child, now)
      return
    }
    const row = this.rows.live(child)
    if (row !== undefined && row.state === States.scheduled) this.parentFailed(row, parent.parent, policy, now)
  }

  /** Ends a waiting job by its policy because a parent did not succeed. */
  parentFailed(row: JobRow, parent: JobId, policy: "cancel" | "fail", now: number): void {
    const state = policy === "cancel" ? States.cancelled : States.failed
    this.endWaiting(row, state, parentFailed(parent, row.attempt, now))
  }

  /** After a rollback: nothing is left to follow from what never happened. */
  invalidate(): void {
    this.work.length = 0
    this.ended = []
  }
}
