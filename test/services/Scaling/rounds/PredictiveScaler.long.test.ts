import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { TestClock } from "effect/testing"
import {
  daily,
  dayMs,
  hourMs,
  loadOf,
  minuteMs,
  monday,
  recorded,
  steady,
  targetIn
} from "../../../support/scaler/Scenario.ts"
import { poissonSeries } from "../policy/forecast/LoadSeries.ts"

describe("a scaler of a daily load", () => {
  it.effect(
    "knows a day from the days before, follows its curve ahead of it, and keeps each move with its reason",
    () =>
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

/** Poisson counts of minutes around a rate per minute, of `days` days and a week after them. */
const chanceOf = (seed: number, days: number, rate: (at: number) => number) => {
  const counts = poissonSeries(seed, ((days + 8) * dayMs) / minuteMs, (minute) => rate(monday + minute * minuteMs))
  return (at: number) => counts[(at - monday) / minuteMs] ?? 0
}
const shareOf = (at: number) => (at % dayMs) / dayMs
const bell = (at: number) => 2 + 20 * Math.exp(-(((shareOf(at) - 0.55) / 0.15) ** 2))
const sine = (at: number) => 8 + 6 * Math.sin(2 * Math.PI * shareOf(at))

describe("sums that are predicted", () => {
  for (const [name, rate] of Object.entries({ bell, sine })) {
    for (const days of [6, 13]) {
      it.effect(
        `over 4, 12 and 24 hours and a week are unbiased within 3 %: a ${name} each day, after ${days} days`,
        () =>
          Effect.gen(function* () {
            const arrivals = chanceOf(days, days, rate)
            const start = monday + days * dayMs
            const { node } = yield* recorded(loadOf(arrivals), monday, start + 10_000)
            const { scaler } = yield* node("a")
            const came = (from: number, to: number) => {
              let sum = 0
              for (let at = from; at < to; at += minuteMs) sum += arrivals(at)
              return sum
            }
            const usual = (from: number, to: number) => {
              let sum = 0
              for (let at = from; at < to; at += minuteMs) {
                const before: Array<number> = []
                for (let day = at - dayMs; day >= monday; day -= dayMs) if (day < start) before.push(arrivals(day))
                sum += before.reduce((a, b) => a + b, 0) / before.length
              }
              return sum
            }
            const scores = [4, 12, 24].map((hours) => ({ hours, said: 0, came: 0, off: 0, usualOff: 0, within: 0 }))
            const origins = 12
            for (let i = 0; i < origins; i++) {
              const now = start + Math.round((i * 24 * hourMs) / origins / minuteMs) * minuteMs + 10_000
              yield* TestClock.setTime(now)
              for (const each of scores) {
                const { quality, steps, total } = yield* scaler.predictLoad("mail", Duration.hours(each.hours))
                const [from, to] = [steps[0]!.at, steps.at(-1)!.at + minuteMs]
                assert.closeTo(
                  total.arrivals,
                  steps.reduce((sum, { arrivals }) => sum + arrivals.expected, 0),
                  1e-6 * total.arrivals
                )
                assert.isAtMost(Math.abs(quality.horizonMs - each.hours * hourMs), 2 * minuteMs)
                assert.isDefined(quality.accuracy)
                const actual = came(from, to)
                each.said += total.arrivals
                each.came += actual
                each.off += Math.abs(total.arrivals - actual)
                each.usualOff += Math.abs(usual(from, to) - actual)
                if (actual >= total.arrivalsWithin.p05 && actual <= total.arrivalsWithin.p95) each.within++
              }
            }
            for (const { came, hours, off, said, usualOff } of scores) {
              assert.isAtMost(Math.abs(said / came - 1), 0.03, `${hours} h`)
              assert.isAtMost(off, 1.1 * usualOff + 0.005 * came, `${hours} h`)
            }
            // Windows that begin two hours apart overlap: what misses one misses its neighbours, so the three horizons
            // are counted together.
            const within = scores.reduce((sum, each) => sum + each.within, 0)
            assert.isAtLeast(within, 0.75 * scores.length * origins)

            yield* scaler.set("mail", { stepMs: 3_600_000 })
            const week = yield* scaler.predictLoad("mail", "7 days")
            const [from, to] = [week.steps[0]!.at, week.steps.at(-1)!.at + hourMs]
            assert.isAtMost(
              Math.abs(week.total.arrivals / came(from, Math.min(to, monday + (days + 8) * dayMs)) - 1),
              0.03
            )
          })
      )
    }
  }
})

describe("learning from patterns", () => {
  it.effect("lists what recurs, when it comes next, and forgets it when it no longer does", () =>
    Effect.gen(function* () {
      const weeks = 4
      const until = monday + weeks * 7 * dayMs + 10_000
      const load = loadOf((at) => (new Date(at).getUTCDay() === 1 && new Date(at).getUTCHours() === 9 ? 30 : 10))
      const { node } = yield* recorded(load, monday, until)
      const { scaler } = yield* node("a")
      yield* scaler.set("mail", { stepMs: 3_600_000 })
      assert.deepStrictEqual(yield* scaler.patterns(), [])
      yield* scaler.learnFromPatterns
      const [pattern, ...others] = yield* scaler.patterns("mail")
      assert.deepStrictEqual(others, [])
      assert.deepInclude(pattern, {
        group: "mail",
        period: "week",
        cron: "0 9 * * 1",
        timeZone: "UTC",
        seen: weeks,
        chances: weeks,
        next: monday + weeks * 7 * dayMs + 9 * hourMs
      })
      assert.closeTo(pattern!.factor, 3, 0.01)
      assert.closeTo(pattern!.extra, 20 * 60, 1)

      load.arrivals = steady
      yield* scaler.learnFromPatterns
      assert.deepStrictEqual(yield* scaler.patterns(), [])
    })
  )

  it.effect("is done by the leader each night", () =>
    Effect.gen(function* () {
      const { node, store } = yield* recorded(
        loadOf((at) => (new Date(at).getUTCHours() === 1 ? 60 : 5)),
        monday,
        monday + 6 * dayMs + 10_000
      )
      const { scaler } = yield* node("a", { settings: { round: Duration.minutes(10) } })
      yield* scaler.set("mail", { stepMs: 3_600_000 })
      yield* TestClock.adjust("2 hours")
      assert.deepStrictEqual(yield* scaler.patterns(), [])
      yield* TestClock.adjust("26 hours")
      const [pattern] = yield* scaler.patterns()
      assert.deepInclude(pattern, { period: "day", cron: "0 1 * * *" })
      assert.strictEqual((yield* store.documents.all("scale-pattern")).length, 1)
    })
  )
})
