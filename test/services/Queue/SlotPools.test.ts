import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { SlotPools, Sluice, Task, TaskQueue, Worker } from "../../../src/services/Queue/index.ts"
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
      const pools = yield* SlotPools.SlotPools
      const slots = Effect.map(worker.status, (status) => status.slots["sites"])
      yield* queue.enqueueMany(
        Fetch,
        Array.from({ length: 2600 }, () => 500)
      )
      yield* TestClock.adjust(1)
      assert.strictEqual((yield* worker.status).running.length, 2)
      for (let i = 0; i < 60; i++) yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* slots, 20)
      assert.deepStrictEqual(yield* pools.status, [{ group: "sites", min: 2, max: 20, slots: 20, reason: "holds" }])
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
            Layer.succeed(SlotPools.Sizing, {
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

  it("refuses bounds that are none", () => {
    assert.throws(() => Sluice.layerWorker({ slots: { network: { min: 5, max: 2 } } }), /from 5 to 2/)
    assert.throws(() => Sluice.layerWorker({ slots: { "*": { min: 1, max: 2 } } }), /named group/)
  })
})
