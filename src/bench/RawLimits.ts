/**
 * What SQLite itself can do on this disk, with the least a queue needs: a bare job table with one partial index, WAL,
 * `synchronous=FULL`, prepared statements, no history, no counters, no schema. The queue's figures are divided by
 * these.
 */
import * as Effect from "effect/Effect"
import { closeSync, fdatasyncSync, mkdirSync, openSync, writeSync } from "node:fs"
import path from "node:path"
import { DatabaseSync } from "node:sqlite"
import { collectGarbage, now, percentiles, stopwatch, verify } from "./Measuring.ts"
import { cpuFigure, type Figures, type Scale, type Variant } from "./Variant.ts"
import { payload, storePath } from "./Workload.ts"

const openTable = (folder: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const file = storePath(folder)
      mkdirSync(path.dirname(file), { recursive: true })
      const db = new DatabaseSync(file)
      db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY;
        CREATE TABLE job(id INTEGER PRIMARY KEY, state INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0,
          locked_at INTEGER, created_at INTEGER NOT NULL, payload TEXT NOT NULL);
        CREATE INDEX pending ON job(id) WHERE state = 0;`)
      const insert = db.prepare("INSERT INTO job(created_at, payload) VALUES (?, ?)")
      const begin = db.prepare("BEGIN IMMEDIATE")
      const commit = db.prepare("COMMIT")
      return {
        db,
        insert: (index: number) => insert.run(0, JSON.stringify(payload(index))),
        transaction: (body: () => void) => {
          begin.run()
          body()
          commit.run()
        },
        count: () => Number(db.prepare("SELECT count(*) AS n FROM job").get()!.n)
      }
    }),
    ({ db }) => Effect.sync(() => db.close())
  )

type Table = Effect.Success<ReturnType<typeof openTable>>

const insertAll = (table: Table, jobs: number, perCommit: number): void => {
  for (let i = 0; i < jobs; i += perCommit) {
    if (perCommit === 1) table.insert(i)
    else
      table.transaction(() => {
        for (let k = 0; k < perCommit; k++) table.insert(i + k)
      })
  }
}

const inserts = (perCommit: number, full: number) => (scale: Scale) =>
  Effect.gen(function* () {
    const jobs = scale.quick ? full / 5 : full
    const table = yield* openTable(scale.folder)
    insertAll(table, jobs / 10, perCommit)
    yield* collectGarbage
    const stop = stopwatch(jobs)
    insertAll(table, jobs, perCommit)
    const speed = stop()
    yield* verify("rows", table.count(), jobs / 10 + jobs)
    return speed
  }).pipe(Effect.scoped)

/**
 * Claims `slots` jobs in one commit, deletes them in the next, until none is left; answers the sum of their indexes.
 */
const drainAll = (table: Table, slots: number): number => {
  const claim = table.db.prepare(
    `UPDATE job SET state = 1, attempts = attempts + 1, locked_at = ? WHERE id IN
     (SELECT id FROM job WHERE state = 0 ORDER BY id LIMIT ?) RETURNING id, payload`
  )
  const remove = table.db.prepare("DELETE FROM job WHERE id = ?")
  let sum = 0
  for (;;) {
    const rows = claim.all(1, slots)
    if (rows.length === 0) return sum
    for (const row of rows) sum += JSON.parse(row.payload as string).index
    table.transaction(() => {
      for (const row of rows) remove.run(row.id!)
    })
  }
}

const drain = (slots: number, full: number) => (scale: Scale) =>
  Effect.gen(function* () {
    const jobs = scale.quick ? full / 5 : full
    const table = yield* openTable(scale.folder)
    insertAll(table, jobs / 10, 100)
    drainAll(table, slots)
    insertAll(table, jobs, 100)
    yield* collectGarbage
    const stop = stopwatch(jobs)
    const sum = drainAll(table, slots)
    const speed = stop()
    yield* verify("sum of the indexes", sum, (jobs * (jobs - 1)) / 2)
    yield* verify("rows left", table.count(), 0)
    return speed
  }).pipe(Effect.scoped)

/** The disk's own part of a commit: 4 KiB written and synced. */
const sync = (scale: Scale) =>
  Effect.sync(() => {
    const file = storePath(scale.folder)
    mkdirSync(path.dirname(file), { recursive: true })
    const descriptor = openSync(file, "w")
    const page = Buffer.alloc(4096, 1)
    const times: Array<number> = []
    for (let i = 0; i < 600; i++) {
      const start = now()
      writeSync(descriptor, page, 0, page.length, (i % 64) * page.length)
      fdatasyncSync(descriptor)
      if (i >= 100) times.push(now() - start)
    }
    closeSync(descriptor)
    return percentiles(times)
  })

const limit = (name: string, label: string, measure: (scale: Scale) => Effect.Effect<Figures, unknown>): Variant => ({
  name,
  figures: { perSec: { label: `raw SQLite: ${label}`, unit: "jobs/s" }, cpu: cpuFigure(`raw SQLite, ${label}`) },
  measure
})

export const disk: Variant = {
  name: "raw/sync",
  figures: {
    p50: { label: "write and fdatasync of 4 KiB, p50", unit: "ms" },
    p99: { label: "write and fdatasync of 4 KiB, p99", unit: "ms" }
  },
  measure: sync
}
export const single = limit("raw/single", "inserts, a commit each", inserts(1, 8_000))
export const bulk = limit("raw/bulk", "inserts, 100 per commit", inserts(100, 100_000))
export const drain100 = limit("raw/drain/100", "claim and delete, 100 at a time", drain(100, 60_000))
export const drain10 = limit("raw/drain/10", "claim and delete, 10 at a time", drain(10, 20_000))
