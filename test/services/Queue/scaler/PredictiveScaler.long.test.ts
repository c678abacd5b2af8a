import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { TestClock } from "effect/testing"
import { daily, dayMs, hourMs, loadOf, minuteMs, monday, recorded, targetIn } from "../../../support/scaler/Scenario.ts"

describe("a scaler of a daily load", () => {
  it.effect("know a day from the days before, follow its curve ahead of it, and keep each move with its reason", () =>
    Effect.gen(function* () {
      const { node, store } = yield* recorded(loadOf(daily), monday, monday + 2 * dayMs + 6 * hourMs + 10_000)
      const a = yield* node("a", { settings: { round: Duration.minutes(1) } })
      const { distrust, quality, seenTo, steps, total } = yield* a.scaler.predictLoad("mail", "1 hour")
      assert.strictEqual(distrust, undefined)
      assert.strictEqual(seenTo, monday + 2 * dayMs + 6 * hourMs)
      assert.strictEqual(steps.length, 61)
      for (const { arrivals, at, work } of steps) {
        assert.closeTo(arrivals.mean, daily(at), 0.1 * daily(at))
        assert.closeTo(work.mean, 2 * arrivals.mean, 0.05 * arrivals.mean)
        assert.isTrue(0 <= work.p05 && work.p05 <= work.p50 && work.p50 <= work.p90 && work.p90 <= work.p95)
      }
      const came = steps.reduce((sum, { at }) => sum + daily(at), 0)
      assert.closeTo(total.arrivals, came, 0.05 * came)
      assert.isBelow(quality.error!, quality.naiveError!)
      assert.isAbove(quality.accuracy!, 0.9)
      assert.isAbove(quality.noiseFloor!, 0)

      yield* a.scaler.set("mail", { mode: "on" })
      yield* TestClock.adjust(10 * minuteMs)
      for (let hour = 0; hour < 3; hour++) {
        for (let minute = 0; minute < 60; minute++) yield* TestClock.adjust(minuteMs)
        const erlangs = (daily(monday + 2 * dayMs + (7 + hour) * hourMs + 10 * minuteMs) / 60) * 2
        const target = (yield* targetIn(store))!
        assert.isAbove(target, erlangs)
        assert.isBelow(target, 2 * erlangs + 5)
      }
      const decisions = yield* a.scaler.decisions("mail")
      // One for each change, not one for each round.
      assert.isBelow(decisions.length, 80)
      const rising = decisions.filter(({ from, to }) => to > from)
      assert.isTrue(
        rising.every(({ reason }) => reason === "forecast" || reason === "reactive" || reason === "backlog")
      )
    })
  )
})
