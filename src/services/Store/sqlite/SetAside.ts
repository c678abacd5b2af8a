/**
 * Moves rows that cannot be read out of the way of all others, as they are, into documents. Who meets one fails; the
 * rows of the whole file are then gone through once, and what failed is done again without them. Nothing is looked at
 * before that.
 *
 * What a row held stays whole in its document. What hangs on it goes on without it: jobs that waited for a job that is
 * set aside go by their policy as if it had been removed, a worker's row is emptied and written anew with its next
 * beat, counters are counted again.
 */
import type { JobId } from "../../Queue/Job.ts"
import { formatJobId } from "../../Queue/policy/JobIds.ts"
import { setAsideKind, setAsideRow, type SetAsideRow } from "../SetAsideRow.ts"
import * as States from "../../Queue/policy/jobs/States.ts"
import * as Waiting from "../../Queue/policy/jobs/Waiting.ts"
import type { Database, Query } from "./Database.ts"
import { recountExpiries } from "./Expiries.ts"
import { limitedJobs } from "./KeyRepair.ts"
import { tables, tablesOfJobs, UnreadableRow, unreadableRows, wordFor } from "./RowRules.ts"
import { codes, sqliteCode, StoreFault } from "./StoreFault.ts"

type RawValue = string | number | bigint | Uint8Array | null
type RawRow = Readonly<Record<string, RawValue>>

/** Tables whose rows SQLite numbers, each number greater than all before it. */
const numbered = [
  ["worker", "session"],
  ["document", "version"],
  ["journal", "seq"]
] as const
const numberMost = 9e15

/** Rows looked for again soonest after a search that found none, in milliseconds. */
const restMs = 60_000

/** Whether something thrown may be a row's fault: not the device's, not a lock's. */
const mayBeOfRows = (error: unknown): boolean => {
  if (error instanceof StoreFault) return false
  const code = sqliteCode(error)
  if (code !== undefined) return !(Object.values(codes) as ReadonlyArray<number>).includes(code)
  // Node's for an integer that no number holds.
  return !(error instanceof Error && "code" in error) || error.code === "ERR_OUT_OF_RANGE"
}

/** A row that was set aside, its name and when. */
export interface NamedRow extends SetAsideRow {
  /** Its table and key. */
  readonly name: string
  /** In milliseconds since 1970. */
  readonly at: number
}

/** Of a job: the limited key that it names is not there. */
const isStray = "limiter IS NOT NULL AND limiter NOT IN (SELECT id FROM limit_key)"

export class SetAside {
  private readonly db: Database
  private readonly insert: Query<[]>
  private readonly unreadableJob: Query<[1]>
  private readonly incompleteJob: Query<[1]>
  private readonly unreadableWorker: Query<[why: string]>
  /** A row whose number leaves no larger one: to SQLite the file is full then. */
  private readonly lastNumber: Query<[1]>
  private readonly countStrays: Query<[count: number]>
  private readonly selectAll: Query<[name: string, text: string, at: number]>
  private readonly remove: Query<[]>
  private restUntil = 0

  constructor(db: Database) {
    this.db = db
    this.insert = db.prepare("INSERT OR REPLACE INTO document(kind, key, text, at) VALUES (?, ?, ?, ?)")
    this.countStrays = db.prepare(
      `SELECT ${["running", "pending", "scheduled"].map((table) => `(SELECT count(*) FROM ${table} WHERE ${isStray})`).join(" + ")}`
    )
    this.selectAll = db.prepare("SELECT key, text, at FROM document WHERE kind = ? ORDER BY key")
    this.remove = db.prepare("DELETE FROM document WHERE kind = ? AND key = ?")
    this.unreadableWorker = db.prepare(`SELECT 1 FROM (${unreadableRows("worker")}) LIMIT 1`)
    this.lastNumber = db.prepare(
      numbered.map(([table, column]) => `SELECT 1 FROM ${table} WHERE ${column} > ${numberMost}`).join(" UNION ALL ")
    )
    const named = "SELECT value FROM json_each(?1)"
    const amongNamed = (table: string) =>
      table === "job" ? `id IN (${named})` : `(lane, id) IN (SELECT lane, id FROM job WHERE id IN (${named}))`
    // A job that was found stands somewhere.
    const unreadable = tablesOfJobs.map(
      (table) => `SELECT 1 FROM (${unreadableRows(table, { among: amongNamed(table), isWhole: table !== "job" })})`
    )
    this.unreadableJob = db.prepare(`${unreadable.join(" UNION ALL ")} LIMIT 1`)
    this.incompleteJob = db.prepare(`SELECT 1 FROM (${unreadableRows("job", { among: amongNamed("job") })}) LIMIT 1`)
  }

  /** Throws when one of these jobs cannot be read, or of those that were not found a part is there. */
  check(found: ReadonlyArray<JobId>, missing: ReadonlyArray<JobId>): void {
    const fails = (query: Query<[1]>, ids: ReadonlyArray<JobId>) =>
      ids.length > 0 && query.get(JSON.stringify(ids)) !== undefined
    if (fails(this.unreadableJob, found) || fails(this.incompleteJob, missing))
      throw new UnreadableRow("a job cannot be read")
  }

  /** Throws when a worker's row cannot be read. */
  checkWorkers(): void {
    if (this.unreadableWorker.get() !== undefined) throw new UnreadableRow("a worker cannot be read")
  }

  /**
   * Does it; if rows that cannot be read are in its way, again without them. `repaired`: what is known of the file is
   * out of date.
   */
  around<A>(now: number, body: () => A, repaired: () => void): A {
    try {
      return body()
    } catch (error) {
      const isSuspect = mayBeOfRows(error) || (sqliteCode(error) === codes.full && this.lastNumber.get() !== undefined)
      if (!isSuspect || performance.now() < this.restUntil) throw error
      if (this.repair(now) === 0) {
        this.restUntil = performance.now() + restMs
        throw error
      }
      repaired()
      return body()
    }
  }

  list(): ReadonlyArray<NamedRow> {
    return this.selectAll.all(setAsideKind).flatMap(([name, text, at]) => {
      const row = setAsideRow({ key: name, text, version: 0, at })
      return row === undefined ? [] : [{ name, at, ...row }]
    })
  }

  /** False: there is none of that name. */
  drop(name: string): boolean {
    return this.remove.run(setAsideKind, name).changes !== 0
  }

  /** Forgets a job that was set aside. False: there is none. */
  forget(id: JobId): boolean {
    return this.drop(keyOf("job", [id]))
  }

  /** One transaction over all tables. Answers how many rows went, or named a limited key that is not there. */
  repair(now: number): number {
    return this.db.write(() => {
      let moved = 0
      for (const [table, column] of numbered) {
        const largest = `SELECT ifnull(max(${column}), 0) FROM ${table} WHERE ${column} <= ${numberMost}`
        this.db.raw.exec(
          `UPDATE sqlite_sequence SET seq = (${largest}) + 1000000 WHERE name = '${table}' AND NOT (seq <= ${numberMost})`
        )
      }
      // Documents first: while one of them has the last number, none can be added.
      const documentsFirst = Object.keys(tables).toSorted((a, b) => Number(b === "document") - Number(a === "document"))
      for (const table of documentsFirst) {
        const rows = rawRows(this.db, table)
        for (const row of rows) this.move(table, row, now)
        moved += rows.length
      }
      const strays = this.countStrays.get()![0]
      if (moved + strays > 0) {
        this.adopt()
        this.recount()
      }
      return moved + strays
    })
  }

  private move(table: string, { why, ...columns }: RawRow, now: number): void {
    const { isOfJob, key } = tables[table]!
    const names = key.map((column) => columns[column]!)
    if (isOfJob) return this.moveJob(table, names[0]!, String(why), now)
    const where = key.map((column) => `${column} IS ?`).join(" AND ")
    if (table === "worker" && isNumberOfRow(names[0]!))
      this.run(`UPDATE worker SET ${emptyWorker} WHERE ${where}`, ...names)
    else this.run(`DELETE FROM ${table} WHERE ${where}`, ...names)
    this.keep(table, names, String(why), columns, now)
  }

  private run(sql: string, ...values: ReadonlyArray<RawValue>): void {
    this.db.raw.prepare(sql).run(...values)
  }

  private keep(table: string, names: ReadonlyArray<RawValue>, why: string, columns: RawRow, now: number): void {
    const kept = Object.fromEntries(Object.entries(columns).map(([name, value]) => [name, plain(value)]))
    const row: SetAsideRow = { table: wordFor(table), why, columns: kept }
    this.insert.run(setAsideKind, keyOf(table, names), JSON.stringify(row), now)
  }

  /** All parts of the job in one document; but of one that stands elsewhere too, only what must not be here. */
  private moveJob(table: string, id: RawValue, why: string, now: number): void {
    const parts = tablesOfJobs.map((name) => [name, rawRow(this.db, name, id)] as const)
    const standsElsewhere =
      table !== "job" && parts.some(([name, row]) => name !== table && name !== "job" && row !== undefined)
    const moved = standsElsewhere ? parts.filter(([name]) => name === table) : parts
    this.keep(table, [id], why, Object.assign({}, ...moved.map(([, row]) => row)) as RawRow, now)
    for (const [name] of moved) this.run(`DELETE FROM ${name} WHERE id IS ?`, id)
    if (standsElsewhere) return
    this.run("DELETE FROM label WHERE id IS ?", id)
    this.run("DELETE FROM expiry WHERE id IS ?", id)
    if (moved.some(([name, row]) => name === "history" && row !== undefined)) return
    this.run("DELETE FROM unique_key WHERE job IS ?", id)
    this.run("UPDATE unique_key SET held = NULL WHERE held IS ?", id)
    this.run("DELETE FROM dependency WHERE child IS ?", id)
    this.run("DELETE FROM signal WHERE job IS ?", id)
    this.run(
      "INSERT OR REPLACE INTO cascade(parent, succeeded) SELECT DISTINCT parent, 0 FROM dependency WHERE parent IS ?",
      id
    )
  }

  /** Running jobs whose worker's row is gone are taken back as those of any worker that is gone. */
  private adopt(): void {
    this.db.raw.exec(
      `INSERT INTO worker(session, name, host, pid, version, slots, tasks, started, beat, until, machine, process_start)
       SELECT DISTINCT session, '', '', 0, '', '{}', '[]', 0, 0, 0, '', '' FROM running
       WHERE session BETWEEN 1 AND ${numberMost} AND session NOT IN (SELECT session FROM worker)`
    )
  }

  private recount(): void {
    const states = States.stateNames.map((name, state) => {
      const where =
        state < States.liveCodes
          ? `${name} WHERE ${name}.lane = lane.id`
          : `history WHERE history.lane = lane.id AND state = ${state}`
      return `${name} = (SELECT count(*) FROM ${where})`
    })
    this.db.raw.exec(`UPDATE lane SET ${states.join(", ")},
      slots = (SELECT ifnull(sum(slots), 0) FROM running WHERE running.lane = lane.id AND wait <> ${Waiting.rides})`)
    this.db.raw.exec(recountExpiries)
    this.recountKeys()
  }

  /** Jobs of a key that is gone arrive anew, if a rule still names it; the others are counted. */
  private recountKeys(): void {
    this.db.raw.exec(`UPDATE running SET limiter = NULL WHERE ${isStray};
      UPDATE pending SET limiter = NULL WHERE ${isStray};
      UPDATE scheduled SET limiter = NULL, wait = CASE wait WHEN ${Waiting.waitLimitRetry} THEN ${Waiting.waitRetry}
        WHEN ${Waiting.waitLimit} THEN ${Waiting.waitTime} ELSE wait END
        WHERE ${isStray} OR (wait >= ${Waiting.waitLimit} AND limiter IS NULL);
      UPDATE limit_key SET held = 0, waiting = 0;
      UPDATE limit_key SET held = counted.held, waiting = counted.waiting
        FROM (${limitedJobs}) AS counted WHERE counted.limiter = limit_key.id`)
  }
}

/** The rows of a table that cannot be read, as they are, each with `why`. */
export const rawRows = (db: Database, table: string): ReadonlyArray<RawRow> => {
  const statement = db.raw.prepare(unreadableRows(table))
  statement.setReadBigInts(true)
  return statement.all() as ReadonlyArray<RawRow>
}

const rawRow = (db: Database, table: string, id: RawValue): RawRow | undefined => {
  const statement = db.raw.prepare(`SELECT * FROM ${table} WHERE id IS ?`)
  statement.setReadBigInts(true)
  return statement.get(id) as RawRow | undefined
}

/** What people call a row: its table and key. */
export const nameOf = (table: string, row: RawRow): string =>
  keyOf(
    table,
    tables[table]!.key.map((column) => row[column]!)
  )

/** Its lease has ended, so that its jobs are taken back, unless it beats again. */
const emptyWorker = `name = CASE typeof(name) WHEN 'text' THEN name ELSE '' END,
  host = CASE typeof(host) WHEN 'text' THEN host ELSE '' END, pid = 0, version = '', slots = '{}', tasks = '[]', started = 0, beat = 0,
  until = 0, draining = 0, load = NULL, blocked = NULL, machine = '', process_start = '', lease = 0, renewed = 9e15, runs_silent = NULL,
  suspended_for = '{}'`

const isNumberOfRow = (value: RawValue): value is number | bigint =>
  typeof value === "bigint" ? value > 0 && value <= numberMost : Number.isSafeInteger(value)

const keyOf = (table: string, names: ReadonlyArray<RawValue>): string => {
  const [name] = names
  return tables[table]!.isOfJob === true
    ? `job ${isNumberOfRow(name!) ? formatJobId(Number(name) as JobId) : shown(name!)}`
    : `${table} ${names.map(shown).join(" ")}`
}

const shown = (value: RawValue): string =>
  value instanceof Uint8Array ? `x${Buffer.from(value).toString("hex")}` : String(value)

const plain = (value: RawValue): SetAsideRow["columns"][string] => {
  if (value instanceof Uint8Array) return { hex: Buffer.from(value).toString("hex") }
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : { integer: String(value) }
  return typeof value === "number" && !Number.isFinite(value) ? { integer: String(value) } : value
}
