import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit } from "effect"
import { TestClock } from "effect/testing"
import { StoreError, StoreUnavailable } from "../../../../src/services/Store/StoreError.ts"
import { startScalingNode } from "../../../support/scaler/ScalingNode.ts"
import {
  daily,
  hourMs,
  hoursOf,
  loadOf,
  minuteMs,
  monday,
  pass,
  past,
  recorded,
  statusOf,
  steady,
  targetIn
} from "../../../support/scaler/Scenario.ts"

describe("predictions", () => {
  it.effect("are cold and zero for a group nobody has seen, and refuse a horizon beyond a day of steps", () =>
    Effect.gen(function* () {
      const { node } = yield* hoursOf(loadOf(steady))
      const { scaler } = yield* node("a")
      const unseen = yield* scaler.predictLoad("unheard-of", "5 minutes")
      assert.strictEqual(unseen.distrust, "cold")
      assert.strictEqual(unseen.total.arrivals, 0)
      const refused = yield* Effect.flip(scaler.predictLoad("mail", "2 days"))
      assert.match(refused.message, /at most 1440 steps.*expected 1 ms to 1 d/)
    })
  )

  it.effect("carry an operator's event, in part where it begins within a step", () =>
    Effect.gen(function* () {
      const { node } = yield* hoursOf(loadOf(steady))
      const { scaler } = yield* node("a")
      const from = monday + past + 10 * minuteMs + 30_000
      yield* scaler.putEvent({
        id: "sale",
        group: "mail",
        when: { _tag: "Once", from, to: from + 5 * minuteMs },
        load: { _tag: "Factor", factor: 5 },
        note: "the sale begins"
      })
      const { steps } = yield* scaler.predictLoad("mail", "20 minutes")
      const arrivals = (minute: number) => steps.find(({ at }) => at === monday + past + minute * minuteMs)!
      assert.closeTo(arrivals(9).arrivals.mean, 120, 6)
      assert.closeTo(arrivals(10).arrivals.mean, 360, 18)
      assert.closeTo(arrivals(11).arrivals.mean, 600, 30)
      assert.strictEqual(arrivals(11).event, "sale")
      assert.strictEqual(arrivals(16).event, undefined)
      assert.isTrue(yield* scaler.removeEvent("sale"))
      assert.isFalse(yield* scaler.removeEvent("sale"))
      const wrong = yield* Effect.flip(
        scaler.putEvent({
          id: "x",
          group: "*",
          when: { _tag: "Recurring", cron: "61 * * * *", timeZone: "UTC", durationMs: 60_000 },
          load: { _tag: "Arrivals", perMinute: 5 },
          note: ""
        })
      )
      assert.match(wrong.message, /expected five cron fields/)
    })
  )

  it.effect("refuse an event that never comes, and one that comes again before it has ended", () =>
    Effect.gen(function* () {
      const { node, store } = yield* hoursOf(loadOf(steady, { running: 4 }))
      const { scaler } = yield* node("a")
      const event = (cron: string, more: object = {}) => ({
        id: "x",
        group: "mail",
        when: { _tag: "Recurring" as const, cron, timeZone: "UTC", durationMs: 60_000 },
        load: { _tag: "Arrivals" as const, perMinute: 5 },
        note: "",
        ...more
      })
      const once = { _tag: "Once" as const, from: 1, to: 8.64e15 + 2 }
      for (const [given, message] of [
        [event("0 0 30 2 *"), /never comes in "UTC": no calendar has such a day/],
        [event("0 0 31 4,6,9,11 *"), /never comes in "UTC": no calendar has such a day/],
        [event("0 0 0 29 2 *"), /never comes in "UTC": its fields are not five/],
        [
          event("* * * * *", { when: { ...event("* * * * *").when, durationMs: 86_400_000 } }),
          /comes again after 1 min/
        ],
        [event("0 0 1 1 *", { when: once }), /is not what ScaleEvent describes/],
        [event("0 0 1 1 *", { group: "no group" }), /is not what ScaleEvent describes/],
        [event("0 0 1 1 *", { colour: "red" }), /is not what ScaleEvent describes/],
        [null as never, /event null is not what ScaleEvent describes/]
      ] as const) {
        const refused = yield* Effect.flip(scaler.putEvent(given))
        assert.strictEqual(refused._tag, "ScaleInvalid")
        assert.match(refused.message, message)
        assert.notInclude(refused.message, "\n")
      }
      assert.deepStrictEqual(yield* scaler.events, [])
      yield* scaler.putEvent(event("0 0 29 2 *"))
      yield* scaler.putEvent(event("0 0 30 2 1", { id: "mondays" }))
      // An older version took it; the groups' round goes on, and it counts for nothing.
      yield* store.documents.put("scale-event", "never", JSON.stringify(event("0 0 30 2 *", { id: "never" })), {
        now: 0
      })
      yield* pass(12 * minuteMs)
      assert.isNotEmpty(yield* scaler.decisions("mail"))
      yield* scaler.predictLoad("mail", "20 minutes")
    })
  )

  it.effect("take horizons, groups and numbers that are some", () =>
    Effect.gen(function* () {
      const { node } = yield* hoursOf(loadOf(steady))
      const { scaler } = yield* node("a")
      for (const horizon of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, "soon" as never]) {
        const refused = yield* Effect.flip(scaler.predictLoad("mail", horizon))
        assert.match(refused.message, /^horizon \(at most 1440 steps\) is /)
      }
      for (const group of ["", "no group", null as never])
        assert.match((yield* Effect.flip(scaler.predictLoad(group, "1 minute"))).message, /^group is /)
      for (const seq of [Number.NaN, 2 ** 53, 1.5])
        assert.strictEqual((yield* Effect.flip(scaler.explain(seq)))._tag, "DecisionNotFound")
      assert.match((yield* Effect.flip(scaler.backtest("mail", { steps: 1e300 }))).message, /a backtest of/)
      assert.isEmpty(yield* scaler.decisions("mail", { limit: Number.NaN, before: Number.NaN }))
    })
  )
})

describe("rounds", () => {
  it.effect("in shadow decide and log, and move nothing", () =>
    Effect.gen(function* () {
      const { node, store } = yield* hoursOf(loadOf(steady, { running: 4 }))
      const a = yield* node("a")
      yield* pass(12 * minuteMs)
      const status = yield* statusOf(a)
      assert.isAtLeast(status.target!, 5)
      assert.isAtMost(status.target!, 20)
      assert.isNotEmpty(yield* a.scaler.decisions("mail"))
      assert.deepStrictEqual(a.given, [])
      assert.deepStrictEqual(yield* store.documents.all("scale-target"), [])
    })
  )

  it.effect("when on move slots, within bounds and limit, and give them back when no longer on", () =>
    Effect.gen(function* () {
      const load = loadOf(steady, { running: 4 })
      const { node, store } = yield* hoursOf(load)
      const a = yield* node("a")
      const b = yield* node("b", { declared: 3 })
      yield* a.scaler.set("mail", { mode: "on", minSlots: 2, maxSlots: 9 })
      yield* pass(12 * minuteMs)
      const target = (yield* targetIn(store))!
      assert.isAtLeast(target, 5)
      assert.isAtMost(target, 9)
      // b declared three, so a has the rest.
      assert.strictEqual(b.given.at(-1), Math.min(3, Math.ceil(target / 2)))
      assert.strictEqual(a.given.at(-1)! + b.given.at(-1)!, target)

      load.pending = 5000
      yield* pass(minuteMs)
      assert.strictEqual(yield* targetIn(store), 9)
      load.pending = 0

      yield* a.scaler.set("mail", { mode: "shadow" })
      yield* pass(minuteMs)
      assert.deepStrictEqual(yield* store.documents.all("scale-target"), [])
      assert.strictEqual(a.given.at(-1), undefined)
      assert.strictEqual(b.given.at(-1), undefined)
    })
  )

  it.effect("order slots before an operator's event begins", () =>
    Effect.gen(function* () {
      const { node } = yield* hoursOf(loadOf(steady, { running: 4 }))
      const a = yield* node("a")
      yield* pass(10 * minuteMs)
      const before = (yield* statusOf(a)).target!
      const from = monday + past + 15 * minuteMs
      yield* a.scaler.putEvent({
        id: "sale",
        group: "*",
        when: { _tag: "Recurring", cron: "45 1 * * 1", timeZone: "UTC", durationMs: 10 * minuteMs },
        load: { _tag: "Arrivals", perMinute: 1200 },
        note: ""
      })
      yield* pass(from - minuteMs - (monday + past + 10_000 + 10 * minuteMs))
      const during = (yield* statusOf(a)).target!
      assert.isBelow(before, 20)
      assert.isAtLeast(during, 40)
      assert.strictEqual((yield* a.scaler.decisions("mail", { limit: 1 }))[0]!.reason, "event")
    })
  )

  it.effect("are not held for a group that is off", () =>
    Effect.gen(function* () {
      const { node } = yield* hoursOf(loadOf(steady, { running: 4 }))
      const a = yield* node("a")
      yield* a.scaler.set("*", { mode: "off" })
      yield* pass(10 * minuteMs)
      assert.isEmpty(yield* a.scaler.decisions("mail"))
      assert.strictEqual((yield* statusOf(a)).target, undefined)
      assert.isEmpty(yield* a.scaler.recommendation)
    })
  )
})

describe("leaders", () => {
  it.effect("that are killed are followed by one that goes on without a jump", () =>
    Effect.gen(function* () {
      const { node, store } = yield* hoursOf(loadOf(steady, { running: 4 }))
      const a = yield* node("a")
      yield* a.scaler.set("mail", { mode: "on" })
      yield* pass(12 * minuteMs)
      const b = yield* node("b")
      assert.strictEqual((yield* b.scaler.status).leader!.name, "a")
      const before = yield* targetIn(store)
      const said = yield* a.scaler.predictLoad("mail", "10 minutes")
      a.kill()
      yield* pass(90_000)
      const status = yield* b.scaler.status
      assert.strictEqual(status.leader!.name, "b")
      assert.closeTo((yield* targetIn(store))!, before!, 1)
      const says = yield* b.scaler.predictLoad("mail", "10 minutes")
      assert.closeTo(says.total.arrivals / says.steps.length, said.total.arrivals / said.steps.length, 1)
      assert.strictEqual(says.quality.steps, said.quality.steps + 1)
    })
  )

  it.effect("that stop leave their forecasts behind, and the next goes on exactly where they were", () =>
    Effect.gen(function* () {
      const { node, store } = yield* hoursOf(loadOf(steady))
      const a = yield* node("a")
      yield* pass(minuteMs)
      const said = yield* a.scaler.predictLoad("mail", "10 minutes")
      yield* a.stop
      const [document] = yield* store.documents.all("forecast-state")
      assert.strictEqual(document!.key, "mail")
      const b = yield* node("b")
      assert.deepStrictEqual(yield* b.scaler.predictLoad("mail", "10 minutes"), said)

      // One that cannot be read is made anew from the roll-ups.
      yield* store.documents.put("forecast-state", "mail", "{}", { now: monday })
      const c = yield* node("c")
      assert.deepStrictEqual(yield* c.scaler.predictLoad("mail", "10 minutes"), said)
    })
  )

  it.effect("go on after a save whose answer was lost", () =>
    Effect.gen(function* () {
      const { store } = yield* hoursOf(loadOf(steady))
      let saves = 0
      const node = yield* startScalingNode({
        store: {
          ...store,
          documents: {
            ...store.documents,
            put: (kind, key, text, options) => {
              const put = store.documents.put(kind, key, text, options)
              const lost = new StoreError({
                operation: "putDocument",
                reason: new StoreUnavailable({ message: "no answer" })
              })
              return kind === "forecast-state" && saves++ === 0 ? Effect.andThen(put, Effect.fail(lost)) : put
            }
          }
        },
        name: "a",
        tasks: ["send"],
        group: "mail",
        slots: 100,
        settings: { save: Duration.minutes(2) }
      })
      yield* pass(20 * minuteMs)
      assert.isAtLeast((yield* statusOf(node)).quality!.steps, 105)
      assert.isAbove(saves, 5)
      const [document] = yield* store.documents.all("forecast-state")
      assert.isAtLeast(document!.at, monday + past + 15 * minuteMs)
    })
  )

  it.effect("are one at a time, however many processes there are", () =>
    Effect.gen(function* () {
      const { node, store } = yield* hoursOf(loadOf(steady, { running: 4 }))
      const nodes = [yield* node("a"), yield* node("b"), yield* node("c")]
      yield* pass(9 * minuteMs)
      const decisions = yield* store.documents.journal("scale-decision", { limit: 1000 })
      const times = decisions.map(({ at }) => at)
      assert.deepStrictEqual(
        times,
        times.toSorted((x, y) => y - x)
      )
      let from = 100
      for (const { text } of decisions.toReversed()) {
        const decision = JSON.parse(text)
        assert.strictEqual(decision.from, from)
        from = decision.to
      }
      assert.strictEqual((yield* statusOf(nodes[2]!)).target, from)
      const newest = (yield* nodes[1]!.scaler.decisions("mail", { limit: 1 }))[0]!
      const { decision, lines } = yield* nodes[1]!.scaler.explain(newest.seq)
      assert.deepStrictEqual(decision, newest)
      assert.match(lines.join("\n"), /needs: forecast/)
      assert.strictEqual((yield* Effect.flip(nodes[1]!.scaler.explain(1e9)))._tag, "DecisionNotFound")
    })
  )
})

describe("faults", () => {
  it.effect("of one event or one group's state end no round of the others", () =>
    Effect.gen(function* () {
      const { node, store } = yield* hoursOf(loadOf(steady, { running: 4 }))
      const never = {
        id: "never",
        group: "*",
        when: { _tag: "Recurring", cron: "0 0 30 2 *", timeZone: "UTC", durationMs: 60_000 },
        load: { _tag: "Factor", factor: 5 },
        note: "30 February"
      } as const
      // Stored by an older Sluice; beside it what nobody can read.
      yield* store.documents.put("scale-event", never.id, JSON.stringify(never), { now: monday })
      for (const kind of ["scale-event", "scale-settings", "scale-target", "forecast-state", "scale-leader"])
        for (const [key, text] of Object.entries({ mail: "{", other: "null", worse: '{"group":5}' }))
          yield* store.documents.put(kind, key, text, { now: monday })
      const a = yield* node("a")
      assert.match((yield* Effect.flip(a.scaler.putEvent(never))).message, /"0 0 30 2 \*", which never comes/)
      yield* pass(12 * minuteMs)
      const status = yield* statusOf(a)
      assert.isAtLeast(status.target!, 5)
      assert.isNotEmpty(yield* a.scaler.decisions("mail"))
    })
  )

  it.effect("of the store leave the targets as they are, and are told of", () =>
    Effect.gen(function* () {
      let isFrozen = false
      const load = loadOf(steady, { running: 4 })
      const { node, store } = yield* hoursOf(load)
      const a = yield* node("a", { fate: () => (isFrozen ? "hangAndRefuse" : "answer") })
      yield* a.scaler.set("mail", { mode: "on" })
      yield* pass(10 * minuteMs)
      const target = yield* targetIn(store)
      const given = a.given.length
      isFrozen = true
      load.pending = 3000
      yield* pass(5 * minuteMs)
      assert.strictEqual(yield* targetIn(store), target)
      assert.strictEqual(a.given.length, given)
      isFrozen = false
      const { frozen } = yield* a.scaler.status
      assert.match(frozen!.why, /did not/)
      assert.isBelow(frozen!.since, monday + past + 12 * minuteMs)
      yield* pass(minuteMs)
      assert.strictEqual((yield* a.scaler.status).frozen, undefined)
      assert.isAbove((yield* targetIn(store))!, target!)
      const told = (yield* a.scaler.decisions("mail")).filter(({ text }) => text.includes("; held for"))
      assert.strictEqual(told.length, 1)
    })
  )

  it.effect("of the clock count no step twice and make none up", () =>
    Effect.gen(function* () {
      const { node } = yield* hoursOf(loadOf((at) => (at < monday + past + hourMs ? 120 : undefined)))
      const a = yield* node("a")
      const now = monday + past + 10_000
      const first = yield* a.scaler.predictLoad("mail", "5 minutes")
      assert.strictEqual(first.quality.steps, 90)

      a.skew(-30 * minuteMs)
      const back = yield* a.scaler.predictLoad("mail", "5 minutes")
      assert.strictEqual(back.seenTo, monday + past)
      assert.strictEqual(back.quality.steps, 90)
      assert.strictEqual(back.distrust, "stale")

      yield* TestClock.setTime(now + 31 * minuteMs)
      const passed = yield* a.scaler.predictLoad("mail", "5 minutes")
      assert.strictEqual(passed.seenTo, monday + past + minuteMs)
      assert.strictEqual(passed.quality.steps, 91)
      assert.strictEqual(passed.distrust, undefined)

      // Two hours ahead: one of them was recorded, the other is missing rather than empty.
      a.skew(0)
      yield* TestClock.setTime(now + 2 * hourMs)
      const ahead = yield* a.scaler.predictLoad("mail", "5 minutes")
      assert.strictEqual(ahead.seenTo, monday + past + 2 * hourMs)
      assert.strictEqual(ahead.quality.steps, 150)
      assert.closeTo(ahead.steps[0]!.arrivals.mean, 120, 12)
    })
  )
})

describe("settings", () => {
  it.effect("come from the group, every group, or the defaults, and say which", () =>
    Effect.gen(function* () {
      const { node } = yield* hoursOf(loadOf(steady))
      const { scaler } = yield* node("a")
      yield* scaler.set("*", { minSlots: 3 })
      const set = yield* scaler.set("mail", { quantile: 0.95 })
      assert.strictEqual(set.settings.minSlots, 3)
      assert.deepStrictEqual([set.from.quantile, set.from.minSlots, set.from.mode], ["group", "every group", "default"])
      const back = yield* scaler.set("mail", { quantile: undefined })
      assert.strictEqual(back.settings.quantile, null)
      const all = yield* scaler.settings
      assert.includeMembers(
        all.map(({ group }) => group),
        ["*", "mail"]
      )
    })
  )

  it.effect("out of range are refused by name, and change nothing", () =>
    Effect.gen(function* () {
      const { node, store } = yield* hoursOf(loadOf(steady))
      const { scaler } = yield* node("a")
      const refusal = (change: object) =>
        Effect.map(Effect.exit(scaler.set("mail", change)), (exit) => {
          assert.isTrue(Exit.isFailure(exit))
          return Exit.isFailure(exit) ? String(exit.cause) : ""
        })
      assert.match(yield* refusal({ quantile: 2 }), /quantile is 2/)
      assert.match(yield* refusal({ minSlots: 5, maxSlots: 2 }), /slots from 5 to 2/)
      assert.match(yield* refusal({ timeZone: "Nowhere/Land" }), /expected an IANA name/)
      assert.match(yield* refusal({ colour: "red" }), /"colour" is no field of the scaler's settings/)
      assert.deepStrictEqual(yield* store.documents.all("scale-settings"), [])
    })
  )
})

describe("backtests", () => {
  it.effect("tell what would have been forecast", () =>
    Effect.gen(function* () {
      const { node } = yield* recorded(loadOf(daily), monday, monday + 8 * hourMs + 10_000)
      const { scaler } = yield* node("a")
      const { missing, quality, scored, series } = yield* scaler.backtest("mail", { steps: 120, ahead: 10 })
      assert.strictEqual(scored, 120)
      assert.strictEqual(missing, 0)
      assert.strictEqual(series.length, 120)
      for (const { actual, at } of series) assert.strictEqual(actual, daily(at))
      assert.isAbove(quality.accuracy!, 0.9)
      assert.isAbove(quality.coverage!, 0.5)
    })
  )
})

describe("learning from patterns", () => {
  it.effect("takes a forecast made anew when the served one is of a clock that was ahead", () =>
    Effect.gen(function* () {
      const { node } = yield* hoursOf(loadOf(steady))
      const a = yield* node("a")
      a.skew(2 * hourMs)
      yield* a.scaler.predictLoad("mail", "5 minutes")
      a.skew(0)
      assert.strictEqual((yield* a.scaler.predictLoad("mail", "5 minutes")).distrust, "stale")
      yield* a.scaler.learnFromPatterns
      const { distrust, seenTo } = yield* a.scaler.predictLoad("mail", "5 minutes")
      assert.strictEqual(distrust, undefined)
      assert.strictEqual(seenTo, monday + past)
    })
  )
})
