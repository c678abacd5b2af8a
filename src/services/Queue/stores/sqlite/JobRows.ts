/** The statements that read, add, move and remove a job. */
import type { JobExtra, JobId } from "../../Job.ts"
import * as States from "../../policy/jobs/States.ts"
import * as Waiting from "../../policy/jobs/Waiting.ts"
import { labelsOf } from "../../policy/jobs/Labels.ts"
import type { Database, Query } from "./Database.ts"
import {
  historyColumns,
  inserts,
  jobColumns,
  type JobRow,
  type JobTuple,
  parseExtra,
  rowOf,
  type Table
} from "./JobColumns.ts"
import type { Ledger } from "./Ledger.ts"

export class JobRows {
  private readonly ledger: Ledger
  private readonly selectLive: Query<JobTuple>
  private readonly selectFinished: Query<JobTuple>
  private readonly inserts: Readonly<Record<Table, readonly [plain: Query<[]>, whole: Query<[]>]>>
  private readonly insertLabel: Query<[]>
  private readonly deleteLabel: Query<[]>
  private readonly deleteLive: Query<[]>
  private readonly deleteFinished: Query<[]>
  private readonly deleteProgress: Query<[]>
  private readonly deleteSteps: Query<[]>
  private readonly deleteLog: Query<[]>

  constructor(db: Database, ledger: Ledger) {
    this.ledger = ledger
    this.selectLive = db.prepare(`SELECT ${jobColumns} FROM job WHERE id = ?`)
    this.selectFinished = db.prepare(`SELECT ${historyColumns} FROM history WHERE id = ?`)
    const prepared = ([plain, whole]: (typeof inserts)[Table]) =>
      [db.prepare<[]>(plain.sql), db.prepare<[]>(whole.sql)] as const
    this.inserts = { job: prepared(inserts.job), history: prepared(inserts.history) }
    this.insertLabel = db.prepare("INSERT OR IGNORE INTO label(label, id) VALUES (?, ?)")
    this.deleteLabel = db.prepare("DELETE FROM label WHERE label = ? AND id = ?")
    this.deleteLive = db.prepare("DELETE FROM job WHERE id = ?")
    this.deleteFinished = db.prepare("DELETE FROM history WHERE id = ?")
    this.deleteProgress = db.prepare("DELETE FROM progress WHERE job = ?")
    this.deleteSteps = db.prepare("DELETE FROM step WHERE job = ?")
    this.deleteLog = db.prepare("DELETE FROM log WHERE job = ?")
  }

  /** Of a live job. */
  row(tuple: JobTuple): JobRow {
    return rowOf("job", tuple, this.ledger.lanes)
  }

  private insert(table: Table, row: JobRow): void {
    const [plain, whole] = inserts[table]
    if (plain.suits(row)) plain.run(this.inserts[table][0], row)
    else whole.run(this.inserts[table][1], row)
    this.ledger.add(row.lane, row.state, 1)
  }

  live(id: JobId): JobRow | undefined {
    const tuple = this.selectLive.get(id)
    return tuple === undefined ? undefined : this.row(tuple)
  }

  finished(id: JobId): JobRow | undefined {
    const tuple = this.selectFinished.get(id)
    return tuple === undefined ? undefined : rowOf("history", tuple, this.ledger.lanes)
  }

  find(id: JobId): JobRow | undefined {
    return this.live(id) ?? this.finished(id)
  }

  /** Stores a live job and counts it. Labels apart. */
  insertLive(row: JobRow): void {
    this.insert("job", row)
    if (row.state === States.scheduled && Waiting.isForTimeOnly(row.wait)) this.ledger.scheduledFor(row.due)
  }

  /** Stores a finished job and counts it. */
  insertFinished(row: JobRow): void {
    this.insert("history", row)
  }

  addLabels(id: JobId, partitionKey: string | undefined, extra: JobExtra | undefined): void {
    for (const label of labelsOf(partitionKey, extra)) this.insertLabel.run(label, id)
  }

  /** What it carries instead has other labels. */
  relabel({ extra: before, id, partitionKey }: JobRow, extra: JobExtra | undefined): void {
    const kept = new Set(labelsOf(partitionKey, extra))
    for (const label of labelsOf(partitionKey, parseExtra(before)))
      if (!kept.has(label)) this.deleteLabel.run(label, id)
    for (const label of kept) this.insertLabel.run(label, id)
  }

  /** Takes a live job's row out of its table and its counter, on the way to another state. */
  takeLive(row: JobRow): void {
    this.deleteLive.run(row.id)
    this.ledger.add(row.lane, row.state, -1)
    if (row.state === States.scheduled) this.ledger.forgetNextDue()
  }

  takeFinished(row: JobRow): void {
    this.deleteFinished.run(row.id)
    this.ledger.add(row.lane, row.state, -1)
  }

  /** A job goes for good: labels, logs and progress too, and its id is never given again. */
  forget(row: JobRow): void {
    this.ledger.jobRemoved()
    for (const label of labelsOf(row.partitionKey, parseExtra(row.extra))) this.deleteLabel.run(label, row.id)
    this.dropProgress(row.id)
    this.deleteLog.run(row.id)
    this.dropSteps(row.id)
  }

  dropSteps(id: JobId): void {
    if (this.ledger.hasSteps) this.deleteSteps.run(id)
  }

  dropProgress(id: JobId): void {
    this.deleteProgress.run(id)
  }
}
