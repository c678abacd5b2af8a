/**
 * The columns of a job: one table, from which the schema, the lists of the statements, what is bound and read, and the
 * rules for damaged rows are derived. What a job is handed over with rests in `job`, written once; where it stands, in
 * the table of its state, which for finished jobs is `history`.
 */
import { crc32 } from "node:zlib"
import { costOf, slotsOf } from "../../Limits/policy/KeyAdmission.ts"
import type { Failure, JobAttempt, JobExtra, JobId, JobRecord } from "../../Queue/Job.ts"
import { attemptsKept, attemptsOf, endedAttempt, isAttempt, withAttempt } from "../../Queue/policy/jobs/Attempts.ts"
import type { ClaimedJob, NewJob } from "../Turn.ts"
import * as States from "../../Queue/policy/jobs/States.ts"
import * as Waiting from "../../Queue/policy/jobs/Waiting.ts"
import {
  anyText,
  among,
  attempts,
  cost,
  count,
  id,
  integer,
  json,
  nullable,
  type Nullable,
  number,
  type Rule,
  slots,
  time
} from "./ColumnRules.ts"
import type { Query, Value } from "./Database.ts"
import { hasValues, recordFrom, runWith } from "../Fields.ts"
import type { Lane } from "./LaneCounters.ts"

/** A job whole; `result` and `finished` are null while it is live, `wait` and `lost` are 0 once it has finished. */
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
  readonly version: number
  readonly session: number | null
  readonly started: number | null
  readonly finished: number | null
  /** Until when it stays, by its own word; null: as the store's retention says. */
  readonly keepUntil: number | null
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
  /** The record of the limited key at which it waits or whose slots it holds; null: no limit concerns it now. */
  readonly limiter: number | null
  /** Of a pending job whose key gave it another place: its own rank, while `rank` is that place. */
  readonly ownRank: number | null
  /** Slots of its group and key that it takes while it runs. */
  readonly slots: number
  /** Units of its rates that one start takes. */
  readonly cost: number
}

/** The table that says where a job stands; by the code of its state. */
const stateTables = ["scheduled", "pending", "running", "history", "history", "history"] as const

export type StateTable = (typeof stateTables)[number]
export type Table = "job" | StateTable

export const byTable = <A>(of: (table: Table) => A): Readonly<Record<Table, A>> => ({
  job: of("job"),
  scheduled: of("scheduled"),
  pending: of("pending"),
  running: of("running"),
  history: of("history")
})

export const stateTable = ({ state }: JobRow): StateTable => stateTables[state]!

/** A job that waits again, with what it takes of its rates, which it forgot while it ran. */
export const withCost = (row: JobRow): JobRow =>
  row.extra === null ? row : { ...row, cost: costOf(parseExtra(row.extra)) }

/** A finished job, with what it takes when it waits again. */
export const withShares = (row: JobRow): JobRow =>
  row.extra === null ? row : { ...withCost(row), slots: slotsOf(parseExtra(row.extra)) }

/** As it is when it is pending no more: with its own rank. */
export const withOwnRank = (row: JobRow): JobRow =>
  row.ownRank === null ? row : { ...row, rank: row.ownRank, ownRank: null }

/** Slots of its group that a running job takes: none where it rides in the slot of another of its batch. */
export const slotsTaken = ({ slots, wait }: JobRow): number => (wait === Waiting.rides ? 0 : slots)

interface Column {
  /** Name and type. */
  readonly sql: string
  readonly rule: Rule | Nullable
  readonly in: ReadonlyArray<Table>
  /** What it is where no table of a job has it. */
  readonly otherwise?: 0 | 1 | null
  /** What a statement that leaves it out stores: in all tables of a new job, or, with `rare`, of nearly every job. */
  readonly default?: 0 | 1 | null
  readonly rare?: true
  /** Of jobs that limits concern; `rare` otherwise. */
  readonly limited?: true
}

const fixed: ReadonlyArray<Table> = ["job"]
const live: ReadonlyArray<Table> = ["scheduled", "pending", "running"]
const finished: ReadonlyArray<Table> = ["history"]
const moving: ReadonlyArray<Table> = [...live, ...finished]
const all: ReadonlyArray<Table> = [...fixed, ...moving]

/** Where jobs are many and come and go, a table is in the order in which they are taken. */
const keys: Readonly<Record<Table, ReadonlyArray<"lane" | "rank" | "id">>> = {
  job: ["id"],
  scheduled: ["lane", "id"],
  pending: ["lane", "rank", "id"],
  running: ["id"],
  history: ["id"]
}

const extra = json("object", {
  ".slots": "number",
  ".cost": "number",
  ".owner": "text",
  ".team": "text",
  ".tags": "array",
  ".headers": "object",
  ".batchKey": "text",
  ".holder": "number",
  ".cacheKey": "text",
  ".softLimit": "number",
  ".hardLimit": "number",
  ".deadline": "number",
  ".deferredFrom": "number",
  ".retention": "object",
  ".retention.completed": "object",
  ".retention.completed.ageMs": "number",
  ".retention.completed.count": "number",
  ".retention.failed": "object",
  ".retention.failed.ageMs": "number",
  ".retention.failed.count": "number",
  ".retention.cancelled": "object",
  ".retention.cancelled.ageMs": "number",
  ".retention.cancelled.count": "number"
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
  id: { in: all, sql: "id INTEGER NOT NULL", rule: id },
  lane: { in: all, sql: "lane INTEGER NOT NULL", rule: integer },
  state: { in: finished, sql: "state INTEGER NOT NULL", rule: among(3, 5) },
  wait: { in: live, sql: "wait INTEGER NOT NULL DEFAULT 0", rule: among(0, 7), otherwise: 0, default: 0, rare: true },
  priority: { in: fixed, sql: "priority INTEGER NOT NULL", rule: number },
  rank: { in: moving, sql: "rank INTEGER NOT NULL", rule: number },
  due: { in: moving, sql: "due INTEGER NOT NULL", rule: time },
  enqueued: { in: fixed, sql: "enqueued INTEGER NOT NULL", rule: time },
  attempt: { in: moving, sql: "attempt INTEGER NOT NULL DEFAULT 0", rule: attempts, default: 0 },
  lost: { in: live, sql: "lost INTEGER NOT NULL DEFAULT 0", rule: count, otherwise: 0, default: 0, rare: true },
  limiter: {
    in: live,
    sql: "limiter INTEGER",
    rule: nullable(id),
    otherwise: null,
    default: null,
    rare: true,
    limited: true
  },
  ownRank: {
    in: ["pending"],
    sql: "own_rank REAL",
    rule: nullable(number),
    otherwise: null,
    default: null,
    rare: true,
    limited: true
  },
  slots: {
    in: live,
    sql: "slots INTEGER NOT NULL DEFAULT 1",
    rule: slots,
    otherwise: 1,
    default: 1,
    rare: true
  },
  cost: {
    in: ["scheduled", "pending"],
    sql: "cost REAL NOT NULL DEFAULT 1",
    rule: cost,
    otherwise: 1,
    default: 1,
    rare: true
  },
  maxAttempts: { in: fixed, sql: "max_attempts INTEGER NOT NULL", rule: count },
  version: { in: fixed, sql: "version INTEGER NOT NULL DEFAULT 0", rule: count, default: 0, rare: true },
  session: { in: moving, sql: "session INTEGER", rule: nullable(integer), default: null },
  started: { in: moving, sql: "started INTEGER", rule: nullable(time), default: null },
  finished: { in: finished, sql: "finished INTEGER NOT NULL", rule: time, otherwise: null },
  keepUntil: {
    in: finished,
    sql: "keep_until INTEGER",
    rule: nullable(time),
    otherwise: null,
    default: null,
    rare: true
  },
  expires: { in: fixed, sql: "expires INTEGER", rule: nullable(time), default: null, rare: true },
  partitionKey: {
    in: fixed,
    sql: "partition_key TEXT",
    rule: nullable(anyText),
    default: null,
    rare: true,
    limited: true
  },
  uniqueKey: { in: fixed, sql: "unique_key TEXT", rule: nullable(anyText), default: null, rare: true },
  checksum: { in: fixed, sql: "checksum INTEGER NOT NULL", rule: integer },
  extra: { in: fixed, sql: "extra TEXT", rule: nullable(extra), default: null, rare: true },
  failure: { in: moving, sql: "failure TEXT", rule: nullable(failure), default: null, rare: true },
  attempts: { in: moving, sql: "attempts TEXT", rule: nullable(json("array")), default: null, rare: true },
  payload: { in: fixed, sql: "payload TEXT NOT NULL", rule: anyText },
  result: { in: finished, sql: "result TEXT", rule: nullable(anyText), otherwise: null }
}

const fields = Object.keys(columns) as ReadonlyArray<keyof JobRow>

const fieldsOf = (table: Table) => fields.filter((field) => columns[field].in.includes(table))

const nameOf = (field: keyof JobRow): string => columns[field].sql.split(" ")[0]!

export const tableSchema = (table: Table): string => {
  const key = keys[table].map(nameOf)
  const parts = [...fieldsOf(table).map((field) => columns[field].sql), `PRIMARY KEY(${key.join(", ")})`]
  return `CREATE TABLE ${table}(${parts.join(", ")})${key.length > 1 ? " WITHOUT ROWID" : ""}`
}

export const jobRules = (table: Table): Readonly<Record<string, Rule | Nullable>> =>
  Object.fromEntries(fieldsOf(table).map((field) => [nameOf(field), columns[field].rule]))

/** The values of a row in the order of `columns`; the lane by its number. */
export type JobTuple = Array<Value>

/** SQL by column. */
type Changes = Partial<Readonly<Record<keyof JobRow, string>>>

/** A field of a job that stands in a table, whose row in `job` is joined. */
const valueIn = (table: StateTable, field: keyof JobRow): string => {
  const { in: tables, otherwise } = columns[field]
  if (tables.includes(table)) return `${table}.${nameOf(field)}`
  if (field === "state") return String(stateTables.indexOf(table))
  return tables.includes("job") ? `job.${nameOf(field)}` : String(otherwise)
}

export const stateIn = (table: StateTable): string => valueIn(table, "state")

/** A `JobTuple`, with `changes` in it. */
export const tupleOf = (table: StateTable, changes: Changes = {}): string => listOf(fields, table, changes)

/** The same of a pending job that starts: see `startingRowOf`. */
export const startingTupleOf = (changes: Changes): string =>
  listOf(
    fields.filter((field) => !(field in starting)),
    "pending",
    changes
  )

const listOf = (listed: ReadonlyArray<keyof JobRow>, table: StateTable, changes: Changes): string =>
  listed.map((field) => changes[field] ?? valueIn(table, field)).join(", ")

/** Copies rows of one table into another, with `changes`; which ones is yet to be said. */
export const copyInto = (to: StateTable, from: StateTable, changes: Changes = {}): string => {
  const copied = fieldsOf(to)
  const values = copied.map(
    (field) => changes[field] ?? (columns[field].in.includes(from) ? nameOf(field) : String(columns[field].otherwise))
  )
  return `INSERT INTO ${to}(${copied.map(nameOf).join(", ")}) SELECT ${values.join(", ")} FROM ${from}`
}

/** What is the same of all jobs that start and that only their group's slots limit. */
const starting = {
  state: States.running,
  wait: Waiting.waitNone,
  limiter: null,
  ownRank: null,
  cost: 1,
  finished: null,
  keepUntil: null,
  result: null
} as const

const recordOf = recordFrom<JobRow>(fields)
const startingRecordOf = recordFrom<JobRow>(fields, starting)
/** Before everything that the tuple of one that starts leaves out. */
const laneAt = fields.indexOf("lane")

/** The row of a tuple, which is used up. */
export const rowOf = (tuple: JobTuple, lanes: ReadonlyMap<number, Lane>): JobRow => {
  const values: Array<unknown> = tuple
  values[laneAt] = lanes.get(tuple[laneAt] as number)
  return recordOf(values, 0)
}

/**
 * A job as it runs that no limit but its group's slots concerns. What it costs is asked of what it carries:
 * `withCost`.
 */
export const startingRowOf = (tuple: JobTuple, lanes: ReadonlyMap<number, Lane>): JobRow => {
  const values: Array<unknown> = tuple
  values[laneAt] = lanes.get(tuple[laneAt] as number)
  return startingRecordOf(values, 0)
}

/** A statement about one row. */
interface RowStatement {
  readonly sql: string
  readonly run: (query: Query<[]>, row: JobRow) => void
}

export interface Insert extends RowStatement {
  /** Whether it stores the row whole. */
  readonly suits: (row: JobRow) => boolean
}

const runOf = (bound: ReadonlyArray<keyof JobRow>) =>
  runWith<JobRow, Query<[]>>(bound.map((field) => (field === "lane" ? "lane.id" : field)))

const insertOf = (table: Table, isLeftOut: (column: Column) => boolean): Insert => {
  const bound = fieldsOf(table).filter((field) => !isLeftOut(columns[field]))
  const leftOut = fieldsOf(table).filter((field) => isLeftOut(columns[field]))
  return {
    sql: `INSERT INTO ${table}(${bound.map(nameOf).join(", ")}) VALUES (${bound.map(() => "?").join(", ")})`,
    suits: hasValues<JobRow>(leftOut.map((field) => [field, columns[field].default!])),
    run: runOf(bound)
  }
}

/**
 * The plain one binds half the values: most jobs have nothing of the rest. Those that run or have finished have all
 * that is not rare. The first that suits a row is taken.
 */
export const inserts = byTable((table): readonly [plain: Insert, limited: Insert, whole: Insert] => {
  const isOfAttempts = table === "running" || table === "history"
  const isLeftOut = (column: Column) => (isOfAttempts ? column.rare === true : column.default !== undefined)
  return [
    insertOf(table, isLeftOut),
    insertOf(table, (column) => isLeftOut(column) && column.limited !== true),
    insertOf(table, () => false)
  ]
})

export const deletes = byTable(
  (table): RowStatement => ({
    sql: `DELETE FROM ${table} WHERE ${keys[table].map((field) => `${nameOf(field)} = ?`).join(" AND ")}`,
    run: runOf(keys[table])
  })
)

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
    limiter: null,
    ownRank: null,
    slots: slotsOf(job.extra),
    cost: costOf(job.extra),
    maxAttempts: job.maxAttempts,
    version: job.version,
    session: null,
    started: null,
    finished: null,
    keepUntil: null,
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
  version: row.version,
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
    version: row.version,
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
