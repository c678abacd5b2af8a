/**
 * A fault at the n-th store call of a process that drives a pipeline, for every n of a run's life: whatever the process
 * was doing, the run ends with its result, and each of its steps was there once and was accepted once.
 */
import { assert } from "@effect/vitest"
import { Clock, Deferred, Duration, Effect, Layer, Schema, type Scope } from "effect"
import { TestClock } from "effect/testing"
import type { StoreError } from "../../../src/services/Store/StoreError.ts"
import { Job, type JobId, Pipeline, Sluice, Task } from "../../../src/services/Queue/index.ts"
import type { OpenStore } from "./CrashPoints.ts"
import type { Fate } from "./FaultyStore.ts"
import { type QueueNode, startNode } from "./QueueNode.ts"

const First = Task.make("first", { payload: Schema.Int, success: Schema.Array(Schema.Int), group: "network" })
const Left = Task.make("left", { payload: Schema.Int, success: Schema.Int, group: "network" })
const Right = Task.make("right", { payload: Schema.Int, success: Schema.String, group: "filesystem" })
const Last = Task.make("last", { payload: Schema.Array(Schema.String), success: Schema.String, group: "network" })

const Crashing = Pipeline.make("crashing", { payload: Schema.Int })
  .stage(First)
  .fanOut(Left, { buffer: 2 })
  .stage(Right)
  .fanIn(Last)

const items = 2
const answer = "<1><2>"
/** Of the run: one first, an item driver and two stages for each item, one last. */
const steps = 1 + 3 * items + 1

const handlersFor = (ledger: Array<string>) => {
  const done = <A>(line: string, value: A) =>
    Effect.sync(() => ledger.push(line)).pipe(Effect.andThen(Effect.sleep("50 millis")), Effect.as(value))
  return Layer.mergeAll(
    First.toLayer((n) =>
      done(
        "first",
        Array.from({ length: n }, (_, i) => i)
      )
    ),
    Left.toLayer((n) => done(`left ${n}`, n + 1)),
    Right.toLayer((n) => done(`right ${n}`, `<${n}>`)),
    Last.toLayer((parts) => done("last", parts.join(""))),
    Sluice.layerPipeline(Crashing)
  )
}

const settings = { lease: Duration.seconds(3), sweepInterval: Duration.seconds(1), pollInterval: Duration.seconds(1) }
const stuckAfterSeconds = 90

/** One run with a fault at call `n`. Answers whether there was such a call. */
const runWithFault = (open: OpenStore, fate: Exclude<Fate, "answer">, n: number) =>
  Effect.gen(function* () {
    const real = yield* open
    const now = yield* Clock.currentTimeMillis
    yield* real.jobs.change({}, { _tag: "Remove" }, { now, limit: 1000 })
    const ledger: Array<string> = []
    const accepted = new Map<JobId, number>()
    let calls = 0
    let faulted: string | undefined
    let isDone = false
    let node: QueueNode | undefined
    const label = () => `${fate} at call ${n} (${faulted ?? "none"})`

    const supervise: Effect.Effect<void, StoreError, Scope.Scope> = Effect.gen(function* () {
      const died = yield* Deferred.make<void>()
      const store = yield* open
      const starting = startNode({
        store,
        settings,
        handlers: handlersFor(ledger),
        asynchronous: fate.startsWith("hang"),
        exit: () => Deferred.doneUnsafe(died, Effect.void),
        accepted: ({ id, outcome }) => {
          if (outcome === "completed") accepted.set(id, (accepted.get(id) ?? 0) + 1)
        },
        fate: () => {
          if (isDone || ++calls !== n) return "answer"
          faulted = fate
          return fate
        }
      })
      const started = yield* Effect.exit(
        Effect.raceFirst(starting, Effect.andThen(Deferred.await(died), Effect.fail("died" as const)))
      )
      if (started._tag === "Success") {
        node = started.value
        yield* Deferred.await(died)
      }
      node = undefined
      yield* Effect.sleep("1 second")
      yield* supervise
    })

    /** Stores the run through the store itself: the fault is for whoever drives it. */
    const producer = yield* startNode({ store: real })
    const { id } = yield* producer.queue.enqueue(Crashing.task, items)
    yield* producer.stop
    yield* Effect.forkChild(supervise)
    const ended = Effect.map(real.jobs.get([id]), ([job]) => Job.finishedStates.includes(job!.state))
    for (let second = 0; !(yield* ended); second++) {
      assert.isBelow(
        second,
        stuckAfterSeconds,
        `${label()}: stuck, ${JSON.stringify(yield* real.jobs.list({}, { limit: 5, order: "oldest" }))}`
      )
      yield* TestClock.adjust("1 second")
    }
    isDone = true
    yield* TestClock.adjust("15 seconds")

    const [run] = yield* real.jobs.get([id])
    assert.strictEqual(run!.state, "completed", `${label()}: ${JSON.stringify(run)}`)
    const result = real.jobs.traits.payloads === "text" ? JSON.parse(run!.result as string) : run!.result
    assert.strictEqual(result, answer, label())
    const { jobs } = yield* real.jobs.list({ batchKey: Job.formatJobId(id) }, { limit: 1000, order: "oldest" })
    assert.strictEqual(jobs.length, steps, `${label()}: ${JSON.stringify(jobs)}`)
    for (const job of [run!, ...jobs]) {
      assert.strictEqual(job.state, "completed", `${label()}: ${JSON.stringify(job)}`)
      assert.isAtMost(accepted.get(job.id) ?? 0, 1, `${label()}: accepted twice`)
    }
    // One fault explains that each handler that then ran ran once more.
    for (const line of new Set(ledger)) assert.isAtMost(ledger.filter((other) => other === line).length, 2, label())
    assert.strictEqual((yield* real.jobs.status).live, 0, label())
    node?.kill()
    return faulted !== undefined
  }).pipe(Effect.scoped)

/** Faults at every `step`th call until the run is over before the fault comes. Answers how many calls that were. */
export const everyCallOfARun = (open: () => OpenStore, fate: Exclude<Fate, "answer">, step = 1) =>
  Effect.gen(function* () {
    for (let n = 1; ; n += step) if (!(yield* runWithFault(open(), fate, n))) return n - 1
  })
