/**
 * The columns of a job: one table, from which the schema, the lists of the statements, what is bound and read, and the
 * rules for damaged rows are derived. A job's row is in `job` while it is live and in `history` once it has finished.
 */
import { crc32 } from "node:zlib"
import type { Failure, JobAttempt, JobExtra, JobId, JobRecord } from "../../Job.ts"
import { attemptsKept, attemptsOf, endedAttempt, isAttempt, withAttempt } from "../../policy/jobs/Attempts.ts"
import type { ClaimedJob, NewJob } from "../../Turn.ts"
import * as States from "../../policy/jobs/States.ts"
import * as Waiting from "../../policy/jobs/Waiting.ts"
import {
  anyText,
  among,
  attempts,
  count,
  id,
  integer,
  json,
  nullable,
  type Nullable,
  number,
  type Rule,
  time
} from "./ColumnRules.ts"
import type { Query, Value } from "./Database.ts"
import { hasValues, recordFrom, runWith } from "../Fields.ts"
import type { Lane } from "./Ledger.ts"

/** A row of `job` or `history`; `result` and `finished` are null in `job`, `wait` and `lost` are 0 in `history`. */
export interface JobRow {
  readonly id: JobId
  readonly lane: Lane
  readonly state: number
  readonly wait: number
  readonly priority: number
  readonly rank: number
  readonly due: number
  readonly enqueued: number
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
  /** JSON text of the attempts after which it waited again. */
  readonly attempts: string | null
  readonly payload: string
  readonly result: string | null
  /** Attempts lost with their worker. */
  readonly lost: number
}

export type Table = "job" | "history"

interface Column {
  /** Name and type. */
  readonly sql: string
  readonly rule: Rule | Nullable
  /** The only table that has it, and what it is in the other. */
  readonly only?: readonly [table: Table, otherwise: 0 | null]
  /** What a statement that leaves it out stores. */
  readonly default?: number | null
  /** Few jobs have it: there is a statement for the others. */
  readonly rare?: true
}

const extra = json("object", {
  ".weight": "number",
  ".rate": "number",
  ".owner": "text",
  ".team": "text",
  ".tags": "array",
  ".headers": "object",
  ".batchKey": "text",
  ".holder": "number",
  ".cacheKey": "text",
  ".softLimit": "number",
  ".hardLimit": "number",
  ".deadline": "number"
})
const failure = json("object", {
  ".cause": "text",
  ".message": "text",
  ".stack": "text",
  ".attempt": "number",
  ".at": "number"
})

/**
 * Wide columns come last, so that reading the narrow ones never walks overflow pages. Times and ranks may carry
 * fractions: hence no STRICT.
 */
const columns: Readonly<Record<keyof JobRow, Column>> = {
  id: { sql: "id INTEGER PRIMARY KEY", rule: id },
  lane: { sql: "lane INTEGER NOT NULL", rule: integer },
  state: { sql: `state INTEGER NOT NULL DEFAULT ${States.pending}`, rule: among(0, 5), default: States.pending },
  wait: { sql: "wait INTEGER NOT NULL DEFAULT 0", rule: among(0, 5), only: ["job", 0], default: 0 },
  priority: { sql: "priority INTEGER NOT NULL", rule: number },
  rank: { sql: "rank INTEGER NOT NULL", rule: number },
  due: { sql: "due INTEGER NOT NULL", rule: time },
  enqueued: { sql: "enqueued INTEGER NOT NULL", rule: time },
  attempt: { sql: "attempt INTEGER NOT NULL DEFAULT 0", rule: attempts, default: 0 },
  lost: { sql: "lost INTEGER NOT NULL DEFAULT 0", rule: count, only: ["job", 0], default: 0 },
  maxAttempts: { sql: "max_attempts INTEGER NOT NULL", rule: count },
  session: { sql: "session INTEGER", rule: nullable(integer), default: null },
  started: { sql: "started INTEGER", rule: nullable(time), default: null },
  finished: { sql: "finished INTEGER NOT NULL", rule: time, only: ["history", null] },
  expires: { sql: "expires INTEGER", rule: nullable(time), default: null, rare: true },
  partitionKey: { sql: "partition_key TEXT", rule: nullable(anyText), default: null, rare: true },
  uniqueKey: { sql: "unique_key TEXT", rule: nullable(anyText), default: null, rare: true },
  checksum: { sql: "checksum INTEGER NOT NULL", rule: integer },
  extra: { sql: "extra TEXT", rule: nullable(extra), default: null, rare: true },
  failure: { sql: "failure TEXT", rule: nullable(failure), default: null, rare: true },
  attempts: { sql: "attempts TEXT", rule: nullable(json("array")), default: null, rare: true },
  payload: { sql: "payload TEXT NOT NULL", rule: anyText },
  result: { sql: "result TEXT", rule: nullable(anyText), only: ["history", null] }
}

const fields = Object.keys(columns) as ReadonlyArray<keyof JobRow>

const fieldsOf = (table: Table) => fields.filter((field) => (columns[field].only?.[0] ?? table) === table)

const nameOf = (field: keyof JobRow): string => columns[field].sql.split(" ")[0]!

/** The definition of the columns of a table. */
export const jobSchema = (table: Table): string =>
  fieldsOf(table)
    .map((field) => columns[field].sql)
    .join(", ")

export const jobRules = (table: Table): Readonly<Record<string, Rule | Nullable>> =>
  Object.fromEntries(fieldsOf(table).map((field) => [nameOf(field), columns[field].rule]))

/** What is read of a row, in the order of `JobTuple`. */
export const jobColumns = fieldsOf("job").map(nameOf).join(", ")
export const historyColumns = fieldsOf("history").map(nameOf).join(", ")

/** The values of `jobColumns` or `historyColumns`; the lane by its number. */
export type JobTuple = Array<Value>

const recordOf = (table: Table) =>
  recordFrom<JobRow>(
    fields,
    Object.fromEntries(
      fields.flatMap((field) => {
        const { only } = columns[field]
        return only === undefined || only[0] === table ? [] : [[field, only[1]]]
      })
    )
  )
const records: Readonly<Record<Table, (values: ReadonlyArray<unknown>, at: number) => JobRow>> = {
  job: recordOf("job"),
  history: recordOf("history")
}
const laneAt = fields.indexOf("lane")

/** The row of a tuple, which is used up. */
export const rowOf = (table: Table, tuple: JobTuple, lanes: ReadonlyMap<number, Lane>): JobRow => {
  const values: Array<unknown> = tuple
  values[laneAt] = lanes.get(tuple[laneAt] as number)
  return records[table](values, 0)
}

/** A statement that inserts rows. */
export interface Insert {
  readonly sql: string
  /** Whether it stores the row whole. */
  readonly suits: (row: JobRow) => boolean
  readonly run: (query: Query<[]>, row: JobRow) => void
}

const insertOf = (table: Table, isLeftOut: (column: Column) => boolean): Insert => {
  const bound = fieldsOf(table).filter((field) => !isLeftOut(columns[field]))
  const leftOut = fieldsOf(table).filter((field) => isLeftOut(columns[field]))
  return {
    sql: `INSERT INTO ${table}(${bound.map(nameOf).join(", ")}) VALUES (${bound.map(() => "?").join(", ")})`,
    suits: hasValues<JobRow>(leftOut.map((field) => [field, columns[field].default!])),
    run: runWith<JobRow, Query<[]>>(bound.map((field) => (field === "lane" ? "lane.id" : field)))
  }
}

/** The plain one binds half the values: most jobs have nothing of the rest. */
export const inserts: Readonly<Record<Table, readonly [plain: Insert, whole: Insert]>> = {
  job: [insertOf("job", (column) => column.default !== undefined), insertOf("job", () => false)],
  history: [insertOf("history", (column) => column.rare === true), insertOf("history", () => false)]
}

/** CRC-32 of the payload, started from the job's id: a payload under the wrong id does not match either. */
export const checksumOf = (id: JobId, payload: string): number => crc32(payload, id % 2 ** 32)

export const isIntact = (row: JobRow): boolean => checksumOf(row.id, row.payload) === row.checksum

export const parseExtra = (extra: string | null): JobExtra | undefined =>
  extra === null ? undefined : (JSON.parse(extra) as JobExtra)

const parseFailure = (failure: string | null): Failure | undefined =>
  failure === null ? undefined : (JSON.parse(failure) as Failure)

/** Those that can be read: the file may come from anybody. */
export const parseAttempts = (attempts: string | null): ReadonlyArray<JobAttempt> =>
  attempts === null ? [] : (JSON.parse(attempts) as ReadonlyArray<unknown>).filter(isAttempt)

/** The row of a job that is stored now; in the order of `columns`, so that all rows are of one shape to the engine. */
export const newRow = (job: NewJob, id: JobId, lane: Lane, now: number, isHeld: boolean): JobRow => {
  const payload = job.payload as string
  const wait = Waiting.waitOf(job.after !== undefined && job.after.jobs.length > 0, isHeld, false)
  return {
    id,
    lane,
    state: Waiting.stateWhile(wait, job.due, now),
    wait: Waiting.waitWhile(wait, job.due, now),
    priority: job.priority,
    rank: job.rank,
    due: job.due,
    enqueued: now,
    attempt: 0,
    lost: 0,
    maxAttempts: job.maxAttempts,
    session: null,
    started: null,
    finished: null,
    expires: job.expiresAt ?? null,
    partitionKey: job.partitionKey ?? null,
    uniqueKey: job.unique?.key ?? null,
    checksum: checksumOf(id, payload),
    extra: job.extra === undefined ? null : JSON.stringify(job.extra),
    failure: null,
    attempts: null,
    payload,
    result: null
  }
}

/** A job as the worker that has claimed it sees it. */
export const claimedOf = (row: JobRow): ClaimedJob => ({
  id: row.id,
  task: row.lane.task,
  group: row.lane.group.name,
  priority: row.priority,
  due: row.due,
  attempt: row.attempt,
  maxAttempts: row.maxAttempts,
  payload: row.payload,
  partitionKey: row.partitionKey ?? undefined,
  expiresAt: row.expires ?? undefined,
  extra: parseExtra(row.extra),
  lost: row.lost
})

/** The record of a row; what rests in side tables comes along. */
export const toRecord = (
  row: JobRow,
  side: { readonly progress: string | undefined; readonly waitingFor: ReadonlyArray<JobId> }
): JobRecord => {
  const own = {
    state: States.stateNames[row.state]!,
    attempt: row.attempt,
    startedAt: row.started ?? undefined,
    finishedAt: row.finished ?? undefined,
    session: row.session ?? undefined,
    failure: parseFailure(row.failure)
  }
  return {
    id: row.id,
    task: row.lane.task,
    group: row.lane.group.name,
    ...own,
    waitReason: row.state === States.scheduled ? Waiting.waitReason(row.wait) : undefined,
    priority: row.priority,
    due: row.due,
    rank: row.rank,
    maxAttempts: row.maxAttempts,
    attempts: attemptsOf(parseAttempts(row.attempts), own),
    payload: row.payload,
    result: row.result ?? undefined,
    progress: side.progress,
    partitionKey: row.partitionKey ?? undefined,
    uniqueKey: row.uniqueKey ?? undefined,
    waitingFor: side.waitingFor,
    expiresAt: row.expires ?? undefined,
    enqueuedAt: row.enqueued,
    extra: parseExtra(row.extra)
  }
}

/**
 * The attempts of a row whose attempt ends now, and after which it waits again; `failureText` is what the row keeps of
 * the failure. Text is added to text where that will do: of nearly all.
 */
export const attemptsAfter = (
  { attempt, attempts, session, started }: JobRow,
  outcome: JobAttempt["outcome"],
  failure: Failure | undefined,
  failureText: string | null,
  now: number
): string => {
  const text =
    failure?.stack === undefined
      ? `{"number":${attempt},"session":${session},"startedAt":${started},"endedAt":${now},"outcome":"${outcome}"${
          failureText === null ? "" : `,"failure":${failureText}`
        }}`
      : JSON.stringify(endedAttempt(attempt, session!, started!, now, outcome, failure))
  if (attempts === null) return `[${text}]`
  if (attempt <= attemptsKept) return `${attempts.slice(0, -1)},${text}]`
  return JSON.stringify(withAttempt(parseAttempts(attempts), JSON.parse(text) as JobAttempt))
}
