import { spawnSync } from "node:child_process"
import {
  chmodSync,
  existsSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
  closeSync,
  mkdirSync
} from "node:fs"
import path from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { StoreReason } from "../../../../src/services/Store/StoreError.ts"
import { Database } from "../../../../src/services/Store/sqlite/Database.ts"
import {
  applicationId,
  migrate,
  migrations,
  rollback,
  userVersion
} from "../../../../src/services/Store/sqlite/migrations.ts"
import { reasonOf } from "../../../../src/services/Store/sqlite/StoreFault.ts"
import { isSafeToShare, openStoreFile } from "../../../../src/services/Store/sqlite/StoreFile.ts"
import { folder, newFile, withStore } from "./SqliteStores.ts"

/** Why the file does not open, and whether a byte of it changed. */
const refusal = (file: string) =>
  Effect.gen(function* () {
    const before = readFileSync(file)
    const started = performance.now()
    const error = yield* Effect.flip(withStore({ path: file }, () => Effect.void))
    assert.isBelow(performance.now() - started, 5_000)
    assert.isTrue(before.equals(readFileSync(file)), "the file was touched")
    assert.notInclude(error.message, "\n")
    assert.include(error.message, file)
    return error.reason
  })

const filled = Effect.gen(function* () {
  const file = yield* newFile
  yield* withStore({ path: file }, (driver) => driver.enqueue(Array.from({ length: 300 }, () => ({}))))
  return file
})

const overwrite = (file: string, position: number, bytes: Uint8Array) => {
  const descriptor = openSync(file, "r+")
  writeSync(descriptor, bytes, 0, bytes.length, position)
  closeSync(descriptor)
}

describe("opening a store file", () => {
  it.effect("refuses a text file as foreign", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      writeFileSync(file, "to do: everything\n".repeat(100))
      assert.strictEqual((yield* refusal(file))._tag, "StoreForeign")
    })
  )

  it.effect("refuses another program's database as foreign", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      const db = new DatabaseSync(file)
      db.exec("CREATE TABLE notes(text TEXT); INSERT INTO notes VALUES ('mine')")
      db.close()
      assert.strictEqual((yield* refusal(file))._tag, "StoreForeign")
      assert.isFalse(existsSync(`${file}-wal`))
    })
  )

  it.effect("refuses a folder as foreign", () =>
    Effect.gen(function* () {
      const file = path.join(yield* folder, "queue.db")
      mkdirSync(file)
      const error = yield* Effect.flip(withStore({ path: file }, () => Effect.void))
      assert.strictEqual(error.reason._tag, "StoreForeign")
    })
  )

  it.effect("refuses a newer schema, naming both versions", () =>
    Effect.gen(function* () {
      const file = yield* filled
      const db = new DatabaseSync(file)
      db.exec("PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE)")
      db.close()
      const reason = yield* refusal(file)
      assert.deepInclude(reason as Extract<StoreReason, { _tag: "StoreNewer" }>, {
        _tag: "StoreNewer",
        found: 99,
        known: migrations.length
      })
    })
  )

  it.effect("refuses a truncated file as corrupt", () =>
    Effect.gen(function* () {
      for (const bytes of [50, 4096, 3 * 4096 + 100]) {
        const file = yield* filled
        truncateSync(file, bytes)
        assert.strictEqual((yield* refusal(file))._tag, "StoreCorrupt", `${bytes} bytes`)
      }
    })
  )

  it.effect("refuses a file with overwritten tables as corrupt", () =>
    Effect.gen(function* () {
      const file = yield* filled
      const pages = statSync(file).size / 4096
      for (let page = 1; page < pages; page++) overwrite(file, page * 4096, Buffer.alloc(64, 0xa5))
      assert.strictEqual((yield* refusal(file))._tag, "StoreCorrupt")
    })
  )

  it.effect("refuses a file that this user may not write", () =>
    Effect.gen(function* () {
      const file = yield* filled
      chmodSync(file, 0o444)
      // Root may write anything: another user has to try.
      const isRoot = process.getuid?.() === 0
      chmodSync(path.dirname(file), 0o755)
      const source = new URL("../../../../src/services/Store/sqlite/StoreFile.ts", import.meta.url).href
      const program = `import(${JSON.stringify(source)}).then(({ openStoreFile }) => {
        try { openStoreFile({ path: process.argv[1], durability: "full", busyTimeoutMs: 1000 }); console.log("opened") }
        catch (error) { console.log(error.reason?.tag ?? error.code) } })`
      const { stderr, stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", program, file], {
        encoding: "utf8",
        ...(isRoot && { uid: 65534, gid: 65534 })
      })
      assert.include(["StoreReadOnly", "EACCES"], stdout.trim(), stderr)
      assert.strictEqual(reasonOf(Object.assign(new Error("denied"), { code: "EACCES" }), file).tag, "StoreReadOnly")
    })
  )

  it.effect("makes files for this user alone", () =>
    Effect.gen(function* () {
      const file = path.join(yield* folder, "new", "deep", "queue.db")
      const mode = (file: string) => statSync(file).mode & 0o777
      yield* withStore({ path: file }, (driver) =>
        Effect.gen(function* () {
          yield* driver.add()
          for (const suffix of ["", "-wal", "-shm", ".reserve"]) assert.strictEqual(mode(file + suffix), 0o600, suffix)
        })
      )
      assert.strictEqual(mode(path.dirname(file)), 0o700)
      assert.strictEqual(mode(path.dirname(path.dirname(file))), 0o700)
    })
  )

  it("knows the versions of SQLite whose WAL may be shared", () => {
    const safe = ["3.44.6", "3.44.7", "3.50.7", "3.51.3", "3.52.0", "3.53.4", "4.0.0"]
    const unsafe = ["3.35.0", "3.44.5", "3.45.9", "3.50.6", "3.51.0", "3.51.2"]
    assert.deepStrictEqual(safe.filter(isSafeToShare), safe)
    assert.deepStrictEqual(unsafe.filter(isSafeToShare), [])
  })

  it.effect("refuses to share a file below the corrected SQLite, naming the Node to use", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      const options = { path: file, durability: "full", busyTimeoutMs: 200 } as const
      const first = openStoreFile({ ...options, sqliteVersion: "3.51.2" })
      assert.isFalse(first.isShared)
      try {
        openStoreFile({ ...options, sqliteVersion: "3.51.2" })
        assert.fail("opened twice")
      } catch (error) {
        const reason = reasonOf(error, file)
        assert.strictEqual(reason.tag, "StoreUnsafe")
        assert.include(reason.message, "24.14.1")
      } finally {
        first.db.close()
      }
      const again = openStoreFile({ ...options, sqliteVersion: "3.51.2" })
      again.db.close()
    })
  )
})

describe("schema migrations", () => {
  const next = [
    ...migrations,
    {
      name: "color",
      up: "ALTER TABLE lane ADD COLUMN color TEXT NOT NULL DEFAULT 'blue'",
      down: "ALTER TABLE lane DROP COLUMN color"
    }
  ]

  it.effect("take the steps that are missing, once, and keep the jobs", () =>
    Effect.gen(function* () {
      const file = yield* filled
      const db = new Database({ path: file, busyTimeoutMs: 1000 })
      assert.deepStrictEqual(migrate(db, next), ["color"])
      assert.deepStrictEqual(migrate(db, next), [])
      assert.strictEqual(userVersion(db), next.length)
      assert.deepStrictEqual(db.prepare("SELECT pending, color FROM lane").all(), [[300, "blue"]])
      db.close()
    })
  )

  it.effect("go a step back where there is a way, and keep the jobs", () =>
    Effect.gen(function* () {
      const file = yield* filled
      const db = new Database({ path: file, busyTimeoutMs: 1000 })
      migrate(db, next)
      assert.strictEqual(rollback(db, next), "color")
      assert.strictEqual(userVersion(db), migrations.length)
      for (const { name } of migrations.slice(1).reverse()) assert.strictEqual(rollback(db, migrations), name)
      assert.strictEqual(rollback(db, migrations), undefined, "the first step has no way back")
      db.close()
      yield* withStore({ path: file }, (driver) =>
        Effect.map(driver.store.jobs.count({ states: ["pending"] }), ({ count }) => assert.strictEqual(count, 300))
      )
    })
  )

  it.effect("undo all of a step that fails", () =>
    Effect.gen(function* () {
      const file = yield* filled
      const db = new Database({ path: file, busyTimeoutMs: 1000 })
      const broken = [...next, { name: "broken", up: "CREATE TABLE extra(a); SELECT * FROM nowhere" }]
      assert.throws(() => migrate(db, broken))
      assert.strictEqual(userVersion(db), migrations.length)
      assert.deepStrictEqual(db.prepare("SELECT name FROM sqlite_schema WHERE name = 'extra'").all(), [])
      db.close()
    })
  )

  it.effect("mark a new file as ours before anything else", () =>
    Effect.gen(function* () {
      const file = yield* filled
      assert.strictEqual(readFileSync(file).readInt32BE(68), applicationId)
    })
  )
})
