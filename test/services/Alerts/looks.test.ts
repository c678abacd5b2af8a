import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { AlertLayers, Alerts, AlertSettings } from "../../../src/services/Alerts/index.ts"
import { type JobStore, Sluice, Task, TaskQueue } from "../../../src/services/Queue/index.ts"

/** A process with alerts on a store of this test's own; what it logged. */
const withAlerts = <A, E>(
  test: (lines: Array<string>) => Effect.Effect<A, E, Alerts | TaskQueue | JobStore>,
  settings: Partial<AlertSettings.AlertSettings> = {}
) => {
  const lines: Array<string> = []
  const log = (line: string) => Effect.sync(() => void lines.push(line))
  return test(lines).pipe(
    Effect.provide(
      AlertLayers.layer.pipe(
        Layer.provideMerge(Sluice.layerMemory()),
        Layer.provide(Layer.succeed(AlertSettings.Settings, { ...AlertSettings.defaults, log, ...settings }))
      )
    )
  )
}

const Mail = Task.make("mail", { payload: Schema.Struct({ n: Schema.Int }), success: Schema.Void, group: "network" })

const lookFor = (time: Duration.Input) =>
  Effect.gen(function* () {
    const alerts = yield* Alerts
    for (let passed = 0; passed < Duration.toMillis(time); passed += 15_000) {
      yield* TestClock.adjust("15 seconds")
      yield* alerts.look("one")
    }
  })

describe("a look", () => {
  it.effect("fires when jobs wait that no worker serves, and resolves when they are gone", () =>
    withAlerts((lines) =>
      Effect.gen(function* () {
        const alerts = yield* Alerts
        const queue = yield* TaskQueue
        yield* TestClock.setTime(1_800_000_000_000)
        yield* queue.enqueue(Mail, { n: 1 })
        yield* lookFor("4 minutes")
        assert.deepStrictEqual(lines, [])
        const [pending] = (yield* alerts.overview).alerts
        assert.deepInclude(pending, { rule: "no-worker", subject: "mail", phase: "pending" })
        yield* lookFor("2 minutes")
        assert.deepStrictEqual(lines, [
          "critical alert: no-worker: task mail: 1 job pending and no living worker serves them (from 1 job); see docs/runbooks/no-worker.md"
        ])
        yield* queue.cancelWhere({})
        yield* lookFor("10 minutes")
        assert.deepStrictEqual(lines.slice(1), ["resolved: no-worker: task mail is well again"])
        const events = yield* alerts.history({ limit: 10 })
        assert.deepStrictEqual(
          events.map(({ alert }) => alert.status),
          ["resolved", "firing"]
        )
      })
    )
  )
})
