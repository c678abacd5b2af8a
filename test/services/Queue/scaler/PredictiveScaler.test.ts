import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { PredictiveScaler, Sluice, Task, TaskQueue } from "../../../../src/services/Queue/index.ts"
import * as Testing from "../../../../src/testing/index.ts"

const Send = Task.make("send", { payload: Schema.Int, group: { name: "mail", limit: 40 } })
/** Each takes so many milliseconds as its payload says. */
const handlers = Send.toLayer((ms) => Effect.sleep(ms))

const layer = Sluice.layerScaler().pipe(Layer.provideMerge(Testing.layer(handlers)))

const minuteMs = 60_000

/** So many jobs at the start of each minute. */
const minutes = (counts: ReadonlyArray<number>, serviceMs: number) =>
  Effect.gen(function* () {
    const queue = yield* TaskQueue
    for (const count of counts) {
      if (count > 0) yield* queue.enqueueMany(Send, new Array<number>(count).fill(serviceMs))
      yield* TestClock.adjust(minuteMs)
    }
  })

describe("the scaler", () => {
  it.effect("predicts arrivals and work of a steady load", () =>
    Effect.gen(function* () {
      const scaler = yield* PredictiveScaler
      yield* minutes(new Array<number>(120).fill(30), 2000)
      yield* TestClock.adjust(10_000)
      const prediction = yield* scaler.predictLoad("mail", "10 minutes")
      assert.strictEqual(prediction.steps.length, 11)
      for (const { arrivals, work } of prediction.steps) {
        assert.closeTo(arrivals.mean, 30, 3)
        assert.closeTo(work.mean, 60, 8)
        assert.isAtMost(arrivals.p05, arrivals.mean)
        assert.isAtLeast(work.p95, work.mean)
      }
      assert.closeTo(prediction.service.meanMs, 2000, 50)
    }).pipe(Effect.provide(layer))
  )
})
