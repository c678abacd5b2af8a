/**
 * A process on a store file, for the tests beside this one. Started with a role and the file; speaks one JSON value per
 * line.
 *
 *   produce N      enqueues N jobs in turns of ten, then ends
 *   work           claims and completes until it has found nothing for half a second; says the ids it completed
 *   hold           joins, claims one job, says it, and waits to be killed
 *   crash N        enqueues batches of three and exits inside the Nth transaction of its turn
 *   wake           says the session, then for each wake-up the milliseconds at which it came
 */
import { Effect } from "effect"
import type { Turn } from "../../../../src/services/Store/Turn.ts"
import * as JobStoreSqlite from "../../../../src/services/Store/sqlite/JobStoreSqlite.ts"
import { Database } from "../../../../src/services/Store/sqlite/Database.ts"
import { type Store, store as wholeStore } from "../../../../src/services/Store/Store.ts"

const [role, file, count] = process.argv.slice(2)
const say = (value: unknown): void => console.log(JSON.stringify(value))

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

const newJob = () => ({
  task: "task",
  group: "group",
  priority: 5,
  due: Date.now(),
  rank: Date.now(),
  maxAttempts: 4,
  version: 0,
  payload: "1",
  partitionKey: undefined,
  expiresAt: undefined,
  unique: undefined,
  after: undefined,
  extra: undefined
})

const join = (store: Store) =>
  store.workers.join(
    { name: role!, host: "host", pid: process.pid, version: "1", slots: { group: 10 }, tasks: ["task"] },
    { now: Date.now(), leaseMs: 30_000 }
  )

const crashInTransaction = (at: number) => {
  let transactions = 0
  const write = Database.prototype.write
  Database.prototype.write = function <A>(this: Database, body: () => A): A {
    return write.call(this, () => {
      const result = body()
      // Everything is written, nothing is committed.
      if (++transactions === at) process.exit(7)
      return result
    }) as A
  }
}

const program = Effect.gen(function* () {
  const store = yield* wholeStore
  switch (role) {
    case "produce":
      for (let i = 0; i < Number(count); i += 10)
        yield* store.jobs.turn(turn({ enqueue: Array.from({ length: 10 }, newJob) }))
      return
    case "work": {
      const session = yield* join(store)
      const done: Array<number> = []
      for (let idle = 0; idle < 50; ) {
        const { jobs } = yield* store.jobs.turn(turn({ session, claim: [{ group: "group", limit: 5 }] }))
        if (jobs.length === 0) {
          idle++
          yield* Effect.sleep("10 millis")
          continue
        }
        idle = 0
        const settle = jobs.map(({ attempt, id }) => ({
          id,
          attempt,
          outcome: "completed" as const,
          result: "1",
          failure: undefined,
          due: 0,
          rank: 0,
          runMs: 1
        }))
        const { lost } = yield* store.jobs.turn(turn({ session, settle }))
        settle.forEach(({ id }, i) => lost?.has(i) !== true && done.push(id))
      }
      yield* store.workers.leave(session, Date.now())
      return say(done)
    }
    case "hold": {
      const session = yield* join(store)
      const { jobs } = yield* store.jobs.turn(turn({ session, claim: [{ group: "group", limit: 1 }] }))
      say({ session, id: jobs[0]!.id })
      return yield* Effect.never
    }
    case "crash":
      for (;;) yield* store.jobs.turn(turn({ enqueue: [newJob(), newJob(), newJob()], batches: [3] }))
    case "wake":
      yield* store.jobs.onWake((wake) => say({ wake, at: Date.now() }))
      say({ ready: true })
      return yield* Effect.never
  }
})

if (role === "crash") crashInTransaction(Number(count))
await Effect.runPromise(
  Effect.scoped(program).pipe(
    Effect.provide(JobStoreSqlite.layer({ path: file!, thread: role !== "crash", reserveBytes: 0 }))
  )
)
