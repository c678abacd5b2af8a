import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import { TestClock } from "effect/testing"
import {
  ActuatorError,
  ActuatorThrottled,
  ActuatorUnreachable,
  type GroupTarget
} from "../../../../src/services/Scaling/act/Actuator.ts"
import * as ScaleRequests from "../../../../src/services/Scaling/act/ScaleRequests.ts"

const target = (group: string, desired: number): GroupTarget => ({
  group,
  desired,
  current: 1,
  reason: "load",
  decidedAt: 0
})

const unreachable = new ActuatorError({ actuator: "test", reason: new ActuatorUnreachable({ message: "no answer" }) })

/** Lets forked fibers run as far as they get without time passing. */
const settle = TestClock.adjust(0)

describe("orders", () => {
  it.effect("are carried out once, however often they are placed", () =>
    Effect.gen(function* () {
      const calls: Array<number> = []
      const { place } = yield* ScaleRequests.make({
        actuator: "test",
        carryOut: ({ desired }) => Effect.sync(() => void calls.push(desired))
      })
      assert.strictEqual((yield* place([target("a", 3)]))[0]!.state, "underway")
      yield* settle
      for (let i = 0; i < 3; i++) assert.strictEqual((yield* place([target("a", 3)]))[0]!.state, "settled")
      assert.deepStrictEqual(calls, [3])
      yield* place([target("a", 2)])
      yield* settle
      assert.deepStrictEqual(calls, [3, 2])
    })
  )

  it.effect("never wait for the work, run one at a time per group, and only the latest counts", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const calls: Array<number> = []
      let running = 0
      const { place } = yield* ScaleRequests.make({
        actuator: "test",
        carryOut: ({ desired }) =>
          Effect.gen(function* () {
            calls.push(desired)
            assert.strictEqual(++running, 1)
            yield* Deferred.await(gate)
            running--
          })
      })
      yield* place([target("a", 1)])
      yield* settle
      for (const desired of [2, 3, 4]) yield* place([target("a", desired)])
      yield* settle
      assert.deepStrictEqual(calls, [1])
      yield* Deferred.succeed(gate, undefined)
      yield* settle
      assert.deepStrictEqual(calls, [1, 4])
      assert.deepInclude((yield* place([target("a", 4)]))[0]!, { state: "settled", desired: 4 })
    })
  )

  it.effect("that fail are tried again, later each time and at most a minute apart, and say why meanwhile", () =>
    Effect.gen(function* () {
      let calls = 0
      let broken = true
      const { place } = yield* ScaleRequests.make({
        actuator: "test",
        carryOut: () =>
          Effect.suspend(() => {
            calls++
            return broken ? Effect.fail(unreachable) : Effect.void
          })
      })
      yield* place([target("a", 5)])
      yield* settle
      assert.deepInclude((yield* place([target("a", 5)]))[0]!, { state: "failing", tries: 1, failure: unreachable })
      assert.strictEqual(calls, 1)
      // 1 + 2 + 4 … + 60 s, each give or take a fifth.
      yield* TestClock.adjust("15 minutes")
      assert.isAtLeast(calls, 15)
      assert.isAtMost(calls, 26)
      broken = false
      yield* TestClock.adjust("72 seconds")
      const [order] = yield* place([target("a", 5)])
      assert.deepInclude(order!, { state: "settled", failure: undefined })
    })
  )

  it.effect("wait as long as they are asked to, also when a new one comes", () =>
    Effect.gen(function* () {
      let calls = 0
      const throttled = new ActuatorError({
        actuator: "test",
        reason: new ActuatorThrottled({ message: "slow down", retryAfterMs: 30_000 })
      })
      const { place } = yield* ScaleRequests.make({
        actuator: "test",
        carryOut: () => Effect.suspend(() => (calls++ === 0 ? Effect.fail(throttled) : Effect.void))
      })
      yield* place([target("a", 1)])
      yield* TestClock.adjust("29 seconds")
      yield* place([target("a", 2)])
      yield* settle
      assert.strictEqual(calls, 1)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(calls, 2)
      assert.strictEqual((yield* place([target("a", 2)]))[0]!.state, "settled")
    })
  )

  it.effect("of one group do not hold up those of another, and only so many run at once", () =>
    Effect.gen(function* () {
      const never = yield* Deferred.make<void>()
      let running = 0
      let most = 0
      const { place } = yield* ScaleRequests.make({
        actuator: "test",
        concurrency: 2,
        carryOut: ({ group }) =>
          Effect.gen(function* () {
            most = Math.max(most, ++running)
            if (group === "slow") yield* Deferred.await(never)
            else yield* Effect.sleep("1 second")
            running--
          })
      })
      yield* place([target("slow", 1), ...["a", "b", "c"].map((group) => target(group, 1))])
      yield* TestClock.adjust("3 seconds")
      const states = yield* place([target("slow", 1), ...["a", "b", "c"].map((group) => target(group, 1))])
      assert.deepStrictEqual(
        states.map(({ state }) => state),
        ["underway", "settled", "settled", "settled"]
      )
      assert.strictEqual(most, 2)
    })
  )

  it.effect("survive a defect of the actuator", () =>
    Effect.gen(function* () {
      let calls = 0
      const { place } = yield* ScaleRequests.make({
        actuator: "test",
        carryOut: () => Effect.suspend(() => (calls++ === 0 ? Effect.die("bug") : Effect.void))
      })
      yield* place([target("a", 1)])
      yield* settle
      assert.strictEqual((yield* place([target("a", 1)]))[0]!.failure?.reason._tag, "ActuatorFailed")
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* place([target("a", 1)]))[0]!.state, "settled")
    })
  )

  it.effect("are repeated after the set time when they are placed again", () =>
    Effect.gen(function* () {
      let calls = 0
      const { place } = yield* ScaleRequests.make({
        actuator: "test",
        carryOut: () => Effect.sync(() => void calls++),
        repeatAfterMs: 30_000
      })
      yield* place([target("a", 1)])
      yield* TestClock.adjust("29 seconds")
      yield* place([target("a", 1)])
      yield* settle
      assert.strictEqual(calls, 1)
      yield* TestClock.adjust("1 second")
      yield* place([target("a", 1)])
      yield* settle
      assert.strictEqual(calls, 2)
    })
  )
})
