/**
 * A fault at the n-th store call of a process, for every n of the life of a job: whatever the process was doing,
 * afterwards the job is there once, has ended once and as it should, and whoever waits for it has heard.
 */
import { assert } from "@effect/vitest"
import { Clock, Deferred, Duration, Effect, Fiber, Result, Schema, type Scope } from "effect"
import { TestClock } from "effect/testing"
import type { StoreError } from "../../../src/services/Store/StoreError.ts"
import { type JobHandle, type JobId, type JobState, Task, type TaskQueue } from "../../../src/services/Queue/index.ts"
import type { Fate } from "./FaultyStore.ts"
import { type QueueNode, startNode } from "./QueueNode.ts"
import type { Store } from "../../../src/services/Store/Store.ts"

/** A store as a new process opens it: the same jobs each time. */
export type OpenStore = Effect.Effect<Store, StoreError, Scope.Scope>

export const fates: ReadonlyArray<Exclude<Fate, "answer">> = [
  "refuse",
  "lose",
  "hangAndRefuse",
  "hangAndLose",
  "exit",
  "exitAfter"
]

class Unlucky extends Schema.TaggedError<Unlucky>()("Unlucky", {}) {}

const Life = Task.make("life", {
  payload: Schema.Struct({ name: Schema.String, life: Schema.String }),
  success: Schema.String,
  error: Unlucky,
  progress: Schema.Int,
  group: "network",
  idempotencyKey: ({ name }) => name,
  // A caller that heard nothing asks again, maybe after the job has ended.
  unique: { onConflict: "existing", window: "1 hour" },
  retry: { times: 3, firstMs: 300, jitter: 0 }
})

export interface LifeOfJobs {
  readonly name: string
  readonly jobs: number
  readonly end: JobState
  /** Ends beside `end` that the contract allows when an answer was lost. */
  readonly orElse?: JobState
  readonly cancels?: boolean
  readonly retries?: number
}

export const lives: ReadonlyArray<LifeOfJobs> = [
  { name: "success", jobs: 1, end: "completed" },
  { name: "retry", jobs: 1, end: "completed" },
  { name: "failure", jobs: 1, end: "failed", retries: 1 },
  { name: "progress", jobs: 1, end: "completed" },
  // The signal may go down with the answer it came in, or hang as long as the job takes; the job then ends as its
  // handler does.
  { name: "cancel", jobs: 1, end: "cancelled", orElse: "completed", cancels: true },
  { name: "success", jobs: 20, end: "completed" }
]

interface LedgerLine {
  readonly name: string
  readonly attempt: number
}

const handlersFor = (ledger: Array<LedgerLine>) =>
  Life.toLayer(({ life, name }, job) =>
    Effect.gen(function* () {
      ledger.push({ name, attempt: job.attempt })
      yield* Effect.sleep("50 millis")
      switch (life) {
        case "retry":
          if (job.attempt === 1) return yield* new Unlucky()
          break
        case "failure":
          return yield* new Unlucky()
        case "progress":
          for (let i = 1; i <= 3; i++) {
            yield* job.progress(i)
            yield* Effect.logInfo(`step ${i}`)
            yield* Effect.sleep("100 millis")
          }
          break
        case "cancel":
          yield* Effect.sleep("8 seconds")
      }
      return name
    })
  )

const settings = { lease: Duration.seconds(3), sweepInterval: Duration.seconds(1), pollInterval: Duration.seconds(1) }
/** By then everything has healed: three hangs of 10 s, two leases, all retries. */
const stuckAfterSeconds = 60

/** One run with a fault at call `n`. Answers whether there was such a call. */
export const runWithFault = (open: OpenStore, life: LifeOfJobs, fate: Exclude<Fate, "answer">, n: number) =>
  Effect.gen(function* () {
    const real = yield* open
    const before = yield* real.jobs.list({}, { limit: 1000, order: "oldest" })
    const now = yield* Clock.currentTimeMillis
    yield* real.jobs.change({ ids: before.jobs.map(({ id }) => id) }, { _tag: "Remove" }, { now, limit: 1000 })
    const ledger: Array<LedgerLine> = []
    const accepted = new Map<JobId, Array<string>>()
    let calls = 0
    let faulted: string | undefined
    let isDone = false
    let node: { readonly process: QueueNode; readonly died: Deferred.Deferred<void> } | undefined
    const label = () => `${life.name} × ${life.jobs}, ${fate} at call ${n} (${faulted ?? "none"})`

    /** Starts a process, and another a second after it has died or could not start. */
    const supervise: Effect.Effect<void, StoreError, Scope.Scope> = Effect.gen(function* () {
      const died = yield* Deferred.make<void>()
      const store = yield* open
      const starting = startNode({
        store,
        settings,
        handlers: handlersFor(ledger),
        asynchronous: fate.startsWith("hang"),
        exit: () => Deferred.doneUnsafe(died, Effect.void),
        accepted: ({ attempt, id, outcome }) => {
          if (outcome === "retry" || outcome === "release") return
          const ends = accepted.get(id) ?? []
          ends.push(`${outcome} (attempt ${attempt})`)
          accepted.set(id, ends)
        },
        fate: (operation) => {
          if (isDone || ++calls !== n) return "answer"
          faulted = operation
          return fate
        }
      })
      const started = yield* Effect.exit(
        Effect.raceFirst(starting, Effect.andThen(Deferred.await(died), Effect.fail("died" as const)))
      )
      if (started._tag === "Success") {
        node = { process: started.value, died }
        yield* Deferred.await(died)
      }
      node = undefined
      yield* Effect.sleep("1 second")
      yield* supervise
    })

    /** Asks the process that lives now, until one has answered. */
    const insist = <A, E>(
      ask: (queue: TaskQueue["Service"]) => Effect.Effect<A, E>,
      again: (error: E) => boolean
    ): Effect.Effect<A, E> =>
      Effect.suspend((): Effect.Effect<A, E> => {
        const retry = Effect.andThen(
          Effect.sleep("200 millis"),
          Effect.suspend(() => insist(ask, again))
        )
        if (node === undefined) return retry
        const { died, process } = node
        const answer = ask(process.queue).pipe(Effect.catch((error: E) => (again(error) ? retry : Effect.fail(error))))
        return Effect.raceFirst(answer, Effect.andThen(Deferred.await(died), retry))
      })

    const isStoreError = (error: unknown) =>
      typeof error === "object" && error !== null && "_tag" in error && error._tag === "StoreError"
    const payloads = Array.from({ length: life.jobs }, (_, i) => ({ name: `job ${i}`, life: life.name }))
    const client = Effect.gen(function* () {
      const options = life.retries === undefined ? {} : { retries: life.retries }
      const handles: ReadonlyArray<JobHandle<string, Unlucky, number>> = yield* insist(
        (queue) => queue.enqueueMany(Life, payloads, options),
        isStoreError
      )
      const ids = handles.map(({ id }) => id)
      if (life.cancels === true) {
        yield* Effect.sleep("1 second")
        yield* Effect.forEach(ids, (id) => Effect.ignore(insist((queue) => queue.cancel(id), isStoreError)))
      }
      const results = yield* Effect.forEach(ids, (id) =>
        Effect.result(insist((queue) => queue.job(Life, id).await, isStoreError))
      )
      return { ids, results }
    })

    yield* Effect.forkChild(supervise)
    const waiting = yield* Effect.forkChild(client)
    for (let second = 0; waiting.pollUnsafe() === undefined; second++) {
      assert.isBelow(
        second,
        stuckAfterSeconds,
        `${label()}: stuck, ${JSON.stringify(yield* real.jobs.list({}, { limit: 5, order: "oldest" }))}`
      )
      yield* TestClock.adjust("1 second")
    }
    isDone = true
    // What comes late must change nothing.
    yield* TestClock.adjust("15 seconds")
    const { ids, results } = yield* Fiber.join(waiting)

    const { jobs } = yield* real.jobs.list({}, { limit: 1000, order: "oldest" })
    assert.deepStrictEqual(
      jobs.map(({ id }) => id),
      ids,
      `${label()}: each job once`
    )
    const mayElse = life.orElse !== undefined && (fate === "lose" || fate.startsWith("hang"))
    jobs.forEach((job, i) => {
      const ends = mayElse ? [life.end, life.orElse] : [life.end]
      assert.include(ends, job.state, `${label()}: ${JSON.stringify(job)}`)
      assert.isAtMost(job.attempt, job.maxAttempts, label())
      assert.isAtMost(accepted.get(job.id)?.length ?? 0, 1, `${label()}: accepted ${accepted.get(job.id)?.join(", ")}`)
      const result = results[i]!
      if (job.state === "completed") assert.isTrue(Result.isSuccess(result) && result.success === `job ${i}`, label())
      else assert.isTrue(Result.isFailure(result), label())
      const runs = ledger.filter(({ name }) => name === `job ${i}`)
      if (job.state === "completed") assert.isAtLeast(runs.length, 1, label())
      const planned = life.name === "retry" || life.name === "failure" ? 2 : 1
      // One fault explains one run more.
      assert.isAtMost(runs.length, planned + 1, `${label()}: ${JSON.stringify(runs)}`)
    })
    const counted = yield* real.jobs.counters
    assert.strictEqual(
      counted.reduce((sum, { count }) => sum + count, 0),
      jobs.length,
      `${label()}: counters`
    )
    for (const { count, state } of counted)
      assert.strictEqual(count, jobs.filter((job) => job.state === state).length, `${label()}: counters`)
    assert.strictEqual((yield* real.jobs.status).live, 0, label())
    node?.process.kill()
    return faulted !== undefined
  }).pipe(Effect.scoped)

/** Faults at call 1, 2, 3, … until the jobs are done before the fault comes. Answers how many calls that were. */
export const everyCall = (open: () => OpenStore, life: LifeOfJobs, fate: Exclude<Fate, "answer">) =>
  Effect.gen(function* () {
    for (let n = 1; ; n++) if (!(yield* runWithFault(open(), life, fate, n))) return n - 1
  })
