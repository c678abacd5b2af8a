import { existsSync, rmSync, statSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { JobId } from "../../../../src/services/Queue/Job.ts"
import type { Turn } from "../../../../src/services/Store/Turn.ts"
import { Database } from "../../../../src/services/Store/sqlite/Database.ts"
import { Engine } from "../../../../src/services/Store/sqlite/Engine.ts"
import { check } from "../../../../src/services/Store/sqlite/Maintenance.ts"
import { newFile } from "./SqliteStores.ts"

const now = Date.UTC(2026, 0, 5)

const turn = (parts: Partial<Turn>): Turn => ({
  now,
  session: 0,
  settle: [],
  enqueue: [],
  batches: undefined,
  claim: [],
  progress: [],
  logs: [],
  ...parts
})

const job = (payload: string) => ({
  task: "task",
  group: "group",
  priority: 5,
  due: now,
  rank: now,
  maxAttempts: 4,
  version: 0,
  payload,
  partitionKey: undefined,
  expiresAt: undefined,
  unique: undefined,
  after: undefined,
  extra: undefined
})

const settle = (id: JobId) => ({
  id,
  attempt: 1,
  outcome: "completed" as const,
  result: "1",
  failure: undefined,
  due: 0,
  rank: 0,
  runMs: 1
})

const withEngine = (body: (engine: Engine, db: Database, file: string) => void) =>
  Effect.map(newFile, (file) => {
    let db: Database | undefined
    const write = Database.prototype.write
    // The engine keeps its connection to itself; the limit on its pages has to be set on that very connection.
    Database.prototype.write = function <A>(this: Database, of: () => A): A {
      db = this
      return write.call(this, of) as A
    }
    const engine = new Engine(
      { path: file, durability: "full", busyTimeoutMs: 1000, maxLive: 1e6, reserveBytes: 1024 * 1024 },
      () => undefined
    )
    Database.prototype.write = write
    try {
      body(engine, db!, file)
    } finally {
      engine.close()
    }
    return file
  })

const start = (engine: Engine) => {
  const session = engine.call("join", [
    { name: "worker", host: "host", pid: process.pid, version: "1", slots: {}, tasks: ["task"] },
    { now, monotonic: 0 },
    30_000
  ])
  const { jobs } = engine.call("turn", [
    turn({ session, enqueue: [job("1"), job("2")], claim: [{ group: "group", limit: 2 }] })
  ])
  return { session, jobs }
}

const pageLimit = (db: Database, pages: number): void => {
  db.exec(`PRAGMA max_page_count = ${pages}`)
}

const pagesOf = (db: Database): number => db.prepare<[number]>("PRAGMA page_count").get()![0]

/** More than any page left over. */
const big = "x".repeat(200_000)

describe("a full disk", () => {
  it.effect("refuses new jobs, lets running ones complete, and takes jobs again when there is room", () =>
    Effect.flatMap(
      withEngine((engine, db, file) => {
        const { jobs, session } = start(engine)
        assert.strictEqual(statSync(`${file}.reserve`).size, 1024 * 1024)
        pageLimit(db, pagesOf(db) + 2)

        const full = engine.call("turn", [turn({ session, settle: [settle(jobs[0]!.id)], enqueue: [job(big)] })])
        assert.deepStrictEqual(full.ids, [0 as JobId])
        const note = full.notes!.get(0)!
        assert.strictEqual(note._tag === "NotStored" && note.reason.tag, "StoreFull")
        assert.isUndefined(full.lost)
        assert.isFalse(existsSync(`${file}.reserve`), "the reserve was given back")
        assert.deepStrictEqual(
          engine.call("get", [[jobs[0]!.id]]).map(({ state }) => state),
          ["completed"]
        )

        // Small enough to fit, but what is left is for completions.
        const small = engine.call("turn", [turn({ session, settle: [settle(jobs[1]!.id)], enqueue: [job("3")] })])
        assert.strictEqual(small.notes!.get(0)!._tag, "NotStored")
        assert.deepStrictEqual(
          engine.call("get", [[jobs[1]!.id]]).map(({ state }) => state),
          ["completed"]
        )

        pageLimit(db, 1_000_000)
        const later = performance.now() + 1_100
        while (performance.now() < later);
        const stored = engine.call("turn", [turn({ enqueue: [job(big)] })])
        assert.isAbove(stored.ids[0]!, 0)
        assert.isTrue(existsSync(`${file}.reserve`), "the reserve was laid down again")
      }),
      (file) => Effect.map(check(file), ({ findings }) => assert.deepStrictEqual(findings, []))
    )
  )

  it.effect("fails a turn of new jobs alone, and nothing of it is stored", () =>
    withEngine((engine, db) => {
      start(engine)
      pageLimit(db, pagesOf(db) + 2)
      assert.throws(() => engine.call("turn", [turn({ enqueue: [job("small"), job(big)], batches: [2] })]), /full/)
      assert.strictEqual(engine.call("count", [{}]).count, 2)
    })
  )

  it.effect("does without a reserve where none is wanted", () =>
    Effect.map(newFile, (file) => {
      const engine = new Engine(
        { path: file, durability: "full", busyTimeoutMs: 1000, maxLive: 1e6, reserveBytes: 0 },
        () => undefined
      )
      assert.isFalse(existsSync(`${file}.reserve`))
      assert.isAbove(engine.call("turn", [turn({ enqueue: [job("1")] })]).ids[0]!, 0)
      engine.close()
      rmSync(file)
    })
  )
})
