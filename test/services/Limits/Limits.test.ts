import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { parseHours } from "../../../src/services/Limits/policy/Hours.ts"
import { Limits, type TakeOptions } from "../../../src/services/Limits/Limits.ts"
import { ResourceGroup, type TaskQueue } from "../../../src/services/Queue/index.ts"
import * as Testing from "../../../src/testing/index.ts"

const api = ResourceGroup.make("api", 10, {
  policy: {
    rate: { limit: 10, perMs: 1_000, burst: 2 },
    keys: [{ keys: "customer-*", policy: { rate: { limit: 1, perMs: 1_000, burst: 1 } } }]
  }
})

const withApi = <A, E>(use: (limits: Limits["Service"]) => Effect.Effect<A, E, TaskQueue>) =>
  Effect.flatMap(Limits, (limits) => Effect.andThen(limits.declare(api), use(limits))).pipe(
    Effect.provide(Testing.layer(Layer.empty))
  )

const reasonOf = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.map(
    Effect.flip(effect),
    (error) => (error as unknown as { readonly reason: { readonly _tag: string } }).reason
  )

describe("units of a limit", () => {
  it.effect("are taken at once while there are some, and waited for after that, in the order of those who came", () =>
    withApi((limits) =>
      Effect.gen(function* () {
        const taken: Array<readonly [number, number]> = []
        const fibers = yield* Effect.forEach([0, 1, 2, 3, 4], (i) =>
          Effect.forkChild(
            Effect.andThen(
              limits.take("api"),
              Effect.map(Clock.currentTimeMillis, (at) => taken.push([i, at]))
            ),
            { startImmediately: true }
          )
        )
        yield* TestClock.adjust("1 second")
        yield* Fiber.joinAll(fibers)
        assert.deepStrictEqual(
          taken.map(([i]) => i),
          [0, 1, 2, 3, 4]
        )
        assert.deepStrictEqual(
          taken.map(([, at]) => at),
          [0, 0, 100, 200, 300]
        )
      })
    )
  )

  it.effect("are had by who asks or not at all, and when, is said", () =>
    withApi((limits) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* limits.tryTake("api", { cost: 2 }), { taken: true })
        assert.deepStrictEqual(yield* limits.tryTake("api"), { taken: false, retryAfterMs: 100 })
        assert.deepStrictEqual(yield* limits.tryTake("api", { key: "customer-1" }), { taken: true })
        assert.deepStrictEqual(yield* limits.tryTake("api", { key: "customer-1" }), {
          taken: false,
          retryAfterMs: 1_000
        })
        assert.deepStrictEqual(yield* limits.tryTake("api", { key: "customer-2" }), { taken: true })
      })
    )
  )

  it.effect("are not had outside of the hours of their limit: when it opens is said, and waited for", () =>
    withApi((limits) =>
      Effect.gen(function* () {
        const hour = 3_600_000
        yield* limits.declare(ResourceGroup.make("nightly", 1, { policy: { hours: parseHours("02:00-03:00 UTC") } }))
        assert.deepStrictEqual(yield* limits.tryTake("nightly"), {
          taken: false,
          retryAfterMs: 2 * hour,
          opensAt: 2 * hour
        })
        const waiting = yield* Effect.forkChild(limits.take("nightly"), { startImmediately: true })
        yield* TestClock.adjust(2 * hour - 1)
        assert.isUndefined(waiting.pollUnsafe())
        yield* TestClock.adjust(1)
        yield* Fiber.join(waiting)
        assert.deepStrictEqual(yield* limits.tryTake("nightly"), { taken: true })
      })
    )
  )

  it.effect("are not taken by who stops waiting, and the next in line has them", () =>
    withApi((limits) =>
      Effect.gen(function* () {
        yield* limits.take("api", { cost: 2 })
        const first = yield* Effect.forkChild(limits.take("api", { cost: 2 }), { startImmediately: true })
        const second = yield* Effect.forkChild(limits.take("api"), { startImmediately: true })
        yield* TestClock.adjust("50 millis")
        assert.strictEqual((yield* limits.tryTake("api"))?.taken, false)
        yield* Fiber.interrupt(first)
        yield* TestClock.adjust("50 millis")
        yield* Fiber.join(second)
        assert.deepStrictEqual(yield* limits.tryTake("api"), { taken: false, retryAfterMs: 100 })
      })
    )
  )

  it.effect("are there sooner when an operator raises the rate while somebody waits", () =>
    withApi((limits) =>
      Effect.gen(function* () {
        yield* limits.set("api", { policy: { rate: { limit: 1, perMs: 3_600_000, burst: 1 } } })
        yield* limits.take("api")
        const waiting = yield* Effect.forkChild(limits.take("api"), { startImmediately: true })
        yield* TestClock.adjust("1 minute")
        assert.isUndefined(waiting.pollUnsafe())
        yield* limits.set("api", { policy: {} })
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(waiting)
      })
    )
  )

  it.effect(
    "of a name that nobody knows are refused, with those that are known; and what is no name, key or cost",
    () =>
      withApi((limits) =>
        Effect.gen(function* () {
          const unknown = yield* Effect.flip(limits.take("apis"))
          assert.strictEqual(unknown._tag === "LimitError" && unknown.reason._tag, "LimitNotFound")
          assert.match(unknown.message, /^No limit is called "apis"; known are api, /)
          for (const refused of [
            limits.take("no name"),
            limits.take("api", { cost: 0 }),
            limits.tryTake("api", { cost: Number.NaN }),
            limits.tryTake("api", { key: "" }),
            limits.take("api", { costs: 1 } as TakeOptions),
            limits.set("api", { policy: { rate: { limit: 0, perMs: 1 } } }),
            limits.set("api", { policy: { keys: [{ keys: "*", tier: "gold" }] } }),
            limits.setKey("api", "customer-1", { order: "lifo" as "fifo" })
          ])
            assert.strictEqual((yield* reasonOf(refused as Effect.Effect<unknown, unknown>))._tag, "InvalidLimit")
          for (const refused of [
            limits.get("apis"),
            limits.remove("apis"),
            limits.pause("apis"),
            limits.setKey("apis", "k", null)
          ])
            assert.strictEqual((yield* reasonOf(refused as Effect.Effect<unknown, unknown>))._tag, "LimitNotFound")
        })
      )
  )
})

describe("what operators set", () => {
  it.effect("is in force over what is declared, until it is removed", () =>
    withApi((limits) =>
      Effect.gen(function* () {
        const policy = { rate: { limit: 3, perMs: 60_000 } }
        assert.deepInclude(yield* limits.set("api", { slots: 3, policy }), { limit: 3, policy })
        yield* limits.declare(api)
        assert.deepInclude(yield* limits.get("api"), {
          limit: 3,
          policy,
          operatorPolicy: policy,
          declaredPolicy: api.policy!
        })
        assert.deepInclude(yield* limits.remove("api"), { limit: 10, policy: api.policy!, operatorPolicy: undefined })
        assert.include(
          (yield* limits.list).map(({ name }) => name),
          "api"
        )
      })
    )
  )

  it.effect("for one key is listed with it, and paused keys and groups are", () =>
    withApi((limits) =>
      Effect.gen(function* () {
        yield* limits.setKey("api", "customer-1", { concurrency: 2 })
        yield* limits.pause("api", "customer-2")
        yield* limits.pause("api")
        const keys = yield* limits.keys({ group: "api" })
        assert.deepStrictEqual(
          keys.map(({ key, ownPolicy, paused }) => ({ key, ownPolicy, paused })),
          [
            { key: "customer-1", ownPolicy: { concurrency: 2 }, paused: false },
            { key: "customer-2", ownPolicy: undefined, paused: true }
          ]
        )
        assert.isTrue((yield* limits.get("api")).paused)
        yield* limits.resume("api")
        yield* limits.resume("api", "customer-2")
        assert.isFalse((yield* limits.get("api")).paused)
        yield* limits.setKey("api", "customer-1", null)
        assert.deepStrictEqual(yield* limits.keys({ group: "api" }), [])
      })
    )
  )
})

describe("a deployment", () => {
  it.effect("that declares a group without the policy of the one before has none; what operators set stays", () =>
    withApi((limits) =>
      Effect.gen(function* () {
        const plain = ResourceGroup.make("api", 10)
        yield* limits.declare(plain)
        const dropped = yield* limits.get("api")
        assert.deepStrictEqual([dropped.policy, dropped.declaredPolicy], [{}, {}])
        yield* limits.declare(api)
        const set = { rate: { limit: 1, perMs: 1_000 } }
        yield* limits.set("api", { policy: set })
        yield* limits.declare(plain)
        const kept = yield* limits.get("api")
        assert.deepStrictEqual([kept.policy, kept.declaredPolicy], [set, {}])
      })
    )
  )

  it.effect(
    "that only names a group, as all do with those that are there from the start, says nothing of its policy",
    () =>
      withApi((limits) =>
        Effect.gen(function* () {
          const policy = { rate: { limit: 1, perMs: 1_000 } }
          yield* limits.declare(ResourceGroup.make("network", 10, { policy }))
          for (const group of [ResourceGroup.network, ResourceGroup.undeclared("network")]) {
            yield* limits.declare(group)
            assert.deepStrictEqual((yield* limits.get("network")).policy, policy)
          }
        })
      )
  )
})
