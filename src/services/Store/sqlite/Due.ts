/** Scheduled jobs whose time has come become pending: `policy/jobs/Waiting.ts` in SQL. */
import * as States from "../../Queue/policy/jobs/States.ts"
import type { Database, Query } from "./Database.ts"
import { copyInto } from "./JobColumns.ts"
import type { LaneCounters } from "./LaneCounters.ts"

/** Jobs promoted per turn; when more are due, `nextDue` says to look again at once. */
const promotedPerTurn = 1_000

export class Due {
  private readonly laneCounters: LaneCounters
  private readonly copyDue: Query<[]>
  private readonly deleteDue: Query<[lane: number]>

  constructor(db: Database, laneCounters: LaneCounters) {
    this.laneCounters = laneCounters
    const due = "FROM scheduled WHERE wait IN (1, 2) AND due <= ? ORDER BY due, id LIMIT ?"
    this.copyDue = db.prepare(`${copyInto("pending", "scheduled")} WHERE (lane, id) IN (SELECT lane, id ${due})`)
    this.deleteDue = db.prepare(`DELETE FROM scheduled WHERE (lane, id) IN (SELECT lane, id ${due}) RETURNING lane`)
  }

  promote(now: number): void {
    const next = this.laneCounters.nextDue()
    if (next === undefined || next > now) return
    this.copyDue.run(now, promotedPerTurn)
    for (const [lane] of this.deleteDue.all(now, promotedPerTurn)) {
      this.laneCounters.move(this.laneCounters.lanes.get(lane)!, States.scheduled, States.pending)
    }
    this.laneCounters.forgetNextDue()
  }
}
