/** Scheduled jobs whose time has come become pending: `policy/jobs/Waiting.ts` in SQL. */
import type { JobId } from "../../Queue/Job.ts"
import * as States from "../../Queue/policy/jobs/States.ts"
import * as Waiting from "../../Queue/policy/jobs/Waiting.ts"
import type { Database, Query } from "./Database.ts"
import { copyInto } from "./JobColumns.ts"
import type { JobRows } from "./JobRows.ts"
import type { KeySlots } from "./KeySlots.ts"
import type { LaneCounters } from "./LaneCounters.ts"

/** Jobs promoted per turn; when more are due, `nextDue` says to look again at once. */
const promotedPerTurn = 1_000

export class Due {
  private readonly laneCounters: LaneCounters
  private readonly rows: JobRows
  private readonly slots: KeySlots
  private readonly copyDue: Query<[]>
  private readonly deleteDue: Query<[lane: number]>
  private readonly selectDue: Query<[lane: number, id: JobId]>

  constructor(db: Database, laneCounters: LaneCounters, rows: JobRows, slots: KeySlots) {
    this.laneCounters = laneCounters
    this.rows = rows
    this.slots = slots
    const due = "FROM scheduled WHERE wait IN (1, 2) AND due <= ? ORDER BY due, id LIMIT ?"
    this.selectDue = db.prepare(`SELECT lane, id ${due}`)
    this.copyDue = db.prepare(`${copyInto("pending", "scheduled")} WHERE (lane, id) IN (SELECT lane, id ${due})`)
    this.deleteDue = db.prepare(`DELETE FROM scheduled WHERE (lane, id) IN (SELECT lane, id ${due}) RETURNING lane`)
  }

  promote(now: number): void {
    this.slots.promoteDue()
    const next = this.laneCounters.nextDue()
    if (next === undefined || next > now) return
    const others = promotedPerTurn - this.promoteLimited(now)
    this.copyDue.run(now, others)
    for (const [lane] of this.deleteDue.all(now, others)) {
      this.laneCounters.move(this.laneCounters.lanes.get(lane)!, States.scheduled, States.pending)
    }
    this.laneCounters.forgetNextDue()
  }

  /** Those that a key may keep, one by one. Answers how many; none of them is due any more. */
  private promoteLimited(now: number): number {
    const { lanes } = this.laneCounters
    const isLimited = (lane: number) => lanes.get(lane)!.group.hasLimitedKeys
    if (![...lanes.keys()].some(isLimited)) return 0
    const limited = this.selectDue.all(now, promotedPerTurn).filter(([lane]) => isLimited(lane))
    for (const [, id] of limited) {
      const row = this.rows.live(id)!
      this.rows.move(row, { ...row, state: States.pending, wait: Waiting.waitWhile(row.wait, row.due, now) })
    }
    return limited.length
  }
}
