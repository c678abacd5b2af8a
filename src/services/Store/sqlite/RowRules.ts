/**
 * What each column of each table holds, as far as everything that reads it relies on it, and the SQL that finds rows
 * which do not. A file that others wrote into, or a disk that flipped a bit, can hold anything: SQLite checks no types.
 */

import {
  among,
  anyJson,
  anyText,
  count,
  id,
  integer,
  isNullable,
  json,
  name,
  nullable,
  type Nullable,
  number,
  policy,
  type Rule,
  text,
  time,
  within
} from "./ColumnRules.ts"
import { jobRules, type StateTable } from "./JobColumns.ts"

/** A row that cannot be read was met. */
export class UnreadableRow extends Error {}

type Conditions = ReadonlyArray<readonly [condition: string, otherwise: string]>

export interface TableRules {
  /** The columns that name a row. */
  readonly key: ReadonlyArray<string>
  readonly columns: Readonly<Record<string, Rule | Nullable>>
  /** A part of a job, which is named by its id whatever the table. */
  readonly isOfJob?: true
  /** Conditions on the whole row, with what to say of one that does not meet it. */
  readonly whole?: Conditions
  /** Conditions on rows of other tables: of no weight to whoever has read the row together with those. */
  readonly others?: Conditions
}

const histogram = json("array", { "[0]": "number", "[1]": "number", "[2]": "number", "[3]": "array" })

const hasLane = ["lane IN (SELECT id FROM lane)", "its task and group are not known"] as const

const places: ReadonlyArray<StateTable> = ["history", "running", "pending", "scheduled"]

/** Whether the job of a row of `table` stands in another. */
const standsIn = (other: StateTable, table: string): string =>
  `EXISTS (SELECT 1 FROM ${other} WHERE ${other}.lane = ${table}.lane AND ${other}.id = ${table}.id)`

/** Of a job that stands in several tables, it is the first that counts. */
const rulesOf = (table: StateTable, ...whole: Conditions): TableRules => ({
  key: ["id"],
  isOfJob: true,
  columns: jobRules(table),
  whole: [hasLane, ...whole],
  others: [
    [`EXISTS (SELECT 1 FROM job WHERE job.id = ${table}.id AND job.lane = ${table}.lane)`, "its payload is not there"],
    ...places
      .slice(0, places.indexOf(table))
      .map((other) => [`NOT ${standsIn(other, table)}`, `it stands in ${other} too`] as const)
  ]
})

/** In the order in which they are mended: what others refer to comes first. */
export const tables: Readonly<Record<string, TableRules>> = {
  meta: { key: ["key"], columns: { key: text, value: within(0, 9e15, "'integer'", "is no count") } },
  resource_group: {
    key: ["name"],
    columns: {
      name,
      declared: count,
      operator: nullable(count),
      paused: among(0, 1),
      policy,
      operator_policy: nullable(policy),
      time: number,
      tat: time,
      held_back: time
    }
  },
  limit_key: {
    key: ["id"],
    columns: {
      id,
      resource_group: name,
      key: anyText,
      held: count,
      waiting: count,
      since: time,
      time: number,
      tat: time,
      held_back: time,
      paused: among(0, 1),
      own_policy: nullable(policy),
      backlog: count,
      next_at: nullable(time),
      next_lane: nullable(integer),
      promotes_at: nullable(time)
    },
    whole: [["resource_group IN (SELECT name FROM resource_group)", "its group is not known"]]
  },
  reseat: {
    key: ["id"],
    columns: {
      id,
      resource_group: name,
      policy: nullable(policy),
      slots: nullable(count),
      key: nullable(anyText),
      own_policy: nullable(policy),
      own_paused: among(0, 1),
      done: count,
      last: count
    },
    whole: [["resource_group IN (SELECT name FROM resource_group)", "its group is not known"]]
  },
  lane: {
    key: ["id"],
    columns: {
      id: integer,
      task: name,
      resource_group: name,
      scheduled: integer,
      pending: integer,
      running: integer,
      completed: integer,
      failed: integer,
      cancelled: integer,
      slots: count
    }
  },
  history: rulesOf("history"),
  running: rulesOf("running", ["session IS NOT NULL", "it runs and nobody runs it"]),
  pending: rulesOf("pending"),
  scheduled: rulesOf("scheduled"),
  job: {
    key: ["id"],
    isOfJob: true,
    columns: jobRules("job"),
    whole: [hasLane],
    others: [[places.map((table) => standsIn(table, "job")).join(" OR "), "it stands nowhere"]]
  },
  label: { key: ["label", "id"], columns: { label: anyText, id } },
  expiry: {
    key: ["at", "id"],
    columns: { at: time, id },
    whole: [["id IN (SELECT id FROM job)", "its job is not there"]]
  },
  unique_key: {
    key: ["key"],
    columns: { key: anyText, job: id, until: number, live: among(0, 1), held: nullable(id), held_until: number }
  },
  dependency: { key: ["parent", "child"], columns: { parent: id, child: id, policy: among(0, 2) } },
  cascade: { key: ["parent"], columns: { parent: id, succeeded: among(0, 1) } },
  signal: { key: ["job"], columns: { job: id, session: integer, reason: anyText } },
  progress: { key: ["job"], columns: { job: id, value: nullable(anyJson) } },
  step: { key: ["job", "name"], columns: { job: id, name: anyText, value: anyJson } },
  log: {
    key: ["job", "line"],
    columns: { job: id, line: count, attempt: count, at: time, level: among(0, 3), message: anyText }
  },
  worker: {
    key: ["session"],
    columns: {
      session: id,
      name: anyText,
      host: anyText,
      pid: integer,
      version: anyText,
      slots: json("object"),
      tasks: json("array"),
      started: time,
      beat: time,
      until: time,
      draining: among(0, 1),
      load: nullable(
        json("object", {
          ".busy": "object",
          ".cpu": "number",
          ".rssBytes": "number",
          ".heapBytes": "number",
          ".loopDelayMs": "number",
          ".batches": "array",
          ".collects": "array",
          ".heapLimitBytes": "number",
          ".pressure": "text",
          ".declared": "object"
        })
      ),
      blocked: nullable(json("object", { ".since": "number", ".jobs": "array" })),
      machine: anyText,
      process_start: anyText,
      lease: number,
      renewed: number,
      runs_silent: nullable(number),
      suspended_for: json("object")
    }
  },
  lead: { key: ["role"], columns: { role: text, session: integer, until: time } },
  listener: { key: ["path"], columns: { path: text } },
  roll_up: {
    key: ["width", "start", "lane"],
    columns: { width: integer, start: time, lane: integer, counts: json("array"), wait: histogram, run: histogram },
    whole: [hasLane]
  },
  resource_roll_up: {
    key: ["width", "start"],
    columns: {
      width: integer,
      start: time,
      beats: number,
      cpu: number,
      rss: number,
      heap: number,
      loop_delay: number,
      busy: number
    }
  },
  document: { key: ["version"], columns: { version: id, kind: text, key: text, text: anyText, at: time } },
  journal: { key: ["seq"], columns: { seq: id, kind: text, key: text, at: time, text: anyText } },
  answer: { key: ["origin", "method"], columns: { origin: text, method: text, number: count, at: time, text: anyJson } }
}

/** The tables in which parts of jobs are. */
export const tablesOfJobs: ReadonlyArray<StateTable | "job"> = [...places, "job"]

/** What people call the rows of a table. */
export const wordFor = (table: string): string => (tables[table]!.isOfJob === true ? "job" : table)

/** A column of its own in front of a row's: the first thing wrong with it in words, or null. */
const whyOf = ({ columns, others = [], whole = [] }: TableRules, isWhole: boolean): string => {
  const conditions = Object.entries(columns).map(([column, rule]) => {
    const { holds, otherwise } = isNullable(rule) ? rule.nullable : rule
    const held = `(${holds(column)})`
    return [isNullable(rule) ? `${column} IS NULL OR ${held}` : held, `its ${column} ${otherwise}`] as const
  })
  return `CASE ${[...conditions, ...whole, ...(isWhole ? others : [])]
    .map(([condition, otherwise]) => `WHEN NOT ifnull(${condition}, 0) THEN '${otherwise}'`)
    .join(" ")} END`
}

/**
 * Rows of a table that cannot be read, each with why in front; `among` narrows which are looked at. `isWhole`: or that
 * do not fit rows of other tables.
 */
export const unreadableRows = (table: string, { among = "1", isWhole = true } = {}): string =>
  `SELECT * FROM (SELECT ${whyOf(tables[table]!, isWhole)} AS why, ${table}.* FROM ${table} WHERE ${among}) WHERE why IS NOT NULL`
