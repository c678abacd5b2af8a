import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Effect, Exit, Layer, Logger, Schema } from "effect"
import { TestClock } from "effect/testing"
import {
  type ExplainedReason,
  QueueSettings,
  type SlotAsk,
  Task,
  TaskQueue,
  Worker
} from "../../../src/services/Queue/index.ts"
import * as Testing from "../../../src/testing/index.ts"
import { customers } from "../../support/queue/Customers.ts"
import { startNode } from "../../support/queue/QueueNode.ts"
import { sharedMemory } from "../../support/queue/SharedMemory.ts"

const settings = { lease: QueueSettings.defaults.lease }

describe("a worker of many groups", () => {
  it.effect("runs no more jobs at a time than its total, and all of them", () => {
    const { handlers, seen, tasks } = customers(60)
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      for (const task of tasks) yield* queue.enqueueMany(task, [1, 2, 3, 4, 5])
      yield* TestClock.adjust(1)
      assert.strictEqual((yield* Worker.use(({ status }) => status)).running.length, 100)
      yield* Testing.drain()
      assert.strictEqual(seen.most, 100)
      assert.strictEqual((yield* queue.count({ states: ["completed"] })).count, 300)
    }).pipe(Effect.provide(Testing.layer(handlers, { worker: { totalSlots: 100 } })))
  })

  it.effect("lets each group have its turn, however many jobs another has", () => {
    const { handlers, tasks } = customers(20)
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      yield* queue.enqueueMany(tasks[0]!, new Array<number>(500).fill(1))
      for (const task of tasks.slice(1)) yield* queue.enqueue(task, 1)
      // Four at a time, a second each: nineteen groups with a job each.
      yield* TestClock.adjust("6 seconds")
      for (const task of tasks.slice(1))
        assert.strictEqual((yield* queue.count({ tasks: [task.name], states: ["completed"] })).count, 1, task.name)
    }).pipe(Effect.provide(Testing.layer(handlers, { worker: { totalSlots: 4 } })))
  })

  it.effect("counts a batch as one slot", () => {
    const calls: Array<number> = []
    const Index = Task.make("index", {
      payload: Schema.Int,
      group: { name: "search", limit: 5 },
      batch: { maxBatchSize: 10, maxWaitTime: "10 millis" }
    })
    const handlers = Index.toBatchLayer((items) =>
      Effect.andThen(
        Effect.sync(() => void calls.push(items.length)),
        Effect.sleep("1 second")
      )
    )
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      yield* queue.enqueueMany(
        Index,
        Array.from({ length: 40 }, (_, i) => i)
      )
      yield* TestClock.adjust("500 millis")
      assert.deepStrictEqual(calls, [10, 10])
      yield* Testing.drain()
      assert.deepStrictEqual(calls, [10, 10, 10, 10])
    }).pipe(Effect.provide(Testing.layer(handlers, { worker: { totalSlots: 2 } })))
  })

  it.effect("says of a job that it waits for the total, and of a group what holds it", () =>
    Effect.gen(function* () {
      const { handlers, tasks } = customers(3, Effect.sleep("1 hour"))
      const store = yield* sharedMemory
      const { queue, worker } = yield* startNode({ store, settings, handlers, worker: { name: "w", totalSlots: 2 } })
      // It says so with its first heartbeat.
      yield* TestClock.adjust("11 seconds")
      const [first, second, third] = tasks as [any, any, any]
      yield* queue.enqueueMany(first, [1, 2])
      yield* queue.enqueue(second, 1)
      const waiting = yield* queue.enqueue(third, 1)
      yield* TestClock.adjust("1 second")
      const total = { source: "declared", slots: 2, reason: "declared for this worker" } as const
      const reason: ExplainedReason = yield* queue.explain(waiting.id)
      assert.deepStrictEqual(reason, {
        _tag: "TotalUsed",
        group: "customer-2",
        running: 2,
        totals: [{ worker: "w", decision: { slots: 2, by: total, asked: total } }]
      })
      const [load] = (yield* worker.loads).filter(({ group }) => group === "customer-0")
      assert.strictEqual(load!.slots, 2)
      assert.deepStrictEqual(load!.decision, {
        slots: 2,
        by: { source: "total", slots: 2, reason: "of all groups together" },
        asked: { source: "limit", slots: 5, reason: "the group's limit" }
      })
    }).pipe(Effect.scoped)
  )

  it.effect("says once that it stands still when handlers that wait for others hold its total", () => {
    const said: Array<string> = []
    const logger = Logger.layer([Logger.make(({ message }) => void said.push(String(message)))])
    const Cut = Task.make("cut", { payload: Schema.Int, group: "board" })
    const Cook = Task.make("cook", { payload: Schema.Int, group: "kitchen" })
    const handlers = Layer.mergeAll(
      Cut.toLayer(() => Effect.sleep("1 minute")),
      Cook.toLayer((n) =>
        Effect.andThen(Effect.sleep("1 second"), Effect.orDie(TaskQueue.use((queue) => queue.run(Cut, n))))
      )
    )
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      const [first] = yield* queue.enqueueMany(Cook, [1, 2])
      yield* TestClock.adjust("20 minutes")
      assert.deepStrictEqual(said, [
        "The worker stands still: all 2 slots that it fills of all groups together are held by handlers (cook) that wait for jobs to start. " +
          "Let one job follow the other (after, a pipeline), or raise the worker's totalSlots"
      ])
      yield* queue.cancel(first!.id)
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual((yield* queue.count({ tasks: ["cook"], states: ["completed"] })).count, 1)
      assert.lengthOf(said, 1)
    }).pipe(Effect.provide(Testing.layer(handlers, { worker: { totalSlots: 2 } }).pipe(Layer.provide(logger))))
  })
})

const Fetch = Task.make("fetch", { payload: Schema.Int, group: { name: "sites", limit: 9 } })
const fetching = Fetch.toLayer(() => Effect.sleep("1 second"))

describe("who has a say over a group's slots", () => {
  const decision = Effect.map(
    Worker.use(({ loads }) => loads),
    (loads) => loads.find(({ group }) => group === "sites")!.decision
  )

  it.effect("is followed in order of precedence, and forgotten when it takes its proposal back", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      const queue = yield* TaskQueue
      const found: Array<readonly [string, number]> = []
      const note = Effect.map(decision, ({ asked, slots }) => void found.push([asked.source, slots]))
      yield* TestClock.adjust(1)
      yield* note
      yield* worker.propose("sites", "scaler", { slots: 4, reason: "a share of 8" })
      yield* note
      yield* worker.propose("sites", "pool", { slots: 6, reason: "grew" })
      yield* note
      yield* worker.setSlots("sites", 1)
      yield* note
      yield* queue.setLimit("sites", 7)
      yield* worker.propose("sites", "pool", undefined)
      yield* note
      yield* worker.setSlots("sites", undefined)
      yield* note
      yield* worker.propose("sites", "scaler", undefined)
      yield* TestClock.adjust(Duration.seconds(6))
      yield* note
      assert.deepStrictEqual(found, [
        ["limit", 9],
        ["scaler", 4],
        ["pool", 6],
        ["program", 1],
        ["program", 1],
        ["scaler", 4],
        ["limit", 7]
      ])
    }).pipe(Effect.provide(Testing.layer(fetching)))
  )

  it.effect("is refused for what is no proposal, and nothing changes", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* TestClock.adjust(1)
      const before = yield* decision
      for (const [group, source, ask] of [
        ["no group", "scaler", { slots: 1, reason: "x" }],
        ["sites", "limit", { slots: 1, reason: "x" }],
        ["sites", "total", { slots: 1, reason: "x" }],
        ["sites", "pool", { slots: -1, reason: "x" }],
        ["sites", "pool", { slots: 1.5, reason: "x" }],
        ["sites", "pool", { slots: 1e9, reason: "x" }],
        ["sites", "pool", { slots: 1 }],
        ["sites", "pool", { slots: 1, reason: "x".repeat(201) }]
      ] as const) {
        const exit = yield* Effect.exit(worker.propose(group, source as "pool", ask as SlotAsk))
        assert.isTrue(Exit.isFailure(exit) && Cause.squash(exit.cause) instanceof RangeError, `${group} ${source}`)
      }
      assert.deepStrictEqual(yield* decision, before)
    }).pipe(Effect.provide(Testing.layer(fetching)))
  )

  it.effect("is not a pool that is tuned and may begin with none: its first slot is there", () =>
    Effect.gen(function* () {
      const queue = yield* TaskQueue
      yield* queue.enqueue(Fetch, 1)
      yield* Testing.drain({ within: "1 minute" })
      const { asked } = yield* decision
      assert.deepStrictEqual([asked.source, asked.slots], ["pool", 1])
    }).pipe(Effect.provide(Testing.layer(fetching, { worker: { slots: { sites: { min: 0, max: 5, tune: true } } } })))
  )
})
