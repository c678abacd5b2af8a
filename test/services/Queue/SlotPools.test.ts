import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { SlotPools, SlotPoolSizing, Sluice, Task, TaskQueue, Worker } from "../../../src/services/Queue/index.ts"
import * as Testing from "../../../src/testing/index.ts"

const Fetch = Task.make("fetch", {
  payload: Schema.Int,
  group: { name: "sites", limit: 100 }
})
let interrupted = 0
const handlers = Fetch.toLayer((ms) => Effect.onInterrupt(Effect.sleep(ms), () => Effect.sync(() => interrupted++)))

describe("a worker's slots between bounds", () => {
  it.effect("grow while jobs wait, shrink when they are idle, and interrupt nothing", () =>
    Effect.gen(function* () {
      interrupted = 0
      const queue = yield* TaskQueue
      const worker = yield* Worker
      const pools = yield* SlotPools
      const slots = Effect.map(worker.status, (status) => status.slots["sites"])
      yield* queue.enqueueMany(
        Fetch,
        Array.from({ length: 2600 }, () => 500)
      )
      yield* TestClock.adjust(1)
      assert.strictEqual((yield* worker.status).running.length, 2)
      for (let i = 0; i < 60; i++) yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* slots, 20)
      assert.deepStrictEqual(yield* pools.status, [
        { group: "sites", min: 2, max: 20, slots: 20, tune: false, reason: "holds" }
      ])
      assert.strictEqual((yield* worker.status).running.length, 20)
      for (let i = 0; i < 300; i++) yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* slots, 2)
      assert.strictEqual((yield* queue.count({ states: ["completed"] })).count, 2600)

      yield* queue.enqueueMany(
        Fetch,
        Array.from({ length: 2 }, () => 400_000)
      )
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* worker.status).running.length, 2)
      assert.strictEqual(interrupted, 0)
    }).pipe(Effect.provide(Testing.layer(handlers, { worker: { slots: { sites: { min: 2, max: 20 } } } })))
  )

  it.effect("obey another decision when one is provided", () =>
    Effect.gen(function* () {
      const worker = yield* Worker
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* worker.status).slots["sites"], 7)
    }).pipe(
      Effect.provide(
        Testing.layer(handlers, { worker: { slots: { sites: { min: 2, max: 20 } } } }).pipe(
          Layer.provide(
            Layer.succeed(SlotPoolSizing, {
              initial: ({ min }) => ({
                slots: min,
                reason: "start",
                fullMs: 0,
                fullFinished: 0,
                trial: undefined,
                holdMs: 0,
                idleMs: 0,
                idlePeak: 0
              }),
              next: (state) => ({ ...state, slots: 7 })
            })
          )
        )
      )
    )
  )

  it.effect("follow what completes when they are tuned: a pool of connections, and time-outs beyond it", () => {
    let open = 0
    const Query = Task.make("query", { payload: Schema.Int, error: Schema.String, group: "database", retry: "none" })
    const querying = Query.toLayer(() =>
      Effect.acquireUseRelease(
        Effect.sync(() => ++open),
        (ahead) => (ahead > 8 ? Effect.andThen(Effect.sleep(300), Effect.fail("no connection")) : Effect.sleep(200)),
        () => Effect.sync(() => open--)
      )
    )
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      const pools = yield* SlotPools
      yield* queue.setLimit("database", 1000)
      yield* queue.enqueueMany(
        Query,
        Array.from({ length: 20_000 }, (_, i) => i)
      )
      for (let i = 0; i < 240; i++) yield* TestClock.adjust("1 second")
      const [pool] = yield* pools.status
      assert.isAtLeast(pool!.slots, 7)
      assert.isAtMost(pool!.slots, 9)
      assert.isTrue(pool!.tune)
      const completed = (yield* queue.stats).counters.find(({ state }) => state === "completed")!.count
      // 40 a second is the most there can be.
      assert.isAtLeast(completed, 0.85 * 40 * 240)
    }).pipe(
      Effect.provide(Testing.layer(querying, { worker: { slots: { database: { min: 1, max: 40, tune: true } } } }))
    )
  })

  it("refuses bounds that are none", () => {
    assert.throws(
      () => Sluice.layerWorker({ slots: { network: { min: 5, max: 2 } } }),
      /max is 2; expected a whole number from 5/
    )
    assert.throws(() => Sluice.layerWorker({ slots: { "*": { min: 1, max: 2 } } }), /named group/)
  })
})
