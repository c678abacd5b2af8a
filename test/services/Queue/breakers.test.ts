import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Limits } from "../../../src/services/Limits/Limits.ts"
import { ResourceGroup, Task, TaskQueue } from "../../../src/services/Queue/index.ts"
import * as Testing from "../../../src/testing/index.ts"

const api = ResourceGroup.make("api", 4, {
  policy: { breaker: { share: 0.5, least: 4, windowMs: 60_000, openMs: 30_000 } }
})
const Call = Task.make("call", { payload: Schema.Int, group: api, retry: "none" })

describe("a circuit breaker", () => {
  it.effect("opens when jobs fail, spends no attempt of those that wait, probes, closes, and says so", () => {
    let isDown = true
    let calls = 0
    return Effect.gen(function* () {
      const queue = yield* TaskQueue
      const limits = yield* Limits
      const recorder = yield* Testing.recordEvents
      yield* queue.enqueueMany(Call, [1, 2, 3, 4])
      yield* TestClock.adjust("1 second")
      assert.strictEqual(calls, 4)
      const waiting = yield* queue.enqueueMany(Call, [5, 6, 7, 8, 9])
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual(calls, 4)
      const reason = yield* queue.explain(waiting[0]!.id)
      assert.deepInclude(reason, { _tag: "BreakerOpen", group: "api", key: undefined })
      assert.strictEqual((yield* waiting[0]!.status).attempt, 0)

      yield* TestClock.adjust("15 seconds")
      assert.strictEqual(calls, 5, "one probe, which failed: open again for twice as long")
      isDown = false
      yield* TestClock.adjust("50 seconds")
      assert.strictEqual(calls, 5)
      yield* TestClock.adjust("15 seconds")
      assert.strictEqual(calls, 9)
      assert.isUndefined((yield* limits.get("api")).feedback?.breaker?.opened || undefined)
      const told = (yield* recorder.all).filter(({ _tag }) => _tag.startsWith("Breaker")).map(({ _tag }) => _tag)
      assert.deepStrictEqual(told, [
        "BreakerOpened",
        "BreakerHalfOpen",
        "BreakerOpened",
        "BreakerHalfOpen",
        "BreakerClosed"
      ])
    }).pipe(
      Effect.scoped,
      Effect.provide(
        Testing.layer(
          Call.toLayer(() =>
            Effect.suspend(() => {
              calls++
              return isDown ? Effect.die("down") : Effect.void
            })
          )
        )
      )
    )
  })
})
