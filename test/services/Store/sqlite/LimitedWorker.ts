/**
 * A worker process of `LimitedWorkers.long.test.ts`: claims from a group with limits until it is killed, runs each job
 * for two milliseconds and completes it. Started with the store's file and that of its ledger, to which it writes, per
 * job, a line when it has it and one before it hands it back. Times are of the clock that all processes of a machine
 * share.
 */
import { Effect } from "effect"
import { appendFileSync } from "node:fs"
import type { ClaimedJob, Settle, Turn } from "../../../../src/services/Store/Turn.ts"
import * as JobStoreSqlite from "../../../../src/services/Store/sqlite/JobStoreSqlite.ts"
import { store as wholeStore } from "../../../../src/services/Store/Store.ts"

const [file, ledger] = process.argv.slice(2)
const slots = 10
const runMs = 2

const clock = (): number => Number(process.hrtime.bigint()) / 1e6

const settleOf = ({ attempt, id }: ClaimedJob): Settle => ({
  id,
  attempt,
  outcome: "completed",
  result: "1",
  failure: undefined,
  due: 0,
  rank: 0,
  runMs
})

const program = Effect.gen(function* () {
  const { jobs: store, workers } = yield* wholeStore
  const session = yield* workers.join(
    { name: "limited", host: "host", pid: process.pid, version: "1", slots: { group: slots }, tasks: ["task"] },
    { now: Date.now(), leaseMs: 30_000 }
  )
  let running = 0
  let ended: Array<ClaimedJob> = []
  const run = (job: ClaimedJob): void => {
    running++
    setTimeout(() => {
      running--
      ended.push(job)
    }, runMs)
  }
  for (;;) {
    const settling = ended
    ended = []
    const asked = clock()
    const before = settling.map(({ attempt, id }) => `end ${id} ${attempt} ${asked}\n`)
    if (before.length > 0) appendFileSync(ledger!, before.join(""))
    const turn: Turn = {
      now: Date.now(),
      session,
      settle: settling.map(settleOf),
      enqueue: [],
      batches: undefined,
      claim: [{ group: "group", limit: slots - running }],
      progress: [],
      logs: []
    }
    const { jobs } = yield* store.turn(turn)
    const got = clock()
    const lines = jobs.map(
      ({ attempt, id, partitionKey }) => `start ${id} ${attempt} ${partitionKey} ${asked} ${got}\n`
    )
    if (lines.length > 0) appendFileSync(ledger!, lines.join(""))
    for (const job of jobs) run(job)
    yield* Effect.promise(
      () => new Promise((resolve) => setTimeout(resolve, jobs.length > 0 || settling.length > 0 ? 0 : 1))
    )
  }
})

await Effect.runPromise(Effect.provide(program, JobStoreSqlite.layer({ path: file!, thread: false })))
