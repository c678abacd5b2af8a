/** A store with rows in every table, what can be written into one of them, and whether everybody else goes on. */
import { assert } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import { copyFileSync } from "node:fs"
import { DatabaseSync } from "node:sqlite"
import { Asked } from "../../../../src/services/Store/Asked.ts"
import type { GroupPolicy } from "../../../../src/services/Limits/GroupPolicy.ts"
import type { JobId } from "../../../../src/services/Queue/Job.ts"
import { setAsideKind, setAsideRow } from "../../../../src/services/Store/SetAsideRow.ts"
import { check } from "../../../../src/services/Store/sqlite/Maintenance.ts"
import { tables } from "../../../../src/services/Store/sqlite/RowRules.ts"
import { failure, leaseMs, load, start, type StoreDriver } from "../../../support/store/StoreDriver.ts"
import { withoutDiskWaits, withStore } from "./SqliteStores.ts"

const hostile: ReadonlyArray<string> = [
  "NULL",
  "''",
  "'nonsense'",
  "'{'",
  '\'{"tags":5,"at":"x","jobs":7,"busy":[]}\'',
  "x'00ff'",
  "CAST(x'ff00fe' AS TEXT)",
  "0",
  "-1",
  "77",
  "0.5",
  "9007199254740991",
  "9223372036854775807",
  "-9223372036854775808",
  "1e300",
  "9e999"
]

export interface Mutation {
  readonly table: string
  /** Which of its rows, in SQL. */
  readonly where: string
  readonly column: string
  readonly value: string
}

const victims: Readonly<Record<string, ReadonlyArray<string>>> = {
  job: [
    "partition_key = 'victim'",
    "id IN (SELECT id FROM scheduled WHERE wait = 3)",
    "id IN (SELECT id FROM running)",
    "id IN (SELECT id FROM history)"
  ],
  scheduled: ["wait = 1", "wait = 3", "wait = 4", "wait = 6"],
  pending: ["limiter IS NULL", "limiter IS NOT NULL"],
  running: ["limiter IS NULL", "limiter IS NOT NULL"],
  limit_key: ["held > 0", "waiting > 0", "own_policy IS NOT NULL"],
  reseat: ["key IS NULL", "key IS NOT NULL"]
}

export const mutations: ReadonlyArray<Mutation> = Object.entries(tables).flatMap(([table, { columns }]) =>
  (victims[table] ?? ["1"]).flatMap((where) =>
    Object.keys(columns).flatMap((column) => hostile.map((value) => ({ table, where, column, value })))
  )
)

const limited: GroupPolicy = {
  rate: { limit: 1_000, perMs: 1_000 },
  tiers: { free: { concurrency: 2 } },
  keys: [
    { keys: "customer*", tier: "free", policy: { backlog: 100, weight: 2 } },
    { keys: "line", policy: { order: "fifo" } },
    { keys: "rated", policy: { rate: { limit: 1, perMs: 1_000, burst: 1 } } }
  ]
}

/** Leaves a closed store in which every table has rows. */
export const populate = (file: string) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(start)
    yield* withStore({ path: file, remembersCalls: true, ...withoutDiskWaits }, (driver) =>
      Effect.gen(function* () {
        const { store } = driver
        const asked = { origin: "client", number: 1 }
        const session = yield* Effect.provideService(driver.join(["task", "other"], "first"), Asked, asked)
        yield* driver.beat(session, ["task", "other"])
        yield* store.jobs.declareGroups([{ name: "group", limit: 20 }])
        yield* store.jobs.setGroup("group", { limit: 12 })
        yield* store.jobs.declareGroups([{ name: "limited", limit: 20, policy: limited }])
        yield* store.jobs.setKey("limited", "own", { policy: { concurrency: 1 } })
        yield* driver.enqueue(
          ["own", "own", "customer", "customer", "customer", "line", "line"].map((partitionKey) => ({
            partitionKey,
            group: "limited"
          }))
        )
        yield* driver.add({ partitionKey: "line", group: "limited", delay: 60_000 })
        yield* driver.claim(session, 2, "limited")
        yield* driver.enqueue([{}, {}, { maxAttempts: 1 }, {}, {}])
        const jobs = yield* driver.claim(session, 5)
        yield* driver.settle(session, jobs[0]!, "completed", { result: 1 })
        yield* driver.settle(session, jobs[1]!, "cancelled", { failure: failure() })
        yield* driver.settle(session, jobs[2]!, "failed", { failure: failure() })
        yield* driver.settle(session, jobs[4]!, "retry", { failure: failure(), delay: 5_000 })
        const running = jobs[3]!
        yield* driver.log(session, running, ["a line"])
        const note = { id: running.id, attempt: running.attempt, value: driver.encode({ half: true }) }
        yield* driver.turn({ session, progress: [note, { ...note, step: "one", value: "1" }] })
        yield* driver.cancel(running.id)
        yield* driver.add({ partitionKey: "victim", extra: { tags: ["t"], owner: "o" }, expiresIn: 3_600_000 })
        yield* driver.add({ delay: 60_000 })
        yield* driver.add({ after: [running.id] })
        const keyed = yield* driver.enqueue([{ key: "k", onConflict: "keepLast", group: "keyed" }])
        yield* driver.claim(session, 1, "keyed")
        yield* driver.enqueue([{ key: "k", onConflict: "keepLast", group: "keyed" }])
        assert.strictEqual(keyed.ids.length, 1)
        const now = yield* Clock.currentTimeMillis
        yield* store.workers.lead("sweep", session, { now, ttlMs: 60_000 })
        yield* store.documents.put("kind", "key", "{}", { now })
        yield* store.documents.append("kind", [{ key: "key", text: "{}" }], { now, keep: 5 })
        yield* TestClock.adjust(1_000)
        yield* store.rollUps.jobs({ width: 60_000, from: 0, to: now + 10_000 })
      })
    )
    const db = new DatabaseSync(file)
    db.exec(`PRAGMA wal_checkpoint(TRUNCATE);
      INSERT OR IGNORE INTO listener VALUES ('/nowhere/at.all.sock');
      INSERT OR IGNORE INTO meta VALUES ('lastId', 1);
      INSERT OR IGNORE INTO cascade VALUES (77, 1);
      INSERT INTO reseat(resource_group, policy, slots, own_paused, done, last)
        VALUES ('limited', '{"fair":true}', 20, 0, 0, (SELECT max(id) FROM job));
      INSERT INTO reseat(resource_group, policy, slots, key, own_policy, own_paused, done, last)
        VALUES ('limited', '{}', 20, 'customer', '{"concurrency":1}', 1, 0, (SELECT max(id) FROM job))`)
    for (const table of Object.keys(tables)) {
      const { rows } = db.prepare(`SELECT count(*) AS rows FROM ${table}`).get() as { readonly rows: number }
      assert.isAbove(rows, 0, `no row in ${table}`)
    }
    db.close()
  })

/** False: the table does not take the value. */
const mutate = (file: string, { column, table, value, where }: Mutation): boolean => {
  const db = new DatabaseSync(file)
  try {
    const key = tables[table]!.key.join(", ")
    db.exec(
      `UPDATE ${table} SET ${column} = ${value} WHERE (${key}) IN (SELECT ${key} FROM ${table} WHERE ${where} LIMIT 1)`
    )
    return true
  } catch {
    return false
  } finally {
    db.close()
  }
}

/** What a program, a worker, upkeep and an operator ask of a store: none of it may fail. Answers the jobs it ran. */
const everything = (driver: StoreDriver) =>
  Effect.gen(function* () {
    const { store } = driver
    const all = { from: 0, to: start + 1e9 }
    const session = yield* driver.join(["task"], "second")
    const { ids } = yield* driver.enqueue([
      { group: "mine" },
      { group: "mine", key: "own" },
      { group: "mine", delay: 1 }
    ])
    yield* driver.enqueue(
      ["customer", "line", "rated", "rated"].map((partitionKey) => ({ partitionKey, group: "limited" }))
    )
    yield* TestClock.adjust(10)
    const claimed = yield* driver.turn({
      session,
      claim: ["mine", "group", "keyed", "limited"].map((group) => ({ group, limit: 50 }))
    })
    for (const job of claimed.jobs) yield* driver.settle(session, job, "completed", { result: 1 })
    yield* driver.claim(session, 5)
    assert.deepStrictEqual(yield* driver.states(ids), ["completed", "completed", "completed"])
    const { jobs } = yield* store.jobs.list({}, { limit: 1000, order: "newest" })
    for (const job of jobs) {
      for (const time of [job.due, job.enqueuedAt, job.startedAt, job.finishedAt, job.expiresAt])
        if (time !== undefined) new Date(time).toISOString()
    }
    yield* store.jobs.get(jobs.map(({ id }) => id))
    yield* store.jobs.count({ tag: "t" })
    yield* store.jobs.counters
    yield* store.jobs.usage
    yield* store.jobs.oldestPending
    yield* store.jobs.upNext("group", 100)
    for (const { id } of jobs) yield* store.jobs.logs(id, { after: 0, limit: 10 })
    yield* store.jobs.groups
    yield* store.jobs.limitKeys({}, 100)
    yield* store.jobs.setKey("limited", "customer", { paused: true })
    yield* store.jobs.setKey("limited", "customer", { paused: false })
    yield* store.jobs.setGroup("limited", { policy: { ...limited, fair: true } })
    yield* store.jobs.setGroup("limited", { policy: null })
    yield* store.jobs.takeUnits({ group: "limited", key: "rated", cost: 1, now: yield* Clock.currentTimeMillis })
    yield* store.jobs.repairKeys(yield* Clock.currentTimeMillis)
    yield* store.jobs.status
    for (const worker of yield* store.workers.all) new Date(worker.lastBeat).toISOString()
    yield* store.documents.all("kind")
    yield* store.documents.journal("kind", { limit: 10 })
    const now = yield* Clock.currentTimeMillis
    yield* store.workers.lead("sweep", session, { now, ttlMs: 60_000 })
    yield* store.documents.put("kind", "other", "{}", { now })
    yield* store.documents.append("kind", [{ key: "other", text: "{}" }], { now, keep: 5 })
    yield* store.rollUps.jobs({ width: 60_000, ...all })
    yield* store.rollUps.resources({ width: 60_000, ...all })
    assert.isTrue(
      yield* store.workers.beat(session, { now, leaseMs, mayBlockMs: leaseMs, tasks: ["task"], slots: {}, load })
    )
    yield* driver.change({ tag: "t" }, { _tag: "Cancel", reason: "no" })
    yield* TestClock.adjust(2 * leaseMs)
    yield* driver.sweep()
    const keepNone = { ageMs: 0, count: 0 }
    const policy = { completed: keepNone, failed: keepNone, cancelled: keepNone }
    yield* store.jobs.prune(policy, { now: (yield* Clock.currentTimeMillis) + 1e9, limit: 1000 })
    yield* driver.remove(ids[0]!)
    return ids as ReadonlyArray<JobId>
  })

/**
 * Whether the mutation could be made; asserts that nobody else noticed, and that what was unreadable is named and can
 * be removed.
 */
export const survives = (populated: string, mutation: Mutation) =>
  Effect.gen(function* () {
    const file = `${populated}.trial`
    copyFileSync(populated, file)
    if (!mutate(file, mutation)) return false
    yield* TestClock.setTime(start + 2_000)
    const before = yield* check(file)
    const named = before.findings.filter(({ what }) => what === "row")
    yield* withStore({ path: file, ...withoutDiskWaits }, (driver) =>
      Effect.gen(function* () {
        yield* everything(driver)
        const asides = yield* driver.store.documents.all(setAsideKind)
        for (const document of asides) {
          const row = setAsideRow(document)
          assert.isDefined(row)
          assert.isAbove(row!.why.length, 5)
          yield* driver.store.documents.put(setAsideKind, document.key, undefined, { now: 0 })
        }
        assert.deepStrictEqual(yield* driver.store.documents.all(setAsideKind), [])
        if (named.length === 0) assert.deepStrictEqual(asides, [])
      })
    )
    return true
  }).pipe(Effect.annotateLogs({ mutation: JSON.stringify(mutation) }))

export const describeMutation = ({ column, table, value, where }: Mutation) =>
  `${table}.${column} = ${value} where ${where}`
