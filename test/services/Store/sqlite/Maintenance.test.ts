import { migrations } from "../../../../src/services/Store/sqlite/migrations.ts"
import {
  copyFileSync,
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync
} from "node:fs"
import path from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import {
  backup,
  check,
  migrate,
  migrationStatus,
  restore,
  verify
} from "../../../../src/services/Store/sqlite/Maintenance.ts"
import type { StoreError } from "../../../../src/services/Store/StoreError.ts"
import { overwrite, snapshot } from "../../../support/faults/FileBytes.ts"
import { SeededRandom, seeds } from "../../../support/SeededRandom.ts"
import { folder, newFile, withStore } from "./SqliteStores.ts"

const ended = (file: string, sql: string, ...values: ReadonlyArray<string | number>) => {
  const db = new DatabaseSync(file)
  db.prepare(sql).run(...values)
  db.close()
}

describe("backup and restore", () => {
  it.live("copies a working store whole, and the copy is a store", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      const copy = `${file}.backup`
      yield* withStore({ path: file, thread: true }, (driver) =>
        Effect.gen(function* () {
          yield* driver.enqueue(Array.from({ length: 5_000 }, () => ({})))
          const session = yield* driver.join()
          const load = yield* Effect.forkChild(
            Effect.forever(
              Effect.gen(function* () {
                yield* driver.enqueue([{}, {}, {}])
                for (const job of yield* driver.claim(session, 2)) yield* driver.settle(session, job, "completed")
              })
            )
          )
          const result = yield* backup(file, copy)
          yield* Fiber.interrupt(load)
          assert.isAtLeast(result.jobs, 5_000)
          assert.strictEqual(statSync(copy).mode & 0o777, 0o600)
        })
      )
      assert.deepStrictEqual((yield* check(copy)).findings, [])
      yield* withStore({ path: copy }, (driver) =>
        Effect.gen(function* () {
          const cells = yield* driver.store.jobs.counters
          const jobs = cells.reduce((sum, { count }) => sum + count, 0)
          assert.isAtLeast(jobs, 5_000)
          const session = yield* driver.join()
          assert.strictEqual((yield* driver.claim(session, 10)).length, 10)
        })
      )
    })
  )

  it.live("puts a backup in the place of a store, and keeps what was there", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      const copy = `${file}.backup`
      yield* withStore({ path: file }, (driver) => driver.enqueue([{}, {}]))
      yield* backup(file, copy)
      yield* withStore({ path: file }, (driver) => driver.enqueue([{}]))
      assert.strictEqual((yield* restore(copy, file)).jobs, 2)
      yield* withStore({ path: file }, (driver) =>
        Effect.map(driver.store.jobs.count({}), ({ count }) => assert.strictEqual(count, 2))
      )
      assert.isTrue(existsSync(`${file}.before-restore`))
      assert.deepStrictEqual(
        readdirSync(path.dirname(file)).filter((name) => /part|\.restore/.test(name)),
        []
      )
    })
  )

  it.live("refuses to restore over a store that is in use", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      const copy = `${file}.backup`
      yield* withStore({ path: file }, (driver) =>
        Effect.gen(function* () {
          yield* driver.add()
          yield* backup(file, copy)
          const error = yield* Effect.flip(restore(copy, file))
          assert.strictEqual(error.reason._tag, "StoreInUse")
          yield* driver.add()
          assert.strictEqual((yield* driver.store.jobs.count({})).count, 2)
        })
      )
    })
  )

  it.live("refuses to replace what is in use, or has a log beside it, with a backup", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      const other = `${file}.live`
      yield* withStore({ path: file }, (driver) => driver.add())
      yield* withStore({ path: other }, (driver) =>
        Effect.gen(function* () {
          yield* driver.enqueue([{}, {}])
          assert.strictEqual((yield* Effect.flip(backup(file, other))).reason._tag, "StoreInUse")
          yield* driver.add()
          assert.strictEqual((yield* driver.store.jobs.count({})).count, 3)
        })
      )
      writeFileSync(`${file}.stale-wal`, "of another database")
      assert.strictEqual((yield* Effect.flip(backup(file, `${file}.stale`))).reason._tag, "StoreInUse")
      assert.isFalse(existsSync(`${file}.stale`))
    })
  )

  it.live("refuses a target in use without a log, and one that leads to the store or its files", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      yield* withStore({ path: file }, (driver) => driver.add())
      const link = `${file}.link`
      symlinkSync(file, link)
      const hard = `${file}.hard`
      linkSync(file, hard)
      const held = `${file}.held`
      yield* backup(file, held)
      const holder = new DatabaseSync(held)
      holder.exec("BEGIN; SELECT count(*) FROM job")
      holder.prepare("SELECT count(*) FROM job").get()
      for (const target of [file, link, hard, held, `${file}-wal`, `${file}.reserve`]) {
        assert.strictEqual((yield* Effect.flip(backup(file, target))).reason._tag, "StoreInUse", target)
      }
      holder.close()
      assert.strictEqual((yield* backup(file, held)).jobs, 1)
    })
  )

  it.live("a backup is one snapshot, whatever is committed while it is copied", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      const payload = "x".repeat(100_000)
      yield* withStore({ path: file, thread: true, durability: "relaxed" }, (driver) =>
        Effect.gen(function* () {
          // Some 50 MB: several rounds of copying.
          for (let n = 0; n < 5; n++) yield* driver.enqueue(Array.from({ length: 100 }, () => ({ payload })))
          let commits = 0
          const load = yield* Effect.forkChild(Effect.forever(Effect.map(driver.enqueue([{}]), () => void commits++)))
          const earlier = commits
          const result = yield* backup(file, `${file}.backup`)
          yield* Fiber.interrupt(load)
          assert.isAbove(commits, earlier + 1)
          // One more may have been on its way.
          assert.isAtMost(result.jobs, 500 + earlier + 1)
        })
      )
    })
  )

  it.live("restores over a damaged store, and keeps its files aside", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      const copy = `${file}.backup`
      yield* withStore({ path: file }, (driver) => driver.enqueue([{}, {}]))
      yield* backup(file, copy)
      const damages: ReadonlyArray<() => void> = [
        () => writeFileSync(file, Buffer.alloc(8 * 4096)),
        () => truncateSync(file, 60),
        () => truncateSync(file, 0),
        () => overwrite(file, 100, Buffer.alloc(3996))
      ]
      for (const damage of damages) {
        damage()
        writeFileSync(`${file}-wal`, "what is left of a log")
        const damaged = readFileSync(file)
        assert.strictEqual((yield* restore(copy, file)).jobs, 2)
        assert.isTrue(readFileSync(`${file}.before-restore`).equals(damaged))
        assert.isFalse(existsSync(`${file}-wal`))
        assert.deepStrictEqual((yield* check(file)).findings, [])
      }
    })
  )

  it.live("a backup with a flipped payload or a wrong counter is not restored, and is named", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      yield* withStore({ path: file }, (driver) => driver.enqueue([{ payload: "one" }]))
      const before = snapshot(path.dirname(file))
      for (const sql of ["UPDATE job SET payload = '\"onf\"'", "UPDATE lane SET pending = 3"]) {
        const copy = path.join(yield* folder, "copy")
        copyFileSync(file, copy)
        ended(copy, sql)
        const beside = snapshot(path.dirname(copy))
        for (const attempt of [restore(copy, file), verify(copy)]) {
          const { message, reason } = yield* Effect.flip<unknown, StoreError, never>(attempt)
          assert.strictEqual(reason._tag, "StoreCorrupt")
          assert.include(message, copy)
        }
        assert.strictEqual(snapshot(path.dirname(copy)), beside)
      }
      assert.strictEqual(snapshot(path.dirname(file)), before)
    })
  )

  it.live("never replaces another program's database", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      const other = `${file}.other`
      yield* withStore({ path: file }, (driver) => driver.add())
      ended(other, "CREATE TABLE notes(text)")
      assert.strictEqual((yield* Effect.flip(restore(file, other))).reason._tag, "StoreForeign")
    })
  )

  it.live("refuses a damaged or foreign backup and leaves the store alone", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      yield* withStore({ path: file }, (driver) => driver.add())
      const other = `${file}.other`
      ended(other, "CREATE TABLE notes(text)")
      assert.strictEqual((yield* Effect.flip(restore(other, file))).reason._tag, "StoreForeign")
      yield* withStore({ path: file }, (driver) =>
        Effect.map(driver.store.jobs.count({}), ({ count }) => assert.strictEqual(count, 1))
      )
    })
  )
})

describe("a schema that is not what its version promises", () => {
  it.live("is damage to whoever asks for it", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      yield* withStore({ path: file }, (driver) => driver.add())
      ended(file, "ALTER TABLE log RENAME TO diary")
      for (const attempt of [migrationStatus(file), migrate(file), backup(file, `${file}.backup`)]) {
        const { message, reason } = yield* Effect.flip<unknown, StoreError, never>(attempt)
        assert.strictEqual(reason._tag, "StoreCorrupt")
        assert.include(message, "table log")
      }
      assert.deepStrictEqual(
        (yield* check(file)).findings.map(({ what }) => what),
        ["structure"]
      )
    })
  )
})

describe("check", () => {
  it.live("names a flipped payload; a claim buries the job, a look-up says what is wrong", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      const [first, second] = yield* withStore({ path: file }, (driver) =>
        Effect.map(driver.enqueue([{ payload: "one" }, { payload: "two" }]), ({ ids }) => ids)
      )
      ended(file, "UPDATE job SET payload = '\"onf\"' WHERE id = ?", first!)
      const { checked, findings } = yield* check(file)
      assert.deepStrictEqual([checked, findings.map(({ what }) => what)], [2, ["checksum"]])
      yield* withStore({ path: file }, (driver) =>
        Effect.gen(function* () {
          assert.strictEqual((yield* Effect.flip(driver.get(first!))).reason._tag, "StoreCorrupt")
          const session = yield* driver.join()
          const jobs = yield* driver.claim(session)
          assert.deepStrictEqual(
            jobs.map(({ id }) => id),
            [second]
          )
          const { jobs: buried } = yield* driver.store.jobs.list({ states: ["failed"] }, { limit: 10, order: "newest" })
          assert.deepStrictEqual(
            buried.map(({ failure, id, payload }) => [id, failure!.cause, payload]),
            [[first, "Undecodable", '"onf"']]
          )
        })
      )
    })
  )

  it.live("takes no payload for that of another job", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      yield* withStore({ path: file }, (driver) => driver.enqueue([{ payload: "one" }, { payload: "two" }]))
      ended(file, "UPDATE job SET (payload, checksum) = (SELECT payload, checksum FROM job ORDER BY id DESC LIMIT 1)")
      assert.strictEqual((yield* check(file)).findings.length, 1)
    })
  )

  it.live("names counters that are wrong", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      yield* withStore({ path: file }, (driver) => driver.enqueue([{}, {}]))
      ended(file, "UPDATE lane SET pending = 3, failed = 1")
      assert.deepStrictEqual(
        (yield* check(file)).findings.map(({ what }) => what),
        ["counters", "counters"]
      )
    })
  )

  for (const seed of seeds(3)) {
    it.live(`finds every counter right after random operations (seed ${seed})`, () =>
      Effect.gen(function* () {
        const file = yield* newFile
        const random = new SeededRandom(seed)
        yield* withStore({ path: file }, (driver) =>
          Effect.gen(function* () {
            const session = yield* driver.join(["a", "b"])
            for (let step = 0; step < 200; step++) {
              yield* driver.enqueue([
                {
                  task: random.pick(["a", "b", "unknown"]),
                  group: random.pick(["x", "y"]),
                  delay: random.pick([0, 0, 1_000_000]),
                  ...(random.chance(0.2) && {
                    key: `k${random.below(4)}`,
                    onConflict: random.pick(["replace", "keepLast", "reject"] as const)
                  })
                }
              ])
              for (const job of yield* driver.claim(session, random.below(3), random.pick(["x", "y"]))) {
                yield* driver.settle(
                  session,
                  job,
                  random.pick(["completed", "failed", "retry", "release", "cancelled"])
                )
              }
              if (random.chance(0.1)) {
                yield* driver.change(
                  { states: [random.pick(["scheduled", "pending", "completed", "failed"] as const)] },
                  random.pick([{ _tag: "Cancel", reason: "no" }, { _tag: "Retry" }, { _tag: "Remove" }] as const),
                  random.below(5)
                )
              }
            }
          })
        )
        assert.deepStrictEqual((yield* check(file)).findings, [])
      })
    )
  }

  it.live("tells the schema of a file", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      yield* withStore({ path: file }, (driver) => driver.add())
      const { found, known, pending } = yield* migrationStatus(file)
      assert.deepStrictEqual([found, pending], [known, []])
      const copy = `${file}.copy`
      copyFileSync(file, copy)
      ended(copy, "PRAGMA user_version = 0")
      assert.deepStrictEqual(
        (yield* migrationStatus(copy)).pending.map(({ name }) => name),
        migrations.map(({ name }) => name)
      )
    })
  )
})
