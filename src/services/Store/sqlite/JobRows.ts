/**
 * The statements that read, add, move and remove a job. It is in `job` until it goes for good, and in exactly one of
 * the tables of the states. Whatever moves it counts it.
 */
import type { JobExtra, JobId } from "../../Queue/Job.ts"
import * as States from "../../Queue/policy/jobs/States.ts"
import * as Waiting from "../../Queue/policy/jobs/Waiting.ts"
import { labelsOf } from "../../Queue/policy/jobs/Labels.ts"
import type { Database, Query } from "./Database.ts"
import {
  byTable,
  deletes,
  inserts,
  type JobRow,
  type JobTuple,
  parseExtra,
  rowOf,
  startingRowOf,
  stateIn,
  type StateTable,
  slotsTaken,
  stateTable,
  type Table,
  tupleOf
} from "./JobColumns.ts"
import { Expiries } from "./Expiries.ts"
import type { KeySlots } from "./KeySlots.ts"
import type { LaneCounters } from "./LaneCounters.ts"

/** The rows of one job. Where the id alone finds one, a job that stands elsewhere costs one look. */
const partsIn: Readonly<Record<StateTable, string>> = {
  running: "running CROSS JOIN job ON job.id = running.id WHERE running.id = ?1",
  history: "history CROSS JOIN job ON job.id = history.id WHERE history.id = ?1",
  pending: "job CROSS JOIN pending ON pending.lane = job.lane AND pending.id = job.id WHERE job.id = ?1",
  scheduled: "job CROSS JOIN scheduled ON scheduled.lane = job.lane AND scheduled.id = job.id WHERE job.id = ?1"
}

const live = ["running", "pending", "scheduled"] as const
const all = ["running", "history", "pending", "scheduled"] as const

/** Of one job, in whichever of these tables it stands. */
const selectIn = (tables: ReadonlyArray<StateTable>, what: (table: StateTable) => string): string =>
  tables.map((table) => `SELECT ${what(table)} FROM ${partsIn[table]}`).join(" UNION ALL ")

type Statements = Readonly<Record<Table, Query<[]>>>

export class JobRows {
  private readonly laneCounters: LaneCounters
  private readonly slots: KeySlots
  readonly expiries: Expiries
  private readonly selectLive: Query<JobTuple>
  private readonly selectFinished: Query<JobTuple>
  private readonly selectAny: Query<JobTuple>
  private readonly selectState: Query<[state: number]>
  private readonly insertRow: Readonly<Record<Table, ReadonlyArray<Query<[]>>>>
  private readonly deleteRow: Statements
  private readonly updateJob: Query<[]>
  private readonly insertLabel: Query<[]>
  private readonly deleteLabel: Query<[]>
  private readonly deleteProgress: Query<[]>
  private readonly deleteSteps: Query<[]>
  private readonly deleteLog: Query<[]>

  constructor(db: Database, laneCounters: LaneCounters, slots: KeySlots) {
    this.laneCounters = laneCounters
    this.slots = slots
    this.expiries = new Expiries(db)
    this.selectLive = db.prepare(selectIn(live, (table) => tupleOf(table)))
    this.selectFinished = db.prepare(selectIn(["history"], (table) => tupleOf(table)))
    this.selectAny = db.prepare(selectIn(all, (table) => tupleOf(table)))
    this.selectState = db.prepare(selectIn(all, stateIn))
    this.insertRow = byTable((table) => inserts[table].map(({ sql }) => db.prepare(sql)))
    this.deleteRow = byTable((table) => db.prepare(deletes[table].sql))
    this.updateJob = db.prepare(
      "UPDATE job SET lane = ?, priority = ?, version = ?, expires = ?, checksum = ?, extra = ?, payload = ? WHERE id = ?"
    )
    this.insertLabel = db.prepare("INSERT OR IGNORE INTO label(label, id) VALUES (?, ?)")
    this.deleteLabel = db.prepare("DELETE FROM label WHERE label = ? AND id = ?")
    this.deleteProgress = db.prepare("DELETE FROM progress WHERE job = ?")
    this.deleteSteps = db.prepare("DELETE FROM step WHERE job = ?")
    this.deleteLog = db.prepare("DELETE FROM log WHERE job = ?")
  }

  row(tuple: JobTuple): JobRow {
    return rowOf(tuple, this.laneCounters.lanes)
  }

  /** Of one that starts and that its group's slots alone limit. */
  startingRow(tuple: JobTuple): JobRow {
    return startingRowOf(tuple, this.laneCounters.lanes)
  }

  private rowIn(query: Query<JobTuple>, id: JobId): JobRow | undefined {
    const tuple = query.get(id)
    return tuple === undefined ? undefined : this.row(tuple)
  }

  live(id: JobId): JobRow | undefined {
    return this.rowIn(this.selectLive, id)
  }

  finished(id: JobId): JobRow | undefined {
    return this.rowIn(this.selectFinished, id)
  }

  find(id: JobId): JobRow | undefined {
    return this.rowIn(this.selectAny, id)
  }

  stateOf(id: JobId): number | undefined {
    return this.selectState.get(id)?.[0]
  }

  private insertInto(table: Table, row: JobRow): void {
    const statements = inserts[table]
    const queries = this.insertRow[table]
    let i = 0
    while (!statements[i]!.suits(row)) i++
    statements[i]!.run(queries[i]!, row)
  }

  private deleteFrom(table: Table, row: JobRow): void {
    deletes[table].run(this.deleteRow[table], row)
  }

  /** Stores a new job where its limits let it stand, and counts it. Labels apart. */
  add(row: JobRow): void {
    this.addSeated(this.slots.seat(row))
  }

  /** The same, of one that has its seat already. */
  addSeated(row: JobRow): void {
    this.register(row)
    this.put(row)
    this.slots.promoteFreed()
  }

  /** Stores a new job that stands nowhere yet. */
  register(row: JobRow): void {
    this.insertInto("job", row)
  }

  /** A job that stands nowhere stands here now, as far as its limits let it. `from`: how it stood before. */
  place(row: JobRow, from?: JobRow): void {
    this.put(this.slots.seat(row, from))
    this.slots.promoteFreed()
  }

  private put(row: JobRow): void {
    this.insertInto(stateTable(row), row)
    this.expiries.placed(row)
    this.laneCounters.add(row.lane, row.state, 1, slotsTaken(row))
    if (row.state === States.scheduled && Waiting.isForTimeOnly(row.wait)) this.laneCounters.scheduledFor(row.due)
  }

  /** A job stands nowhere for now, and has its seat still. */
  take(row: JobRow): void {
    this.deleteFrom(stateTable(row), row)
    this.expiries.left(row)
    this.laneCounters.add(row.lane, row.state, -1, -slotsTaken(row))
    if (row.state === States.scheduled) this.laneCounters.forgetNextDue()
  }

  /**
   * Makes one of the other where they stand, as far as its limits let it. What rests in `job` is not written: see
   * `rewrite`.
   */
  move(from: JobRow, wanted: JobRow): void {
    this.replace(from, this.slots.seat(wanted, from))
    this.slots.promoteFreed()
  }

  private replace(from: JobRow, to: JobRow): void {
    this.deleteFrom(stateTable(from), from)
    this.expiries.left(from)
    this.insertInto(stateTable(to), to)
    this.expiries.placed(to)
    if (from.lane !== to.lane || from.state !== to.state) {
      this.laneCounters.add(from.lane, from.state, -1, -slotsTaken(from))
      this.laneCounters.add(to.lane, to.state, 1, slotsTaken(to))
    }
    if (from.state === States.scheduled) this.laneCounters.forgetNextDue()
    if (to.state === States.scheduled && Waiting.isForTimeOnly(to.wait)) this.laneCounters.scheduledFor(to.due)
  }

  /** A waiting job whose limits have changed goes to where it arrives by them. `promoteFreed` follows. */
  reseat(row: JobRow): void {
    const to = this.slots.reseat(row)
    if (to !== row) this.replace(row, to)
  }

  /** The same of one that stands nowhere. */
  placeAnew(row: JobRow): void {
    this.put(this.slots.reseat(row))
  }

  /** What of `job` may change: by an operator, or by a job that replaces it. */
  rewrite({ checksum, expires, extra, id, lane, payload, priority, version }: JobRow): void {
    this.updateJob.run(lane.id, priority, version, expires, checksum, extra, payload, id)
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

  /** A job that stands nowhere goes for good: labels, logs and progress too, and its id is never given again. */
  forget(row: JobRow): void {
    this.laneCounters.jobRemoved()
    this.deleteFrom("job", row)
    for (const label of labelsOf(row.partitionKey, parseExtra(row.extra))) this.deleteLabel.run(label, row.id)
    this.dropProgress(row.id)
    this.deleteLog.run(row.id)
    this.dropSteps(row.id)
  }

  dropSteps(id: JobId): void {
    if (this.laneCounters.hasSteps) this.deleteSteps.run(id)
  }

  dropProgress(id: JobId): void {
    this.deleteProgress.run(id)
  }
}
