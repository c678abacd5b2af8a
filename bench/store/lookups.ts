/**
 * Whether looking costs more among a million jobs than among a thousand, in the memory store: `node
 * bench/store/lookups.ts [--few=1000] [--many=1000000] [--json]`. Jobs of 12 lanes, 1 in 50 failed, 1 in 20 with an
 * owner, half finished. Microseconds per call, the median of 400 calls after 200 warm-up calls, pages of 10; every page
 * is checked to be full.
 */
import { Effect } from "effect"
import type { JobId } from "../../src/services/Queue/Job.ts"
import type { JobFilter } from "../../src/services/Store/JobQuery.ts"
import { JobStore } from "../../src/services/Store/JobStore.ts"
import type { NewJob, Settle, Turn } from "../../src/services/Store/Turn.ts"
import * as JobStoreMemory from "../../src/services/Store/memory/JobStoreMemory.ts"

const option = (name: string, fallback: number) =>
  Number(process.argv.find((argument) => argument.startsWith(`--${name}=`))?.split("=")[1] ?? fallback)

const groups = ["filesystem", "network", "computation"]
const tasks = ["hash", "resize", "fetch", "count"]
const emptyTurn: Turn = {
  now: 0,
  session: 0,
  settle: [],
  enqueue: [],
  batches: undefined,
  claim: [],
  progress: [],
  logs: []
}
const start = Date.UTC(2026, 0, 1)

const newJob = (now: number, n: number): NewJob => ({
  task: tasks[n % 4]!,
  group: groups[n % 3]!,
  priority: 5,
  due: now,
  rank: now,
  maxAttempts: 4,
  payload: { n },
  partitionKey: undefined,
  expiresAt: undefined,
  unique: undefined,
  after: undefined,
  extra: n % 20 === 0 ? { owner: `owner ${n % 3}`, tags: ["tag"] } : undefined
})

const settleOf = (id: JobId, n: number): Settle => ({
  id,
  attempt: 1,
  outcome: n % 50 === 0 ? "failed" : "completed",
  result: undefined,
  failure: undefined,
  due: 0,
  rank: 0,
  runMs: 1
})

const filled = (count: number) =>
  Effect.runSync(
    Effect.gen(function* () {
      const store = yield* JobStore
      const turn = store.turnSync!
      const session = yield* store.join(
        { name: "bench", host: "local", pid: 1, version: "0", slots: {}, tasks },
        { now: start, leaseMs: 1e12 }
      )
      const ids: Array<JobId> = []
      for (let n = 0; n < count; n += 500) {
        const now = start + n
        const enqueue = Array.from({ length: 500 }, (_, i) => newJob(now, n + i))
        ids.push(...turn({ ...emptyTurn, now, enqueue }).ids)
        const claimed = turn({ ...emptyTurn, now, session, claim: groups.map((group) => ({ group, limit: 84 })) }).jobs
        turn({ ...emptyTurn, now, session, settle: claimed.map(({ id }, i) => settleOf(id, n + i)) })
      }
      return { store, ids }
    }).pipe(Effect.provide(JobStoreMemory.layer({ maxFinished: Number.POSITIVE_INFINITY })))
  )

const filters = (count: number): Readonly<Record<string, JobFilter>> => ({
  all: {},
  "state failed": { states: ["failed"] },
  "state pending": { states: ["pending"] },
  "task and state": { tasks: ["resize"], states: ["completed"] },
  group: { groups: ["network"] },
  owner: { owner: "owner 1" },
  "tag and state": { tag: "tag", states: ["pending"] },
  "from and to": { from: start + count * 0.4, to: start + count * 0.9 }
})

const medianMicros = (call: (i: number) => void) => {
  const times: Array<number> = []
  for (let i = 0; i < 600; i++) {
    const started = performance.now()
    for (let again = 0; again < 5; again++) call(i * 5 + again)
    if (i >= 200) times.push((performance.now() - started) * 200)
  }
  return times.sort((a, b) => a - b)[times.length >> 1]!
}

const measured = (count: number) => {
  const { ids, store } = filled(count)
  const micros: Record<string, number> = {
    get: medianMicros((i) => {
      const id = ids[(i * 7919) % ids.length]!
      if (Effect.runSync(store.get([id]))[0]?.id !== id) throw new Error("not found")
    }),
    count: medianMicros(() => Effect.runSync(store.count({ states: ["pending"] })))
  }
  for (const [name, filter] of Object.entries(filters(count))) {
    // Well inside, where a job lies that the walk has to find.
    const cursor = name === "from and to" ? undefined : ids[Math.floor(ids.length * 0.8)]!
    micros[`page, ${name}`] = medianMicros((i) => {
      const order = i % 2 === 0 ? "newest" : "oldest"
      const page = Effect.runSync(
        store.list(filter, { limit: 10, order, ...(order === "newest" && cursor !== undefined && { cursor }) })
      )
      if (page.jobs.length !== 10) throw new Error(`${name}: ${page.jobs.length} jobs`)
    })
  }
  return micros
}

const few = measured(option("few", 1000))
const many = measured(option("many", 1_000_000))
const report = Object.fromEntries(
  Object.keys(few).map((name) => [name, { few: few[name]!, many: many[name]!, ratio: many[name]! / few[name]! }])
)
if (process.argv.includes("--json")) console.log(JSON.stringify(report))
else console.table(report)
