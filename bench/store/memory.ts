/**
 * What the memory store costs without the queue around it: `node --expose-gc bench/store/memory.ts [--jobs=1000000]
 * [--rounds=5] [--json]`. Three loops through `turnSync`, in batches of 1,000 with 100 slots: enqueue all, then claim
 * and settle all; steady, where a turn settles, enqueues and claims 100; and heap per pending job with a small payload
 * object. Every round is checked: all jobs completed, none claimed twice. Retention runs as upkeep would, after each
 * 10,000 jobs, keeping 10,000.
 */
import { Effect } from "effect"
import { JobStore } from "../../src/services/Store/JobStore.ts"
import type { ClaimedJob, NewJob, Settle, Turn } from "../../src/services/Store/Turn.ts"
import { rank } from "../../src/services/Queue/policy/Rank.ts"
import * as JobStoreMemory from "../../src/services/Store/memory/JobStoreMemory.ts"

const option = (name: string, fallback: number) =>
  Number(process.argv.find((argument) => argument.startsWith(`--${name}=`))?.split("=")[1] ?? fallback)
const jobs = option("jobs", 1_000_000)
const rounds = option("rounds", 5)

const newJob = (now: number, n: number): NewJob => ({
  task: "resize",
  group: "network",
  priority: 5,
  due: now,
  rank: rank(now, 5, 30_000),
  maxAttempts: 4,
  payload: { n },
  partitionKey: undefined,
  expiresAt: undefined,
  unique: undefined,
  after: undefined,
  extra: undefined
})

const settleOf = (job: ClaimedJob): Settle => ({
  id: job.id,
  attempt: job.attempt,
  outcome: "completed",
  result: undefined,
  failure: undefined,
  due: 0,
  rank: 0,
  runMs: 0.0123
})

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
const worker = { name: "bench", host: "local", pid: 1, version: "0", slots: { network: 100 }, tasks: ["resize"] }
const retention = { ageMs: 86_400_000, count: 10_000 }
const policy = { completed: retention, failed: retention, cancelled: retention }

const opened = Effect.gen(function* () {
  const store = yield* JobStore
  yield* store.declareGroups([{ name: "network", limit: 100 }])
  const session = yield* store.join(worker, { now: Date.now(), leaseMs: 3_600_000 })
  return { store, session, turn: store.turnSync! }
})
const open = () => Effect.runSync(opened.pipe(Effect.provide(JobStoreMemory.layer())))

/** Enqueues everything, then drains it. Microseconds per job of each half. */
const backlog = () => {
  const { session, store, turn } = open()
  const t0 = performance.now()
  for (let n = 0; n < jobs; n += 1000) {
    const now = Date.now()
    const enqueue: Array<NewJob> = []
    for (let i = 0; i < 1000; i++) enqueue.push(newJob(now, n + i))
    turn({ ...emptyTurn, now, enqueue, batches: [1000] })
  }
  const t1 = performance.now()
  let settle: Array<Settle> = []
  let done = 0
  let last = 0
  let inOrder = true
  for (;;) {
    const { jobs: claimed, lost } = turn({
      ...emptyTurn,
      now: Date.now(),
      session,
      settle,
      claim: [{ group: "network", limit: 100 }]
    })
    if (lost !== undefined) throw new Error("a settle was refused")
    done += settle.length
    settle = []
    for (const job of claimed) {
      inOrder &&= job.id > last
      last = job.id
      settle.push(settleOf(job))
    }
    if (done % 10_000 === 0) Effect.runSync(store.prune(policy, { now: Date.now(), limit: 10_000 }))
    if (claimed.length === 0) break
  }
  const t2 = performance.now()
  if (done !== jobs || !inOrder) throw new Error(`${done} of ${jobs} jobs were done, in order: ${inOrder}`)
  return { enqueue: ((t1 - t0) * 1000) / jobs, drain: ((t2 - t1) * 1000) / jobs, whole: ((t2 - t0) * 1000) / jobs }
}

/** A turn settles what ran, enqueues as much and claims it. Microseconds per job. */
const steady = (batch: number) => {
  const { session, store, turn } = open()
  const started = performance.now()
  let settle: Array<Settle> = []
  let done = 0
  for (let n = 0; done < jobs; n += batch) {
    const now = Date.now()
    const enqueue: Array<NewJob> = []
    if (n < jobs) for (let i = 0; i < batch; i++) enqueue.push(newJob(now, n + i))
    const { jobs: claimed } = turn({
      ...emptyTurn,
      now,
      session,
      settle,
      enqueue,
      claim: [{ group: "network", limit: batch }]
    })
    done += settle.length
    settle = []
    for (const job of claimed) settle.push(settleOf(job))
    if (done % 10_000 === 0) Effect.runSync(store.prune(policy, { now, limit: 10_000 }))
  }
  return ((performance.now() - started) * 1000) / jobs
}

/** What the loop itself costs: making the jobs and the settles that a queue would make. Microseconds per job. */
const loopOnly = () => {
  const started = performance.now()
  let made = 0
  for (let n = 0; n < jobs; n += 100) {
    const now = Date.now()
    const enqueue: Array<NewJob> = []
    for (let i = 0; i < 100; i++) enqueue.push(newJob(now, n + i))
    const settle: Array<Settle> = []
    for (const job of enqueue) settle.push(settleOf({ ...claimedLike, id: job.due as ClaimedJob["id"] }))
    made += settle.length
  }
  if (made !== jobs) throw new Error("the loop is wrong")
  return ((performance.now() - started) * 1000) / jobs
}
const claimedLike = { ...newJob(0, 0), attempt: 1, lost: 0 }

/** Bytes of heap per pending job, its payload object with it, and without its index. */
const heap = () => {
  if (globalThis.gc === undefined) return undefined
  const { store, turn } = open()
  globalThis.gc()
  const before = process.memoryUsage()
  for (let n = 0; n < jobs; n += 1000) {
    const now = Date.now()
    const enqueue: Array<NewJob> = []
    for (let i = 0; i < 1000; i++) enqueue.push(newJob(now, n + i))
    turn({ ...emptyTurn, now, enqueue })
  }
  globalThis.gc()
  const after = process.memoryUsage()
  const { count } = Effect.runSync(store.count({ states: ["pending"] }))
  if (count !== jobs) throw new Error(`${count} of ${jobs} jobs are pending`)
  return (after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers) / jobs
}

const median = (values: ReadonlyArray<number>) => [...values].sort((a, b) => a - b)[values.length >> 1]!
const backlogs: Array<ReturnType<typeof backlog>> = []
const steady100: Array<number> = []
const loops: Array<number> = []
for (let round = 0; round < rounds; round++) {
  backlogs.push(backlog())
  steady100.push(steady(100))
  loops.push(loopOnly())
}
const report = {
  node: process.version,
  jobs,
  rounds,
  microsecondsPerJob: {
    enqueue: median(backlogs.map((figures) => figures.enqueue)),
    claimAndSettle: median(backlogs.map((figures) => figures.drain)),
    backlog: median(backlogs.map((figures) => figures.whole)),
    backlogSpread: [
      Math.min(...backlogs.map((figures) => figures.whole)),
      Math.max(...backlogs.map((figures) => figures.whole))
    ],
    steady100: median(steady100),
    ofThatTheLoop: median(loops),
    steadySpread: [Math.min(...steady100), Math.max(...steady100)]
  },
  heapBytesPerPendingJob: heap()
}
console.log(process.argv.includes("--json") ? JSON.stringify(report) : report)
