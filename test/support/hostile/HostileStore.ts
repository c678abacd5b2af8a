/**
 * A store as an enemy would prepare it, from one that Sluice made. Which tables and columns there are is asked of the
 * file: columns of later schemas are covered without a word here.
 */
import { DatabaseSync, type SQLInputValue } from "node:sqlite"
import { crc32 } from "node:zlib"
import { hostileNumbers, hostileTexts, longTexts } from "./HostileText.ts"

/**
 * `words`: what is JSON stays JSON, each word in it and every other text is hostile. `texts`: every text is hostile as
 * a whole, so no JSON is left. `bytes`: texts are bytes that are no UTF-8. A number: it stands for every number, but
 * those that rows are found by.
 */
export type Hostility = "words" | "texts" | "bytes" | { readonly number: number | bigint | string }

export const hostilities: ReadonlyArray<Hostility> = [
  "words",
  "texts",
  "bytes",
  ...hostileNumbers.map((number) => ({ number }))
]

/** For the name of a test or a file. */
export const nameOf = (how: Hostility): string =>
  typeof how === "string" ? how : `the number ${JSON.stringify(String(how.number))}`

interface Column {
  readonly name: string
  readonly type: string
  readonly isKey: boolean
}

type Row = Record<string, SQLInputValue>

/** A process id that no process has: above the highest that Linux gives. */
const nobody = 4_194_400

/** Words of JSON that say what it is: with another, the rest of it is never shown. */
const kinds = /^(?:_tag|cause|mode|kind|severity|metric|reason|state|unit|level|order)$/

const tablesOf = (db: DatabaseSync): ReadonlyMap<string, ReadonlyArray<Column>> =>
  new Map(
    db
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
      .all()
      .map(({ name }) => [
        name as string,
        db
          .prepare(`PRAGMA table_xinfo("${name}")`)
          .all()
          .map((column) => ({ name: column.name as string, type: column.type as string, isKey: column.pk !== 0 }))
      ])
  )

/** A plausible value for a row of a table that has none. */
const plausible = (table: string, { name, type }: Column, i: number, jobs: ReadonlyArray<number>): SQLInputValue => {
  if (type === "TEXT") return plausibleTexts[`${table}.${name}`] ?? `${name}-${i}`
  if (name === "pid") return nobody + i
  if (/^(job|parent|child|id)$/.test(name)) return jobs[i % jobs.length]!
  if (/^(beat|until|at|started|due|expires)$/.test(name)) return Date.now() + (name === "until" ? 3_600_000 : -1000)
  if (name === "width") return 60_000
  if (name === "start") return Math.floor(Date.now() / 60_000) * 60_000
  return i + 1
}

const plausibleTexts: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ["scheduled", "pending", "running", "history"].map((table) => [
      `${table}.failure`,
      '{"cause":"Error","message":"word","attempt":1,"at":1}'
    ])
  ),
  "worker.slots": '{"computation":2}',
  "worker.tasks": '["shell","other"]',
  "worker.load": '{"busy":{"computation":1},"cpu":0.5,"rssBytes":1e8,"heapBytes":5e7,"loopDelayMs":3,"pressure":"ok"}',
  "worker.blocked": '{"since":1,"jobs":[1]}',
  "signal.reason": '"why"',
  "progress.value": '{"percent":40,"message":"word"}',
  "step.value": '"word"'
}

/** Adds rows to the tables that have none, and texts to the columns that are empty in each row. */
const fill = (db: DatabaseSync): void => {
  const jobs = db
    .prepare("SELECT id FROM job ORDER BY id")
    .all()
    .map(({ id }) => id as number)
  for (const [table, columns] of tablesOf(db)) {
    if (db.prepare(`SELECT 1 FROM "${table}" LIMIT 1`).get() !== undefined) {
      for (const { name, type } of columns) {
        if (type !== "TEXT" || db.prepare(`SELECT 1 FROM "${table}" WHERE "${name}" NOTNULL`).get() !== undefined)
          continue
        db.prepare(`UPDATE "${table}" SET "${name}" = ?`).run(plausibleTexts[`${table}.${name}`] ?? "word")
      }
      continue
    }
    const insert = db.prepare(
      `INSERT INTO "${table}"(${columns.map(({ name }) => `"${name}"`).join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`
    )
    for (let i = 0; i < 3; i++) insert.run(...columns.map((column) => plausible(table, column, i, jobs)))
  }
}

/**
 * Each text once, then again with a number behind it: many columns are unique. The first text of a column is never the
 * empty one: for a column of one row it would be the only one.
 */
const supply = (texts: ReadonlyArray<string>): ((column: string) => string) => {
  const served = new Set<string>()
  let next = 0
  const take = () => {
    const text = texts[next % texts.length]!
    const round = Math.floor(next++ / texts.length)
    return round === 0 ? text : `${text}${round}`
  }
  return (column) => {
    const text = take()
    const isFirst = !served.has(column)
    served.add(column)
    return isFirst && text === "" ? take() : text
  }
}

const wordsOf = (value: unknown, text: () => string, key = ""): unknown => {
  if (typeof value === "string") return kinds.test(key) ? value : text()
  if (Array.isArray(value)) return value.map((item) => wordsOf(item, text))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries([
    ...Object.entries(value).map(([name, inner]) => [name, wordsOf(inner, text, name)]),
    [text(), text()]
  ])
}

const isJson = (text: string): boolean => {
  if (!/^[[{"]/.test(text)) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const hostileValue = (
  how: Hostility,
  { isKey, name, type }: Column,
  value: SQLInputValue,
  text: () => string
): SQLInputValue => {
  if (typeof how === "object")
    return type === "TEXT" || isKey || name === "lane" || name === "pid" || value === null ? value : how.number
  if (type !== "TEXT" || value === null) return value
  if (how === "bytes") return Buffer.concat([Buffer.from([0xff, 0xfe, 0x1b, 0x9b, 0x00]), Buffer.from(text())])
  if (how === "words" && typeof value === "string" && isJson(value))
    return JSON.stringify(wordsOf(JSON.parse(value), text))
  return text()
}

/** Makes the store in `file` hostile. Job ids stay, and in `words` so do the checksums of what jobs carry. */
export const makeHostile = (file: string, how: Hostility, canary: string): void => {
  const db = new DatabaseSync(file)
  try {
    fill(db)
    const texts = hostileTexts(canary)
    const text = supply(how === "words" ? texts : [...texts, ...longTexts])
    for (const [table, columns] of tablesOf(db)) {
      const read = db.prepare(`SELECT * FROM "${table}"`)
      read.setReadBigInts(true)
      const rows = read.all() as ReadonlyArray<Row>
      db.exec(`DELETE FROM "${table}"`)
      const names = columns.map(({ name }) => `"${name}"`).join(", ")
      const insert = db.prepare(
        `INSERT OR IGNORE INTO "${table}"(${names}) VALUES (${columns.map(() => "?").join(", ")})`
      )
      for (const row of rows) {
        const hostile: Row = Object.fromEntries(
          columns.map((column) => [
            column.name,
            hostileValue(how, column, row[column.name]!, () => text(`${table}.${column.name}`))
          ])
        )
        if (how === "words" && typeof hostile.payload === "string" && typeof row.id === "bigint")
          hostile.checksum = crc32(hostile.payload, Number(row.id % 2n ** 32n))
        insert.run(...columns.map(({ name }) => hostile[name]!))
      }
    }
  } finally {
    db.close()
  }
}

/** All text columns, as `table.column`, and those that hold a hostile value. For a test of this file. */
export const coverage = (
  file: string,
  canary: string
): { readonly all: ReadonlyArray<string>; readonly hostile: ReadonlyArray<string> } => {
  // As they rest in the file, where a lone surrogate cannot.
  const texts = [...hostileTexts(canary), ...longTexts]
    .filter((text) => text !== "")
    .flatMap((text) => [Buffer.from(text).toString("utf8"), JSON.stringify(text).slice(1, -1)])
  const db = new DatabaseSync(file, { readOnly: true })
  try {
    const all: Array<string> = []
    const hostile: Array<string> = []
    for (const [table, columns] of tablesOf(db)) {
      for (const { name, type } of columns) {
        if (type !== "TEXT") continue
        all.push(`${table}.${name}`)
        const values = db.prepare(`SELECT DISTINCT "${name}" AS value FROM "${table}"`).all()
        if (values.some(({ value }) => typeof value === "string" && texts.some((text) => value.includes(text))))
          hostile.push(`${table}.${name}`)
      }
    }
    return { all, hostile }
  } finally {
    db.close()
  }
}
