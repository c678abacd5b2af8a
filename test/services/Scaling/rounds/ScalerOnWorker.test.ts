import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Metric, Schema } from "effect"
import { TestClock } from "effect/testing"
import { PredictiveScaler, Sluice, Task, TaskQueue, Worker } from "../../../../src/services/Queue/index.ts"
import * as Testing from "../../../../src/testing/index.ts"
import { store as wholeStore } from "../../../../src/services/Store/Store.ts"

const Send = Task.make("send", { payload: Schema.Int, group: { name: "mail", limit: 40 } })
let interrupted = 0
/** Each takes so many milliseconds as its payload says. */
const handlers = Send.toLayer((ms) => Effect.onInterrupt(Effect.sleep(ms), () => Effect.sync(() => interrupted++)))

const slotsOf = Effect.map(
  Worker.use((worker) => worker.status),
  ({ slots }) => slots["mail"]
)

/** Jobs of five seconds, so many each ten seconds. */
const load = (jobs: number, minutes: number) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    for (let i = 0; i < minutes * 6; i++) {
      if (jobs > 0) yield* queue.enqueueMany(Send, new Array<number>(jobs).fill(5000))
      yield* TestClock.adjust("10 seconds")
    }
  })

describe("a worker under the scaler", () => {
  it.effect("gets slots as the load asks, loses them when it is gone, and no job is interrupted", () =>
    Effect.gen(function* () {
      interrupted = 0
      const scaler = yield* PredictiveScaler
      const queue = yield* TaskQueue
      yield* scaler.set("mail", { mode: "on", minSlots: 1, holdDownMs: 60_000 })
      // Two jobs of five seconds in ten: one slot's work.
      yield* load(2, 6)
      const low = (yield* slotsOf)!
      assert.isAtMost(low, 12)
      assert.isAtLeast(low, 1)
      // Ten slots' work.
      yield* load(20, 6)
      const high = (yield* slotsOf)!
      assert.isAtLeast(high, 11)
      assert.isAtMost(high, 40)
      assert.isBelow((yield* queue.count({ states: ["pending"] })).count, 20)
      yield* load(0, 8)
      assert.isAtMost((yield* slotsOf)!, 3)
      assert.strictEqual((yield* queue.count({ states: ["completed"] })).count, 2 * 36 + 20 * 36)
      assert.strictEqual(interrupted, 0)

      yield* scaler.set("mail", { mode: "shadow" })
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* slotsOf, 40)
    }).pipe(Effect.provide(Sluice.layerScaler().pipe(Layer.provideMerge(Testing.layer(handlers)))))
  )

  it.effect("tells what it expects and decides in Effect's metric registry", () => {
    const registry = Layer.succeed(Metric.MetricRegistry, new Map())
    return Effect.gen(function* () {
      const scaler = yield* PredictiveScaler
      yield* scaler.set("mail", { mode: "on", minSlots: 1, holdDownMs: 60_000 })
      yield* load(2, 6)
      yield* load(20, 6)
      yield* load(0, 8)
      const found = (yield* Metric.snapshot).flatMap(({ attributes = {}, id, state }) =>
        attributes["group"] === "mail" && /forecast|scaler/.test(id)
          ? [{ id, attributes, value: "count" in state ? state.count : "value" in state ? state.value : undefined }]
          : []
      )
      const of = (name: string) => found.filter(({ id }) => id === `sluice_${name}`)
      assert.deepStrictEqual(
        of("scaler_desired_workers").map(({ attributes }) => attributes["mode"]),
        ["on"]
      )
      assert.strictEqual(of("scaler_slots")[0]?.value, yield* slotsOf)
      assert.lengthOf(of("scaler_bound_workers"), 2)
      assert.lengthOf(of("forecast_arrivals_per_second"), 2)
      // Known once there was something to measure.
      const { quality } = (yield* scaler.status).groups.find(({ group }) => group === "mail")!
      assert.strictEqual(of("forecast_error_ratio")[0]?.value, quality?.error)
      const directions = new Set(of("scaler_actions_total").map(({ attributes }) => attributes["direction"]))
      assert.deepStrictEqual([...directions].sort(), ["down", "up"])
    }).pipe(
      Effect.provide(
        Sluice.layerScaler().pipe(Layer.provideMerge(Testing.layer(handlers)), Layer.provideMerge(registry))
      )
    )
  })

  it.effect("takes its share of what is decided and decides nothing where it does not lead", () =>
    Effect.gen(function* () {
      const scaler = yield* PredictiveScaler
      const store = yield* wholeStore
      yield* scaler.set("mail", { mode: "on", minSlots: 12, maxSlots: 12 })
      yield* load(1, 3)
      assert.deepStrictEqual(yield* store.documents.all("scale-target"), [])
      assert.strictEqual(yield* slotsOf, 40)
      const target = { group: "mail", slots: 7, at: 0, tasks: [], reason: "forecast" }
      yield* store.documents.put("scale-target", "mail", JSON.stringify(target), { now: 0 })
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* slotsOf, 7)
      const { decision } = (yield* Worker.use(({ loads }) => loads)).find((load) => load.group === "mail")!
      assert.deepStrictEqual(decision.by, {
        source: "scaler",
        slots: 7,
        reason: "a share of 7 over all workers: forecast"
      })
    }).pipe(Effect.provide(Sluice.layerScaler({ leads: false }).pipe(Layer.provideMerge(Testing.layer(handlers)))))
  )

  it.effect("leaves to others what its total does not let it take", () =>
    Effect.gen(function* () {
      const store = yield* wholeStore
      const now = 0
      const other = yield* store.workers.join(
        { name: "other", host: "elsewhere", pid: 1, version: "0", slots: { mail: 40 }, tasks: ["send"] },
        { now, leaseMs: 3_600_000 }
      )
      const target = { group: "mail", slots: 12, at: 0, tasks: [], reason: "forecast" }
      yield* store.documents.put("scale-target", "mail", JSON.stringify(target), { now })
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual(yield* slotsOf, 2)
      yield* store.workers.leave(other, 20_000)
    }).pipe(
      Effect.provide(
        Sluice.layerScaler({ leads: false }).pipe(
          Layer.provideMerge(Testing.layer(handlers, { worker: { totalSlots: 2 } }))
        )
      )
    )
  )

  it.effect("keeps to what was declared for it, and leaves slots between bounds to their own decision", () =>
    Effect.gen(function* () {
      const scaler = yield* PredictiveScaler
      yield* scaler.set("mail", { mode: "on", minSlots: 12 })
      yield* TestClock.adjust("2 minutes")
      yield* load(1, 2)
      assert.strictEqual(yield* slotsOf, 3)
    }).pipe(
      Effect.provide(
        Sluice.layerScaler().pipe(Layer.provideMerge(Testing.layer(handlers, { worker: { slots: { mail: 3 } } })))
      )
    )
  )
})
