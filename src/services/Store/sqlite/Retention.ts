/** Removes finished jobs beyond their age or count, with all that hangs on them. */
import type { JobId } from "../../Queue/Job.ts"
import type { RetentionPolicy } from "../JobStore.ts"
import { goes } from "../../Queue/policy/jobs/Retaining.ts"
import * as States from "../../Queue/policy/jobs/States.ts"
import type { Database, Query } from "./Database.ts"
import type { Endings } from "./Endings.ts"
import type { JobRows } from "./JobRows.ts"
import type { Keys } from "./Keys.ts"
import type { LaneCounters } from "./LaneCounters.ts"

const states = ["completed", "failed", "cancelled"] as const

export class Retention {
  private readonly laneCounters: LaneCounters
  private readonly rows: JobRows
  private readonly keys: Keys
  private readonly endings: Endings
  private readonly oldest: Query<[id: JobId, finished: number]>
  private readonly overdue: Query<[JobId]>
  private readonly anyOfOwn: Query<[1]>
  private readonly countOthers: Query<[number]>

  constructor(
    db: Database,
    parts: {
      readonly laneCounters: LaneCounters
      readonly rows: JobRows
      readonly keys: Keys
      readonly endings: Endings
    }
  ) {
    this.laneCounters = parts.laneCounters
    this.rows = parts.rows
    this.keys = parts.keys
    this.endings = parts.endings
    const isHeld = `extra LIKE '%"holder"%' AND json_valid(extra) AND EXISTS (SELECT 1 FROM job AS holder
      WHERE holder.id = json_extract(job.extra, '$.holder') AND holder.id NOT IN (SELECT id FROM history))`
    const free = `FROM history JOIN job ON job.id = history.id WHERE (extra IS NULL OR NOT (${isHeld}))`
    this.oldest = db.prepare(
      `SELECT history.id, finished ${free} AND keep_until IS NULL AND history.state = ?
       ORDER BY finished, history.id LIMIT ?`
    )
    this.overdue = db.prepare(`SELECT history.id ${free} AND keep_until < ? ORDER BY keep_until, history.id LIMIT ?`)
    this.anyOfOwn = db.prepare("SELECT 1 FROM history WHERE keep_until >= 0 LIMIT 1")
    this.countOthers = db.prepare("SELECT count(*) FROM history WHERE state = ? AND keep_until IS NULL")
  }

  /** Answers how many jobs went. */
  prune(policy: RetentionPolicy, now: number, limit: number): number {
    let removed = 0
    for (const name of states) {
      const state = States.stateCode(name)
      let kept = this.kept(state, policy[name].count)
      for (const [id, finished] of this.oldest.all(state, limit - removed)) {
        if (!goes(policy[name], finished, kept, now)) break
        this.remove(id)
        removed++
        kept--
      }
    }
    for (const [id] of this.overdue.all(now, limit - removed)) {
      this.remove(id)
      removed++
    }
    this.keys.prune(now, limit)
    return removed
  }

  /**
   * How many finished jobs of a state the store's retention is about, exact when above `count`. Where some say
   * themselves how long they stay the others are counted one by one: as many as the retention lets be.
   */
  private kept(state: number, count: number): number {
    let all = 0
    for (const lane of this.laneCounters.lanes.values()) all += lane.counts[state]!
    return all <= count || this.anyOfOwn.get() === undefined ? all : this.countOthers.get(state)![0]
  }

  private remove(id: JobId): void {
    const row = this.rows.finished(id)!
    this.rows.take(row)
    this.endings.discard(row)
  }
}
