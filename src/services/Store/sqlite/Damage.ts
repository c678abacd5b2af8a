/** What can be wrong inside a store: its schema, its pages, its rows, its counters, its payloads. */
import { formatJobId } from "../../Queue/policy/JobIds.ts"
import * as States from "../../Queue/policy/jobs/States.ts"
import type { Database } from "./Database.ts"
import { checksumOf } from "./JobColumns.ts"
import { limitedJobs } from "./KeyRepair.ts"
import { schemaDamage, schemaDifferences, schemaVersion, userVersion } from "./migrations.ts"
import { tables, wordFor } from "./RowRules.ts"
import { nameOf, rawRows } from "./SetAside.ts"

/** Something found wrong, in one line. */
export interface Finding {
  readonly what: "structure" | "row" | "counters" | "checksum"
  readonly detail: string
}

export interface CheckResult {
  readonly findings: ReadonlyArray<Finding>
  /** Jobs whose checksum was compared. */
  readonly checked: number
  /** What others made, in words: what would act on our tables, and what lies there. */
  readonly foreign: { readonly acting: ReadonlyArray<string>; readonly besides: ReadonlyArray<string> }
}

export interface CheckOptions {
  /** Compares the checksums of the newest so many only; default all. */
  readonly sample?: number
  /** Whether every index is compared with its table as well: takes about twice as long. */
  readonly indexes?: boolean
}

/** Looks for damage in one snapshot. Reads only; takes a second per some 200,000 jobs. */
export const findDamage = (db: Database, options: CheckOptions = {}): CheckResult =>
  db.read(() => {
    const foreign = schemaDifferences(db)
    const schema = schemaDamage(db, foreign)
    if (schema !== undefined) return { findings: [{ what: "structure", detail: schema }], checked: 0, foreign }
    const structure = db
      .prepare<[string]>(options.indexes === true ? "PRAGMA integrity_check(20)" : "PRAGMA quick_check(20)")
      .all()
      .filter(([detail]) => detail !== "ok")
      .map(([detail]): Finding => ({ what: "structure", detail }))
    const rows = userVersion(db) === schemaVersion ? unreadable(db) : []
    // What cannot be read cannot be counted or compared.
    if (rows.length > 0) return { findings: [...structure, ...rows], checked: 0, foreign }
    const checksums = wrongChecksums(db, options.sample ?? Number.MAX_SAFE_INTEGER)
    return {
      findings: [...structure, ...wrongCounters(db), ...wrongKeys(db), ...checksums.findings],
      checked: checksums.checked,
      foreign
    }
  })

/** The first of each table, and how many there are. */
const unreadable = (db: Database): ReadonlyArray<Finding> =>
  Object.keys(tables).flatMap((table): ReadonlyArray<Finding> => {
    const rows = rawRows(db, table)
    return rows.length === 0
      ? []
      : [
          {
            what: "row",
            detail: `${rows.length === 1 ? "a row" : `${rows.length} rows`} of ${wordFor(table)} cannot be read: ${nameOf(table, rows[0]!)}, ${String(rows[0]!["why"])}`
          }
        ]
  })

const wrongChecksums = (db: Database, sample: number): Pick<CheckResult, "findings" | "checked"> => {
  const findings: Array<Finding> = []
  let checked = 0
  const rows = db.prepare<[id: Parameters<typeof checksumOf>[0], checksum: number, payload: string]>(
    "SELECT id, checksum, payload FROM job WHERE id < ? ORDER BY id DESC LIMIT ?"
  )
  let cursor: number = Number.MAX_SAFE_INTEGER
  for (;;) {
    const page = rows.all(cursor, Math.min(sample - checked, 1_000))
    for (const [id, checksum, payload] of page) {
      if (checksumOf(id, payload) !== checksum)
        findings.push({ what: "checksum", detail: `the payload of job ${formatJobId(id)} does not match its checksum` })
      cursor = id
    }
    checked += page.length
    if (page.length === 0 || checked === sample) break
  }
  return { findings, checked }
}

const wrongKeys = (db: Database): ReadonlyArray<Finding> =>
  db
    .prepare<[key: string, group: string, held: number, waiting: number, heldThere: number, waitingThere: number]>(
      `SELECT key, resource_group, limit_key.held, limit_key.waiting, ifnull(jobs.held, 0), ifnull(jobs.waiting, 0)
       FROM limit_key LEFT JOIN (${limitedJobs}) AS jobs ON jobs.limiter = limit_key.id
       WHERE limit_key.held <> ifnull(jobs.held, 0) OR limit_key.waiting <> ifnull(jobs.waiting, 0)`
    )
    .all()
    .map(([key, group, held, waiting, heldThere, waitingThere]) => ({
      what: "counters",
      detail: `key ${JSON.stringify(key)} of ${group} holds ${held} and ${waiting} wait for it as counted, ${heldThere} and ${waitingThere} there`
    }))

const wrongCounters = (db: Database): ReadonlyArray<Finding> => {
  const counted = new Map<string, number>()
  const cells = db.prepare<[lane: number, state: number, count: number]>(
    `SELECT lane, ${States.scheduled}, count(*) FROM scheduled GROUP BY lane UNION ALL
     SELECT lane, ${States.pending}, count(*) FROM pending GROUP BY lane UNION ALL
     SELECT lane, ${States.running}, count(*) FROM running GROUP BY lane UNION ALL
     SELECT lane, state, count(*) FROM history GROUP BY lane, state`
  )
  for (const [lane, state, count] of cells.all()) counted.set(`${lane} ${state}`, count)
  const findings: Array<Finding> = []
  const lanes = db.prepare<[id: number, task: string, group: string, ...counts: ReadonlyArray<number>]>(
    `SELECT id, task, resource_group, ${States.stateNames.join(", ")} FROM lane`
  )
  for (const [id, task, group, ...counts] of lanes.all()) {
    counts.forEach((count, state) => {
      const jobs = counted.get(`${id} ${state}`) ?? 0
      if (count === jobs) return
      findings.push({
        what: "counters",
        detail: `${count} ${States.stateNames[state]} of ${task} in ${group} counted, ${jobs} there`
      })
    })
  }
  return findings
}
