/** Removes finished jobs beyond their age or count, with all that hangs on them. */
import type { JobId } from "../../Queue/Job.ts"
import type { RetentionPolicy } from "../JobStore.ts"
import { goes } from "../../Queue/policy/jobs/Retaining.ts"
import * as States from "../../Queue/policy/jobs/States.ts"
import type { Database, Query } from "./Database.ts"
import type { JobRows } from "./JobRows.ts"
import type { Keys } from "./Keys.ts"
import type { LaneCounters } from "./LaneCounters.ts"

const states = ["completed", "failed", "cancelled"] as const

export class Retention {
  private readonly laneCounters: LaneCounters
  private readonly rows: JobRows
  private readonly keys: Keys
  private readonly oldest: Query<[id: JobId, finished: number]>

  constructor(
    db: Database,
    parts: { readonly laneCounters: LaneCounters; readonly rows: JobRows; readonly keys: Keys }
  ) {
    this.laneCounters = parts.laneCounters
    this.rows = parts.rows
    this.keys = parts.keys
    const isHeld = `extra LIKE '%"holder"%' AND json_valid(extra) AND EXISTS (SELECT 1 FROM job AS holder
      WHERE holder.id = json_extract(job.extra, '$.holder') AND holder.id NOT IN (SELECT id FROM history))`
    this.oldest = db.prepare(
      `SELECT history.id, finished FROM history JOIN job ON job.id = history.id
       WHERE history.state = ? AND (extra IS NULL OR NOT (${isHeld})) ORDER BY finished, history.id LIMIT ?`
    )
  }

  /** Answers how many jobs went. */
  prune(policy: RetentionPolicy, now: number, limit: number): number {
    let removed = 0
    for (const name of states) {
      const state = States.stateCode(name)
      let kept = 0
      for (const lane of this.laneCounters.lanes.values()) kept += lane.counts[state]!
      for (const [id, finished] of this.oldest.all(state, limit - removed)) {
        if (!goes(policy[name], finished, kept, now)) break
        const row = this.rows.finished(id)!
        this.rows.take(row)
        if (row.uniqueKey !== null) this.keys.forget(row.uniqueKey, id)
        this.rows.forget(row)
        removed++
        kept--
      }
    }
    this.keys.prune(now, limit)
    return removed
  }
}
