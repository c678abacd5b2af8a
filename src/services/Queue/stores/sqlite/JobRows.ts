/** A job as the tables hold it, and the statements that read, add, move and remove one. */
import { crc32 } from "node:zlib"
import type { Failure, JobExtra, JobId, JobRecord } from "../../Job.ts"
import { enqueuedAt } from "../../policy/JobIds.ts"
import * as States from "../../policy/jobs/States.ts"
import * as Waiting from "../../policy/jobs/Waiting.ts"
import { labelsOf } from "../../policy/jobs/Labels.ts"
import type { Database, Query } from "./Database.ts"
import type { Lane, Ledger } from "./Ledger.ts"

/** A row of `job` or `history`; `result` and `finished` are null in `job`, `wait` and `lost` are 0 in `history`. */
export interface JobRow {
  readonly id: JobId
  readonly lane: Lane
  readonly state: number
  readonly wait: number
  readonly priority: number
  readonly rank: number
  readonly due: number
  readonly attempt: number
  readonly maxAttempts: number
  readonly session: number | null
  readonly started: number | null
  readonly finished: number | null
  readonly expires: number | null
  readonly partitionKey: string | null
  readonly uniqueKey: string | null
  readonly checksum: number
  /** JSON text. */
  readonly extra: string | null
  /** JSON text. */
  readonly failure: string | null
  readonly payload: string
  readonly result: string | null
  /** Attempts lost with their worker. */
  readonly lost: number
}

export type JobTuple = [
  id: JobId,
  lane: number,
  state: number,
  wait: number,
  priority: number,
  rank: number,
  due: number,
  attempt: number,
  maxAttempts: number,
  session: number | null,
  started: number | null,
  finished: number | null,
  expires: number | null,
  partitionKey: string | null,
  uniqueKey: string | null,
  checksum: number,
  extra: string | null,
  failure: string | null,
  payload: string,
  result: string | null,
  lost: number
]

export const jobColumns = `id, lane, state, wait, priority, rank, due, attempt, max_attempts, session, started, NULL, expires,
  partition_key, unique_key, checksum, extra, failure, payload, NULL, lost`
export const historyColumns = `id, lane, state, 0, priority, rank, due, attempt, max_attempts, session, started, finished, expires,
  partition_key, unique_key, checksum, extra, failure, payload, result, 0`

/** CRC-32 of the payload, started from the job's id: a payload under the wrong id does not match either. */
export const checksumOf = (id: JobId, payload: string): number => crc32(payload, id % 2 ** 32)

export const isIntact = (row: JobRow): boolean => checksumOf(row.id, row.payload) === row.checksum

export const parseExtra = (extra: string | null): JobExtra | undefined =>
  extra === null ? undefined : (JSON.parse(extra) as JobExtra)

export const parseFailure = (failure: string | null): Failure | undefined =>
  failure === null ? undefined : (JSON.parse(failure) as Failure)

export class JobRows {
  private readonly ledger: Ledger
  private readonly selectLive: Query<JobTuple>
  private readonly selectFinished: Query<JobTuple>
  private readonly insertPending: Query<[]>
  private readonly insertWhole: Query<[]>
  private readonly insertFinishedPlain: Query<[]>
  private readonly insertFinishedWhole: Query<[]>
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
    // The plain variants bind half the values: most jobs have none of the rest.
    this.insertPending = db.prepare(
      "INSERT INTO job(id, lane, state, priority, rank, due, max_attempts, checksum, payload) VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?)"
    )
    this.insertWhole = db.prepare(
      `INSERT INTO job(id, lane, state, wait, priority, rank, due, attempt, max_attempts, session, started, expires,
        partition_key, unique_key, checksum, extra, failure, payload) VALUES (${Array(18).fill("?").join(", ")})`
    )
    this.insertFinishedPlain = db.prepare(
      `INSERT INTO history(id, lane, state, priority, rank, due, attempt, max_attempts, session, started, finished,
        checksum, payload, result) VALUES (${Array(14).fill("?").join(", ")})`
    )
    this.insertFinishedWhole = db.prepare(
      `INSERT INTO history(id, lane, state, priority, rank, due, attempt, max_attempts, session, started, finished, expires,
        partition_key, unique_key, checksum, extra, failure, payload, result) VALUES (${Array(19).fill("?").join(", ")})`
    )
    this.insertLabel = db.prepare("INSERT OR IGNORE INTO label(label, id) VALUES (?, ?)")
    this.deleteLabel = db.prepare("DELETE FROM label WHERE label = ? AND id = ?")
    this.deleteLive = db.prepare("DELETE FROM job WHERE id = ?")
    this.deleteFinished = db.prepare("DELETE FROM history WHERE id = ?")
    this.deleteProgress = db.prepare("DELETE FROM progress WHERE job = ?")
    this.deleteSteps = db.prepare("DELETE FROM step WHERE job = ?")
    this.deleteLog = db.prepare("DELETE FROM log WHERE job = ?")
  }

  row(tuple: JobTuple): JobRow {
    return {
      id: tuple[0],
      lane: this.ledger.lanes.get(tuple[1])!,
      state: tuple[2],
      wait: tuple[3],
      priority: tuple[4],
      rank: tuple[5],
      due: tuple[6],
      attempt: tuple[7],
      maxAttempts: tuple[8],
      session: tuple[9],
      started: tuple[10],
      finished: tuple[11],
      expires: tuple[12],
      partitionKey: tuple[13],
      uniqueKey: tuple[14],
      checksum: tuple[15],
      extra: tuple[16],
      failure: tuple[17],
      payload: tuple[18],
      result: tuple[19],
      lost: tuple[20]
    }
  }

  live(id: JobId): JobRow | undefined {
    const tuple = this.selectLive.get(id)
    return tuple === undefined ? undefined : this.row(tuple)
  }

  finished(id: JobId): JobRow | undefined {
    const tuple = this.selectFinished.get(id)
    return tuple === undefined ? undefined : this.row(tuple)
  }

  find(id: JobId): JobRow | undefined {
    return this.live(id) ?? this.finished(id)
  }

  /** Stores a live job, none of whose attempts is lost yet, and counts it. Labels apart. */
  insertLive(row: JobRow): void {
    if (
      row.state === States.pending &&
      row.attempt === 0 &&
      row.expires === null &&
      row.partitionKey === null &&
      row.uniqueKey === null &&
      row.extra === null &&
      row.failure === null
    ) {
      this.insertPending.run(
        row.id,
        row.lane.id,
        row.priority,
        row.rank,
        row.due,
        row.maxAttempts,
        row.checksum,
        row.payload
      )
    } else {
      this.insertWhole.run(
        row.id,
        row.lane.id,
        row.state,
        row.wait,
        row.priority,
        row.rank,
        row.due,
        row.attempt,
        row.maxAttempts,
        row.session,
        row.started,
        row.expires,
        row.partitionKey,
        row.uniqueKey,
        row.checksum,
        row.extra,
        row.failure,
        row.payload
      )
    }
    this.ledger.add(row.lane, row.state, 1)
    if (row.state === States.scheduled && row.wait <= Waiting.waitRetry) this.ledger.scheduledFor(row.due)
  }

  /** Stores a finished job and counts it. */
  insertFinished(row: JobRow): void {
    if (
      row.expires === null &&
      row.partitionKey === null &&
      row.uniqueKey === null &&
      row.extra === null &&
      row.failure === null
    ) {
      this.insertFinishedPlain.run(
        row.id,
        row.lane.id,
        row.state,
        row.priority,
        row.rank,
        row.due,
        row.attempt,
        row.maxAttempts,
        row.session,
        row.started,
        row.finished,
        row.checksum,
        row.payload,
        row.result
      )
    } else {
      this.insertFinishedWhole.run(
        row.id,
        row.lane.id,
        row.state,
        row.priority,
        row.rank,
        row.due,
        row.attempt,
        row.maxAttempts,
        row.session,
        row.started,
        row.finished,
        row.expires,
        row.partitionKey,
        row.uniqueKey,
        row.checksum,
        row.extra,
        row.failure,
        row.payload,
        row.result
      )
    }
    this.ledger.add(row.lane, row.state, 1)
  }

  addLabels(id: JobId, partitionKey: string | undefined, extra: JobExtra | undefined): void {
    for (const label of labelsOf(partitionKey, extra)) this.insertLabel.run(label, id)
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

/** The record of a row; what rests in side tables comes along. */
export const toRecord = (
  row: JobRow,
  side: { readonly progress: string | undefined; readonly waitingFor: ReadonlyArray<JobId> }
): JobRecord => ({
  id: row.id,
  task: row.lane.task,
  group: row.lane.group.name,
  state: States.stateNames[row.state]!,
  waitReason: row.state === States.scheduled ? Waiting.waitReason(row.wait) : undefined,
  priority: row.priority,
  due: row.due,
  rank: row.rank,
  attempt: row.attempt,
  maxAttempts: row.maxAttempts,
  payload: row.payload,
  result: row.result ?? undefined,
  failure: parseFailure(row.failure),
  progress: side.progress,
  partitionKey: row.partitionKey ?? undefined,
  uniqueKey: row.uniqueKey ?? undefined,
  waitingFor: side.waitingFor,
  expiresAt: row.expires ?? undefined,
  enqueuedAt: enqueuedAt(row.id),
  startedAt: row.started ?? undefined,
  finishedAt: row.finished ?? undefined,
  session: row.session ?? undefined,
  extra: parseExtra(row.extra)
})
