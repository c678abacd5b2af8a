/** Scheduled jobs whose time has come become pending: `policy/jobs/Waiting.ts` in SQL. */
import * as States from "../../policy/jobs/States.ts"
import type { Database, Query } from "./Database.ts"
import type { Ledger } from "./Ledger.ts"

/** Jobs promoted per turn; when more are due, `nextDue` says to look again at once. */
const promotedPerTurn = 1_000

export class Due {
  private readonly ledger: Ledger
  private readonly promoteDue: Query<[lane: number]>

  constructor(db: Database, ledger: Ledger) {
    this.ledger = ledger
    this.promoteDue = db.prepare(
      `UPDATE job SET state = 1 WHERE id IN
         (SELECT id FROM job WHERE state = 0 AND wait IN (1, 2) AND due <= ? ORDER BY due, id LIMIT ?)
       RETURNING lane`
    )
  }

  promote(now: number): void {
    const next = this.ledger.nextDue()
    if (next === undefined || next > now) return
    for (const [lane] of this.promoteDue.all(now, promotedPerTurn)) {
      this.ledger.move(this.ledger.lanes.get(lane)!, States.scheduled, States.pending)
    }
    this.ledger.forgetNextDue()
  }
}
