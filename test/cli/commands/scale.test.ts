import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { existsSync, readFileSync } from "node:fs"
import path from "node:path"
import { type ScaleDecision, Sluice } from "../../../src/services/Queue/index.ts"
import { storeLoad, syntheticCounts } from "../../support/scaler/SyntheticLoad.ts"
import * as CommandLine from "../CommandLine.ts"
import { store as wholeStore, type StoreServices } from "../../../src/services/Store/Store.ts"

const minute = 60_000
const hour = 60 * minute
const now = Date.parse("2026-11-21T10:20:30Z")

const onStore = <A, E>(file: string, effect: Effect.Effect<A, E, StoreServices>) =>
  Effect.provide(effect, Sluice.layerSqlite({ path: file, thread: false }))

/** A store that remembers two hours of group `mail`, minute by minute, up to the present one. */
const twoHours = Effect.gen(function* () {
  yield* TestClock.setTime(now)
  const cli = yield* CommandLine.make
  const file = path.join(cli.folder, "jobs.db")
  yield* onStore(
    file,
    Effect.flatMap(wholeStore, (store) => store.jobs.status)
  )
  const steps = 120
  const start = Math.floor(now / minute) * minute - steps * minute
  const counts = syntheticCounts({ start, stepMs: minute, steps, mean: 20 })
  storeLoad(file, { group: "mail", task: "send", stepMs: minute, start, counts, runMs: 20_000 })
  const sluice = (...words: ReadonlyArray<string>) => cli.call(["scale", ...words, "--store", file])
  const json = (...words: ReadonlyArray<string>) => cli.json(["scale", ...words, "--json", "--store", file])
  return { cli, counts, file, json, sluice }
})

const decision: ScaleDecision = {
  group: "mail",
  at: Date.parse("2026-11-20T09:00:00Z"),
  mode: "shadow",
  from: 3,
  to: 7,
  reason: "forecast",
  text: "would have 7 slots instead of 3\x1b[31m",
  inputs: {
    pending: 2,
    running: 3,
    oldestMs: 400,
    slots: 3,
    workers: 1,
    limit: 10,
    serviceMs: 900,
    startupMs: 15_000,
    arrivals: 120,
    expected: 60,
    atQuantile: 75
  },
  needs: { forecast: 6.2, reactive: 3.1, backlog: 3.2, standing: 0 },
  distrust: null,
  held: 12
}

describe("sluice scale", () => {
  it.effect(
    "forecasts and backtests what a store remembers, with no worker alive, and says where it knows it from",
    () =>
      Effect.gen(function* () {
        const { counts, json, sluice } = yield* twoHours
        const [forecast] = yield* json("forecast", "mail", "--horizon", "30m")
        assert.deepInclude(forecast, { group: "mail", source: "rebuilt", stepMs: minute })
        assert.isAtLeast(forecast.steps.length, 30)
        for (const { arrivals } of forecast.steps) {
          assert.isTrue(0 <= arrivals.p05 && arrivals.p05 <= arrivals.p50 && arrivals.p50 <= arrivals.p90)
        }
        assert.strictEqual(forecast.quality.steps, counts.length)
        assert.approximately(forecast.service.meanMs, 20_000, 1e-6)

        const { stderr, stdout } = yield* sluice("forecast", "mail", "--horizon", "30m", "--time-zone", "Europe/Vienna")
        assert.match(stdout, /^mail: arrivals and forecast for 30 min, times in Europe\/Vienna\n/)
        assert.match(stdout, /Arrivals, jobs per minute {3}⠒⠒ arrived {3}• forecast {3}░ 90 % interval/)
        assert.match(stdout, /from 120 steps/)
        assert.match(stdout, /jobs expected in all/)
        assert.notInclude(stdout, "\x1b")
        assert.match(stderr, /^learning from the recorded past.*\n.*learned just now from the roll-ups/s)
        const table = yield* sluice("forecast", "mail", "--horizon", "30m", "--table")
        assert.match(table.lines[0]!, /^from +expected +90 % within +slots busy/)

        const [status] = yield* json("status", "mail")
        assert.deepInclude(status, { group: "mail", mode: "shadow", source: "rebuilt" })
        // Each speaks of its horizon, in whole steps: the status of the next step, which is as far as the leader looks
        // with what it has learned.
        assert.strictEqual(forecast.quality.horizonMs, 31 * minute)
        assert.strictEqual(status.quality.horizonMs, minute)
        assert.strictEqual(status.quality.accuracyNext, forecast.quality.accuracyNext)

        const [backtest] = yield* json("backtest", "mail", "--days", "0.025", "--horizon", "30m")
        assert.deepInclude(backtest, {
          learnedFrom: 84,
          horizonMs: 30 * minute,
          everyMs: 8 * minute,
          origins: 5,
          missing: 0
        })
        assert.isAbove(backtest.forecast.horizon, 0.5)
        assert.isAbove(backtest.forecast.coverage, 0.6)
        assert.isAbove(backtest.naive.horizon, 0)
        const { policies } = backtest.replay
        assert.includeMembers(
          policies.map(({ policy }: { readonly policy: string }) => policy),
          ["scaler", "reactive", "fixed"]
        )
        const arrived = counts.slice(-36).reduce((sum, count) => sum + count, 0)
        for (const { jobs } of policies) assert.strictEqual(jobs, arrived)
      }).pipe(Effect.scoped),
    { timeout: 60_000 }
  )

  it.effect(
    "writes pictures of the kind that the file's name says, and refuses other names before it computes",
    () =>
      Effect.gen(function* () {
        const { cli, sluice } = yield* twoHours
        const { code, stderr, stdout } = yield* sluice("forecast", "mail", "--horizon", "30m", "-o", "mail.svg")
        assert.deepStrictEqual([code, stdout], [0, ""])
        assert.include(stderr, `${path.join(cli.folder, "mail.svg")} written`)
        assert.match(readFileSync(path.join(cli.folder, "mail.svg"), "utf8"), /^<svg .*90 % interval.*<\/svg>\n$/s)
        const words = yield* sluice("backtest", "mail", "--days", "0.025", "--horizon", "30m", "-o", "back.html")
        assert.match(words.stdout, /^5 forecasts of 30 min, one each 8 min, .*learned from 84 steps before\.\n/)
        assert.match(words.stdout, /forecast +as the last count +meant/)
        assert.match(words.stdout, /\nscaler +\d/)
        const page = readFileSync(path.join(cli.folder, "back.html"), "utf8")
        assert.match(page, /^<!doctype html>.*<h2>Forecasts<\/h2>.*<h2>Slots<\/h2>/s)
        assert.deepInclude(yield* sluice("forecast", "mail", "-o", "mail.gif"), {
          code: 2,
          stderr: 'sluice: "mail.gif" is no picture; its name must end in .svg or .html\n'
        })
        const nowhere = yield* sluice("forecast", "mail", "--horizon", "30m", "-o", "no/such/folder.svg")
        assert.strictEqual(nowhere.code, 1)
        assert.match(nowhere.stderr, /\nsluice: the picture cannot be written: ENOENT[^\n]*\n$/)
      }).pipe(Effect.scoped),
    { timeout: 60_000 }
  )

  it.effect(
    "says that it knows nothing of a group in which nothing ever arrived",
    () =>
      Effect.gen(function* () {
        const { json, sluice } = yield* twoHours
        const [forecast] = yield* json("forecast", "network", "--horizon", "10m")
        assert.strictEqual(forecast.distrust, "cold")
        assert.strictEqual(forecast.total.arrivals, 0)
        const { stdout } = yield* sluice("forecast", "network", "--horizon", "10m")
        assert.include(stdout, "Do not trust it yet: too little has been seen")
        const backtest = yield* sluice("backtest", "network")
        assert.deepStrictEqual([backtest.code, backtest.stdout], [0, ""])
        assert.include(backtest.stderr, "nothing has arrived in network yet")
        assert.deepInclude(yield* sluice("forecast", "mial"), { code: 3 })
      }).pipe(Effect.scoped),
    { timeout: 60_000 }
  )

  it.effect(
    "sets, shows, copies nothing in a dry run, and takes settings back",
    () =>
      Effect.gen(function* () {
        const { cli, json, sluice } = yield* twoHours
        const [set] = yield* json(
          "set",
          "mail",
          "--mode",
          "on",
          "--min",
          "2",
          "--max",
          "40",
          "--hold",
          "2m",
          "--late",
          "1%"
        )
        assert.deepInclude(set.before, { mode: "shadow", minSlots: 1, maxSlots: null, holdDownMs: 300_000 })
        assert.deepInclude(set.after, { mode: "on", minSlots: 2, maxSlots: 40, holdDownMs: 120_000, lateShare: 0.01 })
        assert.deepInclude(set.from, { mode: "group", quantile: "default" })
        const shown = yield* sluice("set", "mail")
        assert.match(shown.lines[0]!, /^setting +now +from$/)
        assert.isTrue(shown.lines.some((line) => /^max +40 +group$/.test(line)))
        const dry = yield* sluice("set", "mail", "--mode", "off", "--dry-run")
        assert.isTrue(dry.lines.some((line) => /^mode +on +off +group$/.test(line)))
        assert.include(dry.stderr, "nothing was changed")
        const [every] = yield* json("set", "*", "--quantile", "0.8")
        assert.deepInclude(every.after, { quantile: 0.8, mode: "shadow" })
        const [reset] = yield* json("set", "mail", "--reset", "--min", "3")
        assert.deepInclude(reset.after, { mode: "shadow", minSlots: 3, maxSlots: null, quantile: 0.8 })
        assert.deepInclude(reset.from, { mode: "default", minSlots: "group", quantile: "every group" })

        for (const [words, message] of [
          [["mail", "--mode", "onn"], /"onn" does not fit --mode: off, shadow or on/],
          [["mail", "--min", "5", "--max", "2"], /the fewest slots \(5\) are more than the most \(2\)/],
          [["mail", "--quantile", "1.5"], /"1\.5" does not fit --quantile: 0\.5 to 0\.99/],
          [["mail", "--step", "5m"], /"5m" does not fit --step: 10s, 1m or 1h/],
          [["mail", "--hold", "5"], /--hold/],
          [["mail", "--time-zone", "Mars/Olympus"], /Mars\/Olympus/]
        ] as const) {
          const { code, stderr } = yield* sluice("set", ...words)
          assert.strictEqual(code, 2, stderr)
          assert.match(stderr, message)
          assert.strictEqual(stderr.trimEnd().split("\n").length, 1)
        }
        assert.strictEqual((yield* sluice("set", "mial", "--mode", "on")).code, 3)
        const none = path.join(cli.folder, "none.db")
        for (const words of [
          ["set", "network"],
          ["set", "network", "--min", "2", "--dry-run"],
          ["event", "rm", "sale"]
        ])
          assert.strictEqual((yield* cli.call(["scale", ...words, "--store", none])).code, 5)
        assert.isFalse(existsSync(none), "to look makes no store")
        assert.strictEqual((yield* cli.call(["scale", "set", "network", "--min", "2", "--store", none])).code, 0)
        assert.isTrue(existsSync(none))
      }).pipe(Effect.scoped),
    { timeout: 60_000 }
  )

  it.effect(
    "keeps events, once or recurring, lists and removes them; while one lasts it shapes the forecast",
    () =>
      Effect.gen(function* () {
        const { json, sluice } = yield* twoHours
        const before = (yield* json("forecast", "mail", "--horizon", "30m"))[0]
        const at = (hours: number) => new Date(Math.floor(now / hour) * hour + hours * hour).toISOString()
        const [sale] = yield* json(
          ...["event", "add", "mail", "--from", at(0), "--to", at(12)],
          ...["--factor", "3", "--note", "Black Friday \x1b[2J"]
        )
        assert.deepInclude(sale, {
          id: "black-friday-2j",
          group: "mail",
          factor: 3,
          perMinute: null,
          durationMs: 12 * hour
        })
        const [monthly] = yield* json(
          ...["event", "add", "mail", "--cron", "0 6 1 * *", "--for", "2h", "--time-zone", "Europe/Vienna"],
          ...["--arrivals", "200", "--id", "month-end"]
        )
        assert.deepInclude(monthly, { id: "month-end", cron: "0 6 1 * *", timeZone: "Europe/Vienna", perMinute: 200 })
        assert.deepStrictEqual(
          (yield* json("event", "ls")).map(({ id }) => id),
          ["black-friday-2j", "month-end"]
        )
        const listed = yield* sluice("event", "ls")
        assert.include(listed.stdout, "×3")
        assert.match(
          (yield* sluice("event", "ls", "--time-zone", "Europe/Vienna")).stdout,
          / to .* \(Europe\/Vienna\) /
        )
        assert.include(listed.stdout, "Black Friday \\x1b[2J")
        assert.notInclude(listed.stdout, "\x1b")

        const during = (yield* json("forecast", "mail", "--horizon", "30m"))[0]
        for (const [i, step] of during.steps.entries()) {
          if (Date.parse(step.at) < Date.parse(at(0))) continue
          assert.strictEqual(step.event, "black-friday-2j")
          assert.approximately(step.arrivals.mean / before.steps[i].arrivals.mean, 3, 1e-6)
        }

        assert.strictEqual((yield* sluice("event", "rm", "black-friday-2j")).code, 0)
        assert.deepInclude(yield* sluice("event", "rm", "black-friday-2j"), { code: 3 })
        for (const words of [
          ["mail", "--factor", "3"],
          ["mail", "--from", at(0), "--factor", "3"],
          ["mail", "--from", at(1), "--to", at(0), "--factor", "3"],
          ["mail", "--from", at(0), "--for", "1h"],
          ["mail", "--from", at(0), "--for", "1h", "--factor", "3", "--arrivals", "4"],
          ["mail", "--cron", "0 6 * * *", "--factor", "3"],
          ["mail", "--cron", "never", "--for", "1h", "--factor", "3"]
        ]) {
          const { code, stderr } = yield* sluice("event", "add", ...words)
          assert.strictEqual(code, 2, `${words.join(" ")}: ${stderr}`)
        }
      }).pipe(Effect.scoped),
    { timeout: 60_000 }
  )

  it.effect(
    "explains the last decision, the one in force at a time, and more of them; control characters never reach the terminal",
    () =>
      Effect.gen(function* () {
        const { file, json, sluice } = yield* twoHours
        const none = yield* sluice("explain", "mail")
        assert.deepStrictEqual([none.code, none.stdout], [0, ""])
        assert.include(none.stderr, "no decision for mail is kept yet")
        const entries = [0, 1, 2].map((i) => ({
          key: "mail",
          text: JSON.stringify({ ...decision, at: decision.at + i * hour, from: 3 + i, to: 4 + i })
        }))
        yield* onStore(
          file,
          Effect.flatMap(wholeStore, (store) =>
            store.documents.append("scale-decision", entries, { now: decision.at, keep: 100 })
          )
        )
        const [last] = yield* json("explain", "mail")
        assert.deepInclude(last, { group: "mail", from: 5, to: 6, reason: "forecast", held: 12 })
        assert.isAbove(last.lines.length, 2)
        assert.deepStrictEqual(
          (yield* json("explain", "--last", "2")).map(({ to }) => to),
          [6, 5]
        )
        const [earlier] = yield* json("explain", "mail", "--at", "2026-11-20T10:30:00Z")
        assert.strictEqual(earlier.to, 5)
        assert.deepStrictEqual(yield* json("explain", "mail", "--at", "2026-11-20T08:00:00Z"), [])
        const { stdout } = yield* sluice("explain", "mail", "--time-zone", "Europe/Vienna")
        assert.match(
          stdout,
          /^mail: 5 → 6 slots {2}Fri 20 Nov 12:00 \(Europe\/Vienna\), forecast, mode shadow, number \d+\n/
        )
        assert.include(stdout, "needs: forecast")
        assert.notInclude(stdout, "\x1b")
        const status = (yield* json("status", "mail"))[0]
        assert.deepInclude(status.last, { to: 6, reason: "forecast" })
        assert.strictEqual((yield* sluice("explain", "--last", "0")).code, 2)
        assert.strictEqual((yield* sluice("explain", "mial")).code, 3)
      }).pipe(Effect.scoped),
    { timeout: 60_000 }
  )

  it.effect(
    "lists what recurs, and says so when nothing is known to",
    () =>
      Effect.gen(function* () {
        const { json, sluice } = yield* twoHours
        assert.deepStrictEqual(yield* json("patterns"), [])
        assert.include((yield* sluice("patterns")).stderr, "nothing is known to recur")
        assert.strictEqual((yield* sluice("patterns", "mial")).code, 3)
      }).pipe(Effect.scoped),
    { timeout: 60_000 }
  )
})
