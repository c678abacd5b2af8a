import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { DatabaseSync } from "node:sqlite"
import { Database } from "../../../../src/services/Store/sqlite/Database.ts"
import * as Maintenance from "../../../../src/services/Store/sqlite/Maintenance.ts"
import {
  isNewest,
  migrate,
  migrations,
  refuseOthers,
  rollback,
  schemaDifferences
} from "../../../../src/services/Store/sqlite/migrations.ts"
import { fingerprint } from "../../../../src/services/Store/sqlite/Schema.ts"
import { newFile, withStore } from "./SqliteStores.ts"

const memory = () => new Database({ path: ":memory:", busyTimeoutMs: 0 })

/** A store with a job in it, changed by somebody with a tool of their own. */
const changedBy = (...statements: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const file = yield* newFile
    yield* withStore({ path: file }, (driver) => driver.enqueue([{}]))
    const raw = new DatabaseSync(file, { defensive: false })
    for (const statement of statements) raw.exec(statement)
    raw.close()
    return file
  })

const opened = (file: string) => withStore({ path: file }, (driver) => driver.enqueue([{}]))

/** Rewrites a row of the schema, as a tool does that edits bytes. */
const editSchema = (change: string) => `PRAGMA writable_schema = ON; ${change}; PRAGMA writable_schema = RESET`

const acting: Readonly<Record<string, readonly [ReadonlyArray<string>, string]>> = {
  "a trigger that copies payloads": [
    [
      "CREATE TABLE loot(payload)",
      "CREATE TRIGGER spy AFTER INSERT ON job BEGIN INSERT INTO loot VALUES(NEW.payload); END"
    ],
    'trigger "spy" on "job"'
  ],
  "a trigger that changes claims": [
    ["CREATE TRIGGER lie AFTER UPDATE ON job BEGIN UPDATE job SET payload = '{}' WHERE id = NEW.id; END"],
    'trigger "lie" on "job"'
  ],
  "a trigger with a name of SQLite's own": [
    [
      "CREATE TRIGGER spy AFTER INSERT ON job BEGIN SELECT 1; END",
      editSchema(
        "UPDATE sqlite_schema SET name = 'sqlite_stat1', sql = 'CREATE TRIGGER sqlite_stat1 AFTER INSERT ON job BEGIN SELECT 1; END' WHERE name = 'spy'"
      )
    ],
    'trigger "sqlite_stat1" on "job"'
  ],
  "a unique index that refuses jobs": [["CREATE UNIQUE INDEX one ON job(lane)"], 'index "one" on "job"'],
  "an index over an expression": [["CREATE INDEX slow ON job(length(hex(payload)))"], 'index "slow" on "job"'],
  "a name that means to write on the screen": [
    ['CREATE TRIGGER "\u001b[2J\u202e""; --" AFTER INSERT ON job BEGIN SELECT 1; END'],
    'trigger "?[2J?\\"; --" on "job"'
  ]
}

const altered: Readonly<Record<string, readonly [ReadonlyArray<string>, string]>> = {
  "a CHECK": [
    [
      editSchema(
        "UPDATE sqlite_schema SET sql = replace(sql, 'payload TEXT NOT NULL', 'payload TEXT NOT NULL CHECK (length(payload) < 9)') WHERE name = 'job'"
      )
    ],
    "its schema has another table job"
  ],
  "a generated column": [
    ["ALTER TABLE job ADD COLUMN g GENERATED ALWAYS AS (hex(payload)) VIRTUAL"],
    "its schema has another table job"
  ],
  "a column with a default": [
    ["ALTER TABLE lane ADD COLUMN more INTEGER DEFAULT 1"],
    "its schema has another table lane"
  ],
  "another index under a name of ours": [
    ["DROP INDEX pending_id", "CREATE INDEX pending_id ON pending(lane, rank DESC)"],
    "its schema has another index pending_id"
  ],
  "a view in the place of a table": [
    ["DROP TABLE progress", "CREATE VIEW progress AS SELECT 1 job, '' value"],
    "its schema has another view progress"
  ],
  "a table less": [["DROP TABLE progress"], "its schema lacks the table progress"]
}

describe("a store to whose schema somebody added", () => {
  for (const [what, [statements, named]] of Object.entries(acting)) {
    it.effect(`${what} is not opened, and names it`, () =>
      Effect.gen(function* () {
        const file = yield* changedBy(...statements)
        const before = readFileSync(file)
        const { message, reason } = yield* Effect.flip(opened(file))
        assert.strictEqual(reason._tag, "StoreTampered", message)
        assert.include(message, named)
        assert.include(message, "sluice db sql --write")
        assert.notMatch(message, /[^ -~]/)
        assert.isTrue(before.equals(readFileSync(file)), "the file was touched")
        for (const change of [Effect.asVoid(Maintenance.migrate(file)), Effect.asVoid(Maintenance.rollback(file))])
          assert.strictEqual((yield* Effect.flip(change)).reason._tag, "StoreTampered")
        const { findings, foreign } = yield* Maintenance.check(file)
        assert.deepStrictEqual([findings, foreign.acting], [[], [named]])
      })
    )
  }

  for (const [what, [statements, said]] of Object.entries(altered)) {
    it.effect(`${what} is not opened, as damaged`, () =>
      Effect.gen(function* () {
        const file = yield* changedBy(...statements)
        const { message, reason } = yield* Effect.flip(opened(file))
        assert.strictEqual(reason._tag, "StoreCorrupt")
        assert.include(message, said)
        const { findings } = yield* Maintenance.check(file)
        assert.deepStrictEqual(findings, [{ what: "structure", detail: said }])
      })
    )
  }

  for (const [what, statements] of [
    [
      "a trigger",
      ["CREATE TRIGGER x AFTER INSERT ON job BEGIN SELECT 1; END", "UPDATE sqlite_schema SET tbl_name = 'other'"]
    ],
    [
      "a trigger as a table",
      [
        "CREATE TRIGGER x AFTER INSERT ON job BEGIN SELECT 1; END",
        "UPDATE sqlite_schema SET type = 'table', tbl_name = 'x'"
      ]
    ],
    ["an index", ["CREATE INDEX x ON job(priority)", "UPDATE sqlite_schema SET tbl_name = 'other'"]]
  ] as const) {
    it.effect(`${what} under the name of another table is not opened, as SQLite sees to`, () =>
      Effect.gen(function* () {
        const [create, lie] = statements
        const file = yield* changedBy("CREATE TABLE other(a)", create, editSchema(`${lie} WHERE name = 'x'`))
        const { message, reason } = yield* Effect.flip(opened(file))
        assert.strictEqual(reason._tag, "StoreCorrupt")
        assert.include(message, "malformed database schema")
      })
    )
  }

  it.effect("tables, views and what belongs to those works as before, and the doctor names them", () =>
    Effect.gen(function* () {
      const file = yield* changedBy(
        'CREATE TABLE "my "" notes"(a UNIQUE)',
        'CREATE INDEX mine ON "my "" notes"(a)',
        'CREATE TRIGGER theirs AFTER INSERT ON "my "" notes" BEGIN DELETE FROM job; END',
        "CREATE VIEW waiting AS SELECT count(*) FROM job",
        "CREATE VIRTUAL TABLE words USING fts5(a)",
        "ANALYZE"
      )
      yield* opened(file)
      const { findings, foreign } = yield* Maintenance.check(file)
      assert.deepStrictEqual([findings, foreign.acting], [[], []])
      assert.includeMembers(
        [...foreign.besides],
        [
          'table "my \\" notes"',
          'trigger "theirs" on "my \\" notes"',
          'index "mine" on "my \\" notes"',
          'view "waiting"',
          'table "words"'
        ]
      )
      assert.notInclude(foreign.besides.join(), "sqlite_stat")
    })
  )

  it.effect("a trigger is well again once that is dropped, as the message says", () =>
    Effect.gen(function* () {
      const file = yield* changedBy("CREATE TRIGGER spy AFTER INSERT ON job BEGIN SELECT 1; END")
      yield* Effect.flip(opened(file))
      yield* Effect.scoped(Maintenance.query(file, 'DROP TRIGGER "spy"', { write: true }))
      yield* opened(file)
    })
  )
})

describe("a store that is open while somebody adds to its schema", () => {
  it.live("stops working, says what acts on its jobs, and goes on once that is gone", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      yield* withStore({ path: file }, (driver) =>
        Effect.gen(function* () {
          yield* driver.enqueue([{}])
          const raw = new DatabaseSync(file)
          raw.exec("CREATE TRIGGER spy AFTER INSERT ON job BEGIN SELECT 1; END")
          const until = (isSo: (said: string) => boolean): Effect.Effect<string> =>
            Effect.suspend(() => driver.enqueue([{}])).pipe(
              Effect.match({ onFailure: ({ message }) => message, onSuccess: () => "works" }),
              Effect.flatMap((said) => (isSo(said) ? Effect.succeed(said) : Effect.delay(until(isSo), "20 millis")))
            )
          assert.include(yield* until((said) => said !== "works"), 'trigger "spy" on "job"')
          raw.exec("DROP TRIGGER spy")
          raw.exec("CREATE TABLE theirs(a)")
          raw.close()
          yield* until((said) => said === "works")
        })
      )
    })
  )
})

describe("a connection", () => {
  it.effect("believes nothing of a schema and lets nobody edit it", () =>
    Effect.gen(function* () {
      const file = yield* changedBy("CREATE VIEW count AS SELECT 1")
      for (const access of ["readWrite", "readOnly", "immutable"] as const) {
        const db = new Database({ path: file, access, busyTimeoutMs: 0 })
        assert.deepStrictEqual(db.prepare("PRAGMA trusted_schema").get(), [0])
        assert.deepStrictEqual(db.prepare("PRAGMA cell_size_check").get(), [1])
        assert.deepStrictEqual(db.prepare("PRAGMA foreign_keys").get(), [0])
        assert.throws(
          () => db.raw.exec("PRAGMA writable_schema = ON; DELETE FROM sqlite_schema"),
          /may not be modified|readonly/
        )
        db.close()
      }
    })
  )
})

describe("the schema of every version", () => {
  it("is recognised as ours on the way up, down and up again, with the others' text of no weight", () => {
    const db = memory()
    for (let version = 0; version <= migrations.length; version++) {
      migrate(db, migrations.slice(0, version))
      refuseOthers(db)
      assert.deepStrictEqual(schemaDifferences(db), { lacks: [], altered: [], acting: [], besides: [] })
    }
    while (rollback(db) !== undefined) refuseOthers(db)
    migrate(db)
    refuseOthers(db)
  })

  it("is told without making it when it is the newest", () => {
    const db = memory()
    migrate(db)
    assert.isTrue(isNewest(db), `write into migrations.ts: newestFingerprint = "${fingerprint(db)}"`)
    db.raw.exec("CREATE VIEW v AS SELECT 1")
    assert.isFalse(isNewest(db))
  })
})
