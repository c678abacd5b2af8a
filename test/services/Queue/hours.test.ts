import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Schema } from "effect"
import { TestClock } from "effect/testing"
import { parseHours } from "../../../src/services/Limits/index.ts"
import { ResourceGroup, Task } from "../../../src/services/Queue/index.ts"
import { startNode } from "../../support/queue/QueueNode.ts"
import { sharedMemory } from "../../support/queue/SharedMemory.ts"

const opens = Date.UTC(2026, 6, 1, 20)
const hour = 3_600_000

const Nightly = Task.make("nightly", {
  payload: Schema.String,
  group: ResourceGroup.make("nightly", 1, { policy: { hours: parseHours("22:00-22:05 Europe/Berlin") } }),
  retry: "none"
})

describe("the hours of a group", () => {
  it.effect("wake an idle worker when they begin, and let what runs end after them", () =>
    Effect.scoped(
      Effect.gen(function* () {
        yield* TestClock.setTime(opens - 60_000)
        const started: Array<string> = []
        const ended: Array<string> = []
        const handlers = Nightly.toLayer((name) =>
          Effect.gen(function* () {
            const now = yield* Clock.currentTimeMillis
            started.push(`${name} ${new Date(now).toISOString()}`)
            yield* Effect.sleep("4 minutes")
            ended.push(name)
          })
        )
        const { queue } = yield* startNode({
          store: yield* sharedMemory,
          handlers,
          // Nothing but the time of the opening brings the worker to look.
          settings: { pollInterval: Duration.days(2) },
          worker: { slots: { nightly: 1 } }
        })
        const [first, second, third] = yield* queue.enqueueMany(Nightly, ["first", "second", "third"])
        yield* TestClock.adjust("1 second")
        const closed = (opensAt: number) => ({ _tag: "GroupClosed" as const, group: "nightly", opensAt })
        assert.deepStrictEqual(yield* queue.explain(first!.id), closed(opens))
        yield* TestClock.adjust("2 minutes")
        assert.deepStrictEqual(started, ["first 2026-07-01T20:00:00.000Z"])
        yield* TestClock.adjust("4 minutes")
        assert.strictEqual(started.length, 2)
        yield* TestClock.adjust("5 minutes")
        assert.deepStrictEqual([started.length, ended], [2, ["first", "second"]])
        assert.deepStrictEqual(yield* queue.explain(third!.id), closed(opens + 24 * hour))
        assert.strictEqual((yield* queue.explain(second!.id))._tag, "Finished")
      })
    )
  )

  for (const [what, hours] of [
    ["an unknown zone", { windows: [{ days: ["mon"], from: "01:00", to: "02:00" }], timeZone: "Mars/Base" }],
    ["windows that never open", { windows: [], timeZone: "UTC" }],
    ["a text that is none", "at night"]
  ] as const)
    it(`refuse ${what} in a definition, in one line`, () => {
      assert.throws(() => ResourceGroup.make("g", 1, { policy: { hours: hours as never } }), /hours.*expected[^\n]*$/)
    })
})
