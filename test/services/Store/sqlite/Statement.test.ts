import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { createHash } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import path from "node:path"
import * as Maintenance from "../../../../src/services/Store/sqlite/Maintenance.ts"
import { newFile, withStore } from "./SqliteStores.ts"

/** Every file of the folder with what is in it. */
const snapshot = (folder: string): string =>
  readdirSync(folder)
    .sort()
    .map(
      (name) =>
        `${name} ${createHash("sha256")
          .update(readFileSync(path.join(folder, name)))
          .digest("hex")}`
    )
    .join("\n")

const refused = [
  "ATTACH 'other.db' AS other",
  "ATTACH '' AS other",
  "ATTACH ':memory:' AS other",
  "DETACH main",
  "VACUUM",
  "VACUUM INTO 'other.db'",
  "PRAGMA writable_schema = ON",
  "PRAGMA writable_schema(1)",
  "PRAGMA journal_mode = DELETE",
  "PRAGMA journal_mode(delete)",
  "PRAGMA user_version(7)",
  "PRAGMA application_id = 1",
  "PRAGMA wal_checkpoint(TRUNCATE)",
  "PRAGMA schema_version = 1",
  "PRAGMA trusted_schema = ON",
  "PRAGMA temp_store_directory = '/tmp'",
  "PRAGMA mmap_size = 1000000",
  "PRAGMA optimize",
  "PRAGMA incremental_vacuum",
  "SELECT load_extension('other')",
  "SELECT fts3_tokenizer('simple', x'0011223344556677')",
  "SELECT readfile('/etc/passwd')",
  "SELECT writefile('other', 'x')",
  "SELECT edit('x')",
  "INSERT INTO job SELECT * FROM job",
  "UPDATE job SET priority = 0",
  "WITH gone AS (SELECT id FROM job) DELETE FROM job WHERE id IN gone RETURNING id",
  "REPLACE INTO meta VALUES ('a', 1)",
  "EXPLAIN DELETE FROM job",
  "CREATE TABLE t(a)",
  "CREATE TEMP TABLE t(a)",
  "CREATE TEMP VIEW v AS SELECT 1",
  "CREATE TEMP TRIGGER t AFTER INSERT ON job BEGIN SELECT 1; END",
  "CREATE VIRTUAL TABLE t USING fts5(a)",
  "CREATE VIRTUAL TABLE temp.t USING rtree(a, b, c)",
  "DROP TABLE job",
  "ALTER TABLE job RENAME TO work",
  "CREATE INDEX i ON job(lane)",
  "ANALYZE",
  "REINDEX",
  "BEGIN IMMEDIATE",
  "SAVEPOINT s",
  "COMMIT",
  "SELECT 1; DROP TABLE job",
  "SELECT 1; ; SELECT 2",
  "",
  "-- nothing"
]

const allowed = [
  "SELECT count(*) FROM job",
  "SELECT count(*) FROM job; -- all",
  "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 9) SELECT max(x) FROM n",
  "PRAGMA table_info(job)",
  "PRAGMA user_version",
  "PRAGMA integrity_check",
  "SELECT * FROM pragma_table_info('job')",
  "EXPLAIN QUERY PLAN SELECT * FROM job",
  "VALUES (1), (2)"
]

describe("a statement that may only read", () => {
  it.effect("reads, and everything else is refused with nothing written anywhere", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      yield* withStore({ path: file }, (driver) => driver.enqueue([{}, {}]))
      const folder = path.dirname(file)
      const before = snapshot(folder)
      const run = (statement: string) =>
        Effect.result(
          Effect.scoped(Effect.flatMap(Maintenance.query(file, statement, { write: false }), ({ next }) => next(100)))
        )
      for (const statement of refused) {
        const result = yield* run(statement)
        assert.isTrue(Result.isFailure(result), `${statement} was run`)
        if (Result.isFailure(result)) assert.strictEqual(result.failure._tag, "StatementRefused", statement)
        assert.strictEqual(snapshot(folder), before, statement)
      }
      for (const statement of allowed) {
        assert.isTrue(Result.isSuccess(yield* run(statement)), statement)
        assert.strictEqual(snapshot(folder), before, statement)
      }
    })
  )
})
