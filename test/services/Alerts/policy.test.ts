import { assert, describe, it } from "@effect/vitest"
import { projectBacklog, timeToReach } from "../../../src/services/Alerts/policy/BacklogForecast.ts"
import { holdMs, type Instance, step } from "../../../src/services/Alerts/policy/Condition.ts"
import { defaultRules } from "../../../src/services/Alerts/policy/DefaultRules.ts"
import { afterTry, retryDelayMs } from "../../../src/services/Alerts/policy/Delivery.ts"
import { matchesGlob } from "../../../src/services/Alerts/policy/Glob.ts"
import { emptyLedger, type Ledger, outgoingMost, pass } from "../../../src/services/Alerts/policy/Ledger.ts"
import { makeRule, ruleProblem } from "../../../src/services/Alerts/policy/MakeRule.ts"
import { metricNames, metricSpec } from "../../../src/services/Alerts/policy/Metrics.ts"
import { figureText, safeText, timeText } from "../../../src/services/Alerts/policy/RuleText.ts"
import { storeLabel } from "../../../src/services/Alerts/policy/StoreLabel.ts"
import type { Silence } from "../../../src/services/Alerts/Silence.ts"
import { SeededRandom, seeds } from "../../support/SeededRandom.ts"

const second = 1000
const minute = 60 * second
const hour = 60 * minute

const backlog = makeRule({ name: "backlog", metric: "backlog", threshold: 100, forMs: 2 * minute })

/** One alert under a figure that the test sets, looked at every 15 s. */
const watched = (rule = backlog) => {
  let now = 1_800_000_000_000
  let instance: Instance | undefined
  return {
    get phase() {
      return instance?.phase ?? "inactive"
    },
    get instance() {
      return instance
    },
    look(value: number | undefined, ms = 15 * second, unseenMs = 0) {
      now += ms
      instance = step(instance, rule, "mail", { value, text: "" }, now, unseenMs)
      return instance?.phase ?? "inactive"
    },
    for(value: number | undefined, ms: number) {
      for (let passed = 0; passed < ms; passed += 15 * second) this.look(value)
      return instance?.phase ?? "inactive"
    }
  }
}

describe("the life of an alert", () => {
  it("fires when the condition has held for its time, and not before", () => {
    const alert = watched()
    assert.strictEqual(alert.look(100), "pending")
    assert.strictEqual(alert.for(100, 2 * minute - 15 * second), "pending")
    assert.strictEqual(alert.look(100), "firing")
  })

  it("begins anew when the condition breaks off before its time", () => {
    const alert = watched()
    alert.for(100, 2 * minute)
    assert.strictEqual(alert.look(99), "inactive")
    assert.strictEqual(alert.for(100, 2 * minute), "pending")
  })

  it("fires at once where the rule waits for nothing", () => {
    assert.strictEqual(watched(makeRule({ name: "b", metric: "backlog", threshold: 5, forMs: 0 })).look(5), "firing")
  })

  it("resolves only beyond the resolve threshold, and when that has held", () => {
    const alert = watched()
    alert.for(100, 3 * minute)
    assert.strictEqual(alert.for(81, hour), "firing")
    assert.strictEqual(alert.for(80, 2 * minute), "firing")
    assert.strictEqual(alert.look(80), "inactive")
  })

  it("resolves when there is nothing left to measure", () => {
    const alert = watched()
    alert.for(100, 3 * minute)
    assert.strictEqual(alert.for(undefined, 3 * minute), "inactive")
  })

  it("does not take a time in which nobody looked for one in which the condition held", () => {
    const alert = watched()
    alert.look(100)
    assert.strictEqual(alert.look(100, hour, hour), "pending")
    assert.strictEqual(alert.for(100, 2 * minute), "firing")
  })

  it("stands still when the clock steps back", () => {
    const alert = watched()
    alert.look(100)
    alert.look(100, -hour)
    assert.strictEqual(alert.for(100, 2 * minute), "firing")
  })

  it("turns a figure that swings into one long alert", () => {
    const alert = watched(makeRule({ name: "b", metric: "backlog", threshold: 100, forMs: 0 }))
    let firings = 0
    let before = "inactive"
    for (let i = 0; i < (4 * hour) / (3 * minute); i++) {
      // Two minutes well, one minute not.
      for (let j = 0; j < 12; j++) {
        const phase = alert.look(j < 8 ? 0 : 200)
        if (phase === "firing" && before !== "firing") firings++
        before = phase
      }
    }
    // Without the hold there would be eighty.
    assert.strictEqual(firings, 2)
    assert.strictEqual(alert.for(0, hour), "inactive")
  })

  it("waits longer for each time it came within the hour, up to an hour", () => {
    assert.deepStrictEqual(
      [1, 2, 3, 10].map((onsets) => holdMs({ ...backlog, forMs: 0 }, onsets)),
      [minute, 2 * minute, 4 * minute, hour]
    )
  })

  it("never fires without the condition, nor resolves while it holds, whatever the figures", () => {
    for (const seed of seeds(50)) {
      const random = new SeededRandom(seed)
      const alert = watched()
      let heldMs = 0
      for (let i = 0; i < 400; i++) {
        const before = alert.phase
        const value = random.chance(0.1) ? undefined : random.below(200)
        const steady = random.chance(0.5) ? value : random.chance(0.5) ? 150 : 20
        const phase = alert.look(steady)
        heldMs = steady !== undefined && steady >= 100 ? heldMs + 15 * second : 0
        if (phase === "firing" && before !== "firing") assert.isAtLeast(heldMs, 2 * minute)
        if (phase !== "firing" && before === "firing") assert.isTrue(steady === undefined || steady <= 80)
      }
    }
  })
})

const options = {
  now: 0,
  by: "one",
  sinks: ["log"],
  store: "memory:",
  unseenAfterMs: 3 * minute,
  remindMs: 4 * hour,
  runbooks: "runbooks/"
}

const instant = makeRule({ name: "instant", metric: "backlog", threshold: 100, forMs: 0 })

/** Looks at figures by group; what was told at each look. */
const told = () => {
  let ledger: Ledger = emptyLedger
  let now = 1_800_000_000_000
  return {
    get ledger() {
      return ledger
    },
    look(
      values: Readonly<Record<string, number>>,
      silences: ReadonlyArray<Silence> = [],
      rules = [instant],
      ms = 15 * second
    ) {
      now += ms
      const before = ledger.outgoing
      const samples = new Map(Object.entries(values).map(([group, value]) => [group, { value, text: `${value}` }]))
      ledger = pass(
        ledger,
        rules.map((rule) => ({ rule, samples })),
        silences,
        { ...options, now }
      )
      const fresh = ledger.outgoing === before ? [] : ledger.outgoing.at(-1)!.notification.alerts
      return fresh.map(
        ({ silencedBy, status, subject }) => `${status} ${subject}${silencedBy === null ? "" : " quietly"}`
      )
    },
    silence(rule: string, subject: string, ms: number): Silence {
      return { id: "s", rule, subject, from: now, until: now + ms, by: "me", why: "" }
    }
  }
}

describe("a pass over all rules", () => {
  it("tells all that fires in one notification, and each once", () => {
    const alerts = told()
    assert.deepStrictEqual(alerts.look({ mail: 200, web: 150, calm: 1 }), ["firing mail", "firing web"])
    assert.deepStrictEqual(alerts.look({ mail: 200, web: 150, calm: 1 }), [])
    assert.strictEqual(alerts.ledger.outgoing.length, 1)
  })

  it("remembers nothing of what is well", () => {
    const alerts = told()
    alerts.look({ a: 1, b: 2 })
    assert.deepStrictEqual(alerts.ledger.instances, [])
  })

  it("reminds of what still fires, only while its condition holds", () => {
    const alerts = told()
    alerts.look({ mail: 200 })
    assert.deepStrictEqual(alerts.look({ mail: 90 }, [], [instant], 4 * hour), [])
    assert.deepStrictEqual(alerts.look({ mail: 200 }), ["reminder mail"])
    assert.deepStrictEqual(alerts.look({ mail: 200 }), [])
  })

  it("keeps quiet under a silence, and tells at its end what still fires", () => {
    const alerts = told()
    const silence = alerts.silence("inst*", "mail", minute)
    assert.deepStrictEqual(alerts.look({ mail: 200, web: 200 }, [silence]), ["firing mail quietly", "firing web"])
    assert.deepStrictEqual(alerts.look({ mail: 200, web: 200 }, [silence]), [])
    assert.deepStrictEqual(alerts.look({ mail: 200, web: 200 }, [silence], [instant], minute), ["firing mail"])
  })

  it("tells the end of an alert to who heard its beginning, silence or not, and to nobody else", () => {
    const alerts = told()
    const all = alerts.silence("*", "*", hour)
    alerts.look({ mail: 200 })
    alerts.look({ mail: 200, web: 200 }, [all])
    alerts.look({ mail: 0, web: 0 }, [all])
    assert.deepStrictEqual(alerts.look({ mail: 0, web: 0 }, [all], [instant], minute), [
      "resolved mail",
      "resolved web quietly"
    ])
  })

  it("resolves what is no longer there, and ends what is no longer watched", () => {
    const alerts = told()
    alerts.look({ mail: 200, web: 200 })
    alerts.look({ web: 200 })
    assert.deepStrictEqual(alerts.look({ web: 200 }, [], [instant], minute), ["resolved mail"])
    assert.deepStrictEqual(alerts.look({}, [], []), ["resolved web"])
    assert.strictEqual(alerts.ledger.instances.filter(({ phase }) => phase !== "inactive").length, 0)
  })

  it("bounds what waits for sinks that are gone", () => {
    const alerts = told()
    for (let i = 0; i < 300; i++) alerts.look({ [`g${i}`]: 200 })
    assert.strictEqual(alerts.ledger.outgoing.length, outgoingMost)
  })

  it("makes names of jobs and groups harmless", () => {
    const alerts = told()
    alerts.look({ "evil\u001b[31m\nname\u202e": 200 })
    const text = alerts.ledger.outgoing[0]!.notification.alerts[0]!.text
    assert.strictEqual(text, "instant: group evil\ufffd[31m\ufffdname\ufffd: 200 (from 100 jobs)")
  })
})

describe("delivery", () => {
  const outgoing = {
    notification: { id: "n", at: 0, store: "memory:", alerts: [] },
    done: [],
    attempts: 0,
    nextAt: 0
  }

  it("goes on with the sinks that are left, later each time, and gives up after the last try", () => {
    const once = afterTry(outgoing, { done: ["log"] }, ["log", "webhook"], 1000, 3)
    assert.deepInclude(once, { done: ["log"], attempts: 1, nextAt: 16_000 })
    const twice = afterTry(once!, { done: [] }, ["log", "webhook"], 1000, 3)
    assert.deepInclude(twice, { done: ["log"], attempts: 2, nextAt: 31_000 })
    assert.isUndefined(afterTry(twice!, { done: [] }, ["log", "webhook"], 1000, 3))
    assert.isUndefined(afterTry(once!, { done: ["webhook"] }, ["log", "webhook"], 1000, 3))
    assert.strictEqual(retryDelayMs(30), 10 * minute)
  })
})

describe("a rule", () => {
  it("takes what it does not say from its metric", () => {
    assert.deepStrictEqual(makeRule({ name: "f", metric: "failure-rate", threshold: 0.1 }), {
      name: "f",
      metric: "failure-rate",
      threshold: 0.1,
      resolveAt: 0.08,
      forMs: 2 * minute,
      overMs: 10 * minute,
      severity: "warning"
    })
  })

  it("resolves on the far side of its threshold, whatever the metric", () => {
    for (const metric of metricNames) {
      for (const threshold of metricSpec(metric).unit === "share" ? [0.01, 1] : [1, 2, 3]) {
        const rule = makeRule({ name: "r", metric, threshold })
        assert.isUndefined(ruleProblem(rule), `${metric} ${threshold}`)
      }
    }
  })

  it("built in is right", () => {
    for (const rule of defaultRules) assert.isUndefined(ruleProblem(rule), rule.name)
    assert.strictEqual(new Set(defaultRules.map(({ name }) => name)).size, defaultRules.length)
  })

  it("is refused in one line that says what was expected", () => {
    const problem = (change: Partial<Parameters<typeof makeRule>[0]>) =>
      ruleProblem(makeRule({ name: "r", metric: "backlog", threshold: 5, ...change }))
    assert.include(problem({ name: "a b" })!, "expected letters")
    assert.include(problem({ threshold: 0 })!, "expected more than 0")
    assert.include(problem({ threshold: Number.NaN })!, "expected more than 0")
    assert.include(problem({ resolveAt: 6 })!, "expected less than the threshold")
    assert.include(problem({ overMs: 60_000 })!, "figure of the present")
    assert.include(problem({ metric: "failure-rate", threshold: 5 })!, "expected a percentage")
    assert.include(problem({ metric: "store-free", subject: "mail" })!, "whole store")
    assert.include(problem({ metric: "wait-p95", overMs: 1 })!, "a minute to a day")
    assert.include(problem({ forMs: 1e12 })!, "at most a day")
  })
})

describe("a backlog to come", () => {
  const steps = (perStep: number, count = 60) =>
    Array.from({ length: count }, () => ({ p50: perStep, p90: 2 * perStep }))

  it("grows by what arrives beyond what the slots can do, and never falls below nothing", () => {
    const grows = projectBacklog({ backlog: 1000, stepMs: minute, steps: steps(100), perMs: 50 / minute })
    assert.strictEqual(grows.p50[9], 1500)
    assert.strictEqual(grows.p90[9], 2500)
    const falls = projectBacklog({ backlog: 100, stepMs: minute, steps: steps(10), perMs: 50 / minute })
    assert.strictEqual(falls.p50.at(-1), 0)
  })

  it("reaches a limit between two steps", () => {
    const { p50 } = projectBacklog({ backlog: 0, stepMs: minute, steps: steps(100), perMs: 0 })
    assert.strictEqual(timeToReach(0, p50, minute, 250), 2.5 * minute)
    assert.strictEqual(timeToReach(300, p50, minute, 250), 0)
    assert.isUndefined(timeToReach(0, p50, minute, 1e9))
  })

  it("is never later under more arrivals, fewer slots or more backlog", () => {
    for (const seed of seeds(50)) {
      const random = new SeededRandom(seed)
      const arrivals = Array.from({ length: 30 }, () => random.below(100))
      const reach = (more: number, perMs: number, from: number) => {
        const path = projectBacklog({
          backlog: from,
          stepMs: minute,
          steps: arrivals.map((count) => ({ p50: count + more, p90: count + more })),
          perMs
        })
        return timeToReach(from, path.p50, minute, 500) ?? Number.POSITIVE_INFINITY
      }
      const usual = reach(0, 20 / minute, 100)
      assert.isAtMost(reach(5, 20 / minute, 100), usual)
      assert.isAtMost(reach(0, 15 / minute, 100), usual)
      assert.isAtMost(reach(0, 20 / minute, 150), usual)
    }
  })
})

describe("texts", () => {
  it("say figures as people read them", () => {
    assert.deepStrictEqual(
      [
        figureText("jobs", 10_000),
        figureText("jobs", 1),
        figureText("share", 0.0512),
        figureText("duration", 125_000),
        figureText("bytes", 512 * 1024 ** 2),
        figureText("pressure", 2)
      ],
      ["10,000 jobs", "1 job", "5.12 %", "2 min 5 s", "512 MiB", "high"]
    )
    const at = Date.UTC(2026, 10, 21, 14, 20)
    assert.strictEqual(timeText(at, at - hour), "14:20 UTC")
    assert.strictEqual(timeText(at, at - 24 * hour), "2026-11-21 14:20 UTC")
    assert.strictEqual(safeText("a\u0007b\u2028c"), "a\ufffdb\ufffdc")
  })

  it("match globs, in time that does not explode", () => {
    assert.isTrue(matchesGlob("*", ""))
    assert.isTrue(matchesGlob("unusual-*", "unusual-wait"))
    assert.isTrue(matchesGlob("m?il", "mail"))
    assert.isFalse(matchesGlob("mail", "mails"))
    assert.isFalse(matchesGlob("a.c", "abc"))
    const before = process.cpuUsage().user
    assert.isFalse(matchesGlob(`${"*a".repeat(50)}b`, "a".repeat(2000)))
    assert.isBelow((process.cpuUsage().user - before) / 1000, 1000)
  })
})

describe("what a store is called outside", () => {
  it("is its name and host, or its address without who connects, and never a path", () => {
    for (const [location, label] of [
      ["memory:", "memory:"],
      ["/home/ada/secret project/queue.db", "queue.db on web-1"],
      ["queue.db", "queue.db on web-1"],
      ["file:///home/ada/queue.db", "queue.db on web-1"],
      ["postgres://ada:hush@db.example:5432/jobs?sslmode=require", "postgres://db.example:5432/jobs"],
      ["redis://:p@ss@cache/0", "redis://cache/0"],
      ["/tmp/\u001b[2J\u202e.db", "\ufffd[2J\ufffd.db on web-1"]
    ] as const)
      assert.strictEqual(storeLabel(location, "web-1"), label)
  })
})
