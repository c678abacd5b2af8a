/**
 * The objects of a file's schema against those that the migrations make: the exact text of each. Whoever may write the
 * file may also have added a trigger that copies every payload, or an index that refuses jobs, and SQLite would run it
 * within our own statements.
 */
import { hash } from "node:crypto"
import { Database } from "./Database.ts"

export interface Differences {
  /** In words, `table job`: not there, or not as the migrations make it. */
  readonly lacks: ReadonlyArray<string>
  readonly altered: ReadonlyArray<string>
  /** What others made and what our statements would run: triggers and indexes of our tables. */
  readonly acting: ReadonlyArray<string>
  /** What others made and what nobody runs: tables, views, and what belongs to those. */
  readonly besides: ReadonlyArray<string>
}

type Row = readonly [type: string, name: string, table: string, text: string]

/** Without what SQLite makes by itself: the indexes of constraints, which have no text, and statistics. */
const read = (db: Database): ReadonlyArray<Row> =>
  db
    .prepare<[string, string, string, string]>(
      `SELECT type, name, tbl_name, sql FROM sqlite_schema
      WHERE sql IS NOT NULL AND NOT (type = 'table' AND name IN ('sqlite_stat1', 'sqlite_stat4')) ORDER BY name, sql`
    )
    .all()

const fingerprintOf = (rows: ReadonlyArray<Row>): string => hash("sha256", JSON.stringify(rows))

/** What tells this schema from every other. */
export const fingerprint = (db: Database): string => fingerprintOf(read(db))

/** Names come from anybody. */
const quoted = (name: string): string => JSON.stringify(name.slice(0, 60).replaceAll(/[^ -~]/g, "?"))

const ourWords = ([type, name]: Row): string => `${type} ${name}`
const othersWords = ([type, name, table]: Row): string =>
  `${type} ${quoted(name)}${table === name ? "" : ` on ${quoted(table)}`}`

/**
 * `steps`: statements of the migrations that the file has taken; `own`: those of all there are, whose names are ours at
 * any version.
 */
export const compare = (
  db: Database,
  steps: ReadonlyArray<string>,
  own: ReadonlyArray<string> = steps
): Differences => {
  const promised = made(steps)
  const known = [...promised, ...made(own)]
  const names = new Set(known.map(([, name]) => name.toLowerCase()))
  const exactly = new Set(known.map((row) => row.join("\n")))
  const found = read(db)
  const isThere = new Set(found.map(([, name]) => name))
  const different = found.filter((row) => !exactly.has(row.join("\n")))
  const isOurs = ([, name]: Row) => names.has(name.toLowerCase())
  // A row that names another table than its text does is refused by SQLite as malformed.
  const acts = ([, , table]: Row) => names.has(table.toLowerCase())
  const others = different.filter((row) => !isOurs(row))
  return {
    lacks: promised.filter(([, name]) => !isThere.has(name)).map(ourWords),
    altered: different.filter(isOurs).map(ourWords),
    acting: others.filter(acts).map(othersWords),
    besides: others.filter((row) => !acts(row)).map(othersWords)
  }
}

/** What the statements make, by making it: about a millisecond. */
const made = (steps: ReadonlyArray<string>): ReadonlyArray<Row> => {
  const db = new Database({ path: ":memory:", busyTimeoutMs: 0 })
  try {
    for (const step of steps) db.raw.exec(step)
    return read(db)
  } finally {
    db.close()
  }
}
