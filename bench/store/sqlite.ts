// What one process gets out of the SQLite store, beside what SQLite itself allows on this machine.
//
//   node bench/store/sqlite.ts [--json] [--rounds 3] [--host direct|thread]
//
// Raw bulk: 100 rows per commit into the bare job table. Raw drain: claim 100, then delete 100, a commit each. Rounds
// are interleaved, every round on a new file; medians are shown with the lowest and highest.

import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { DatabaseSync } from "node:sqlite"
import { parseArgs } from "node:util"
import { Effect } from "effect"
import type { NewJob, Settle, Turn } from "../../src/services/Store/Turn.ts"
import { JobStore } from "../../src/services/Store/JobStore.ts"
import * as JobStoreSqlite from "../../src/services/Store/sqlite/JobStoreSqlite.ts"

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    rounds: { type: "string", default: "3" },
    host: { type: "string", default: "direct,thread" },
    jobs: { type: "string", default: "40000" },
    sizes: { type: "string", default: "100,10,1" }
  }
})

const total = Number(values.jobs)
const payload = JSON.stringify({ id: 123456789, to: "someone@example.org", text: "x".repeat(150) })

const withFolder = async <A>(body: (file: string) => Promise<A>): Promise<A> => {
  const folder = mkdtempSync(path.join(tmpdir(), "sluice-bench-"))
  try {
    return await body(path.join(folder, "queue.db"))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Jobs per second, and the processor time of one: that is steady also on a machine that is busy with other things. */
class Phase {
  private readonly from = performance.now()
  private readonly cpu = process.cpuUsage()
  readonly figures: Record<string, number>

  constructor(figures: Record<string, number>) {
    this.figures = figures
  }

  end(name: string, count: number): void {
    const { system, user } = process.cpuUsage(this.cpu)
    this.figures[name] = Math.round((count * 1000) / (performance.now() - this.from))
    this.figures[`${name}CpuMicros`] = Math.round((10 * (user + system)) / count) / 10
  }
}

const rawDatabase = (file: string): DatabaseSync => {
  const db = new DatabaseSync(file)
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536;
    CREATE TABLE jobs(id INTEGER PRIMARY KEY, state INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0,
      locked_at INTEGER, created_at INTEGER NOT NULL, payload TEXT NOT NULL);
    CREATE INDEX pending ON jobs(id) WHERE state = 0;`)
  return db
}

const raw = (size: number) => (file: string) => {
  const db = rawDatabase(file)
  const insert = db.prepare("INSERT INTO jobs(created_at, payload) VALUES (?, ?)")
  const claim = db.prepare(
    `UPDATE jobs SET state = 1, attempts = attempts + 1, locked_at = ? WHERE id IN
       (SELECT id FROM jobs WHERE state = 0 ORDER BY id LIMIT ?) RETURNING id, payload`
  )
  const remove = db.prepare("DELETE FROM jobs WHERE id = ?")
  const begin = db.prepare("BEGIN IMMEDIATE")
  const commit = db.prepare("COMMIT")
  const count = size === 1 ? total / 10 : total
  const figures: Record<string, number> = {}
  let phase = new Phase(figures)
  for (let i = 0; i < count; i += size) {
    begin.run()
    for (let j = 0; j < size; j++) insert.run(0, payload)
    commit.run()
  }
  phase.end("bulk", count)
  phase = new Phase(figures)
  for (;;) {
    const rows = claim.all(1, size)
    if (rows.length === 0) break
    begin.run()
    for (const row of rows) remove.run(row.id as number)
    commit.run()
  }
  phase.end("drain", count)
  db.close()
  return Promise.resolve(figures)
}

const newJob = (now: number): NewJob => ({
  task: "mail",
  group: "network",
  priority: 5,
  due: now,
  rank: now + 150_000,
  maxAttempts: 4,
  payload,
  partitionKey: undefined,
  expiresAt: undefined,
  unique: undefined,
  after: undefined,
  extra: undefined
})

const turn = (parts: Partial<Turn>): Turn => ({
  now: Date.now(),
  session: 0,
  settle: [],
  enqueue: [],
  batches: undefined,
  claim: [],
  progress: [],
  logs: [],
  ...parts
})

const settleOf = ({ attempt, id }: { readonly id: Settle["id"]; readonly attempt: number }): Settle => ({
  id,
  attempt,
  outcome: "completed",
  result: '{"ok":true}',
  failure: undefined,
  due: 0,
  rank: 0,
  runMs: 0.01
})

const ours = (size: number, thread: boolean) => (file: string) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const store = yield* JobStore
      const count = size === 1 ? total / 10 : total
      const session = yield* store.join(
        { name: "bench", host: "bench", pid: process.pid, version: "0", slots: {}, tasks: ["mail"] },
        { now: Date.now(), leaseMs: 600_000 }
      )
      const figures: Record<string, number> = {}
      let phase = new Phase(figures)
      for (let i = 0; i < count; i += size) {
        const now = Date.now()
        const enqueue = Array.from({ length: size }, () => newJob(now))
        yield* store.turn(turn({ enqueue }))
      }
      phase.end("bulk", count)

      phase = new Phase(figures)
      const claim = [{ group: "network", limit: size }]
      let settle: Array<Settle> = []
      let done = 0
      do {
        const { jobs } = yield* store.turn(turn({ session, settle, claim }))
        settle = jobs.map(settleOf)
        done += jobs.length
      } while (settle.length > 0)
      phase.end("drain", done)
      if (done !== count) throw new Error(`${done} jobs drained, ${count} enqueued`)

      phase = new Phase(figures)
      let ended = 0
      for (let i = 0; i < count; i += size) {
        const now = Date.now()
        const enqueue = Array.from({ length: size }, () => newJob(now))
        const { jobs } = yield* store.turn(turn({ session, settle, enqueue, claim }))
        settle = jobs.map(settleOf)
        ended += jobs.length
      }
      yield* store.turn(turn({ session, settle }))
      phase.end("endToEnd", ended)
      const { count: completed } = yield* store.count({ states: ["completed"] })
      if (completed !== 2 * count) throw new Error(`${completed} jobs completed, ${2 * count} enqueued`)
      const { walBytes } = yield* store.status
      figures.walMiB = Math.round(walBytes / 2 ** 20)
      return figures
    }).pipe(Effect.provide(JobStoreSqlite.layer({ path: file, thread })))
  )

const sizes = values.sizes.split(",").map(Number)
const hosts = values.host.split(",")
const variants = sizes.flatMap((size) => [
  { name: `raw ${size}`, run: raw(size) },
  ...hosts.map((host) => ({ name: `${host} ${size}`, run: ours(size, host === "thread") }))
])

const results = new Map<string, Array<Record<string, number>>>()
for (let round = 0; round < Number(values.rounds); round++) {
  for (const { name, run } of variants) {
    const figures = await withFolder<Record<string, number>>(run)
    results.set(name, [...(results.get(name) ?? []), figures])
  }
}

const median = (numbers: ReadonlyArray<number>): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!
for (const [name, rounds] of results) {
  const figures = Object.fromEntries(
    Object.keys(rounds[0]!).map((key) => {
      const all = rounds.map((figures) => figures[key]!)
      return [key, { median: median(all), low: Math.min(...all), high: Math.max(...all) }]
    })
  )
  if (values.json) console.log(JSON.stringify({ name, figures }))
  else {
    const text = Object.entries(figures).map(([key, { high, low, median }]) => `${key} ${median} (${low}..${high})`)
    console.log(`${name.padEnd(12)} ${text.join("   ")}`)
  }
}
