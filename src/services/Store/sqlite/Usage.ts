/** What jobs take in the file, told by the counters and the sizes of some. */
import type { JobId } from "../../Queue/Job.ts"
import { measuredOf, sampled } from "../../Queue/policy/jobs/Sampling.ts"
import * as States from "../../Queue/policy/jobs/States.ts"
import type { UsageRecord } from "../UsageRecord.ts"
import type { Database, Query } from "./Database.ts"
import type { Lookups } from "./Lookups.ts"

export class Usage {
  private readonly lookups: Lookups
  /** Lengths alone: SQLite reads no page of a long value for them. */
  private readonly measure: Query<[payload: number, ended: number | null, steps: number, log: number]>

  constructor(db: Database, lookups: Lookups) {
    this.lookups = lookups
    const bytes = (column: string) => `ifnull(octet_length(${column}), 0)`
    this.measure = db.prepare(
      `SELECT ${bytes("payload")} + ${bytes("extra")},
        (SELECT ${bytes("result")} + ${bytes("failure")} + ${bytes("attempts")} FROM history WHERE history.id = job.id),
        (SELECT ifnull(sum(octet_length(value)), 0) FROM step WHERE step.job = job.id),
        (SELECT ifnull(sum(octet_length(message)), 0) FROM log WHERE log.job = job.id)
       FROM job WHERE id = ?`
    )
  }

  all(): ReadonlyArray<UsageRecord> {
    const cells = [...this.lookups.cells({})]
    const most = measuredOf(cells.map(({ count }) => count))
    return cells.map(({ count, lane, state }, i) => {
      const ids = sampled(
        most[i]!,
        count,
        (after, limit) => this.lookups.idsOf(lane, state, "oldest", after, limit),
        () => this.lookups.idsOf(lane, state, "newest", Number.MAX_SAFE_INTEGER, 1)[0]
      )
      return { group: lane.group.name, task: lane.task, state: States.stateNames[state]!, count, ...this.sum(ids) }
    })
  }

  private sum(ids: ReadonlyArray<JobId>) {
    const sum = { measured: 0, payloadBytes: 0, resultBytes: 0, logBytes: 0 }
    for (const id of ids) {
      const sizes = this.measure.get(id)
      if (sizes === undefined) continue
      const [payload, ended, steps, log] = sizes
      sum.measured++
      sum.payloadBytes += payload
      sum.resultBytes += (ended ?? 0) + steps
      sum.logBytes += log
    }
    return sum
  }
}
