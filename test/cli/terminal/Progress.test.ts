import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as Progress from "../../../src/cli/terminal/Progress.ts"
import { plain } from "../../../src/cli/terminal/Style.ts"
import { makeFakeTerminal } from "./FakeTerminal.ts"

const start = (mode: Progress.ProgressMode, terminal: ReturnType<typeof makeFakeTerminal>, stdout = terminal.stdout) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const progress = yield* Progress.make({ mode, stdout, stderr: terminal.stderr, style: plain }).pipe(
      Scope.provide(scope)
    )
    return { progress, end: Scope.close(scope, Exit.void) }
  })

const finish = (progress: Progress.Progress["Service"], group: string, n: number) =>
  Effect.forEach(
    Array.from({ length: n }),
    () => Effect.andThen(progress.started(group), progress.finished(group, { runMillis: 4, failed: false })),
    { discard: true }
  )

describe("Progress bars", () => {
  it.effect("redraws at most ten times a second, however many jobs end", () =>
    Effect.gen(function* () {
      const terminal = makeFakeTerminal()
      const { progress } = yield* start("bars", terminal)
      yield* progress.expect("network", 10_000)
      for (let i = 0; i < 1000; i++) {
        yield* finish(progress, "network", 5)
        yield* TestClock.adjust("1 millis")
      }
      assert.strictEqual(terminal.writes.length, 10)
      assert.match(terminal.shown()[0]!, /^network .* 50 % {2}5,000\/10,000 {2}5,000\/s {2}p95 4 ms {2}ETA 1 s$/)
    })
  )

  it.effect("draws only when something changed, and once a second for the ETA", () =>
    Effect.gen(function* () {
      const terminal = makeFakeTerminal()
      const { progress } = yield* start("bars", terminal)
      yield* progress.expect("network", 10)
      yield* TestClock.adjust("100 millis")
      assert.strictEqual(terminal.writes.length, 1)
      yield* TestClock.adjust("900 millis")
      assert.strictEqual(terminal.writes.length, 1)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(terminal.writes.length, 11)
    })
  )

  it.effect("keeps output above the bars, in order, and leaves nothing but the output behind", () =>
    Effect.gen(function* () {
      const terminal = makeFakeTerminal()
      const { end, progress } = yield* start("bars", terminal)
      yield* progress.expect("network", 10)
      yield* progress.expect("filesystem", 10)
      yield* TestClock.adjust("100 millis")
      assert.deepStrictEqual(
        terminal.shown().map((line) => line.split(" ")[0]),
        ["network", "filesystem", ""]
      )
      yield* progress.print("stdout", "one\n")
      yield* progress.print("stderr", "two, without newline")
      yield* progress.print("stdout", "three\nfour\n")
      yield* TestClock.adjust("100 millis")
      assert.deepStrictEqual(
        terminal.shown().map((line) => line.split(" ")[0]),
        ["one", "two,", "three", "four", "network", "filesystem", ""]
      )
      yield* progress.print("stdout", "five\n")
      yield* end
      assert.deepStrictEqual(terminal.shown(), ["one", "two, without newline", "three", "four", "five", ""])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(terminal.shown().length, 6)
    })
  )

  it.effect("wipes bars that a narrower window has wrapped", () =>
    Effect.gen(function* () {
      const terminal = makeFakeTerminal({ columns: 100, rows: 24 })
      const { end, progress } = yield* start("bars", terminal)
      yield* progress.expect("network", 10)
      yield* TestClock.adjust("100 millis")
      terminal.size.columns = 50
      yield* end
      assert.strictEqual(terminal.writes.at(-1)?.text, "\x1b[2F\x1b[0J")
    })
  )

  it.effect("holds back 64 Ki of output at most", () =>
    Effect.gen(function* () {
      const terminal = makeFakeTerminal()
      const { progress } = yield* start("bars", terminal)
      yield* progress.print("stdout", "x".repeat(60_000))
      assert.strictEqual(terminal.writes.length, 0)
      yield* progress.print("stdout", "y".repeat(6_000))
      assert.deepStrictEqual(
        terminal.writes.map(({ text }) => text.length),
        [66_002]
      )
    })
  )

  it.effect("writes redirected output at once and as it is", () =>
    Effect.gen(function* () {
      const terminal = makeFakeTerminal()
      const { progress } = yield* start("bars", terminal, terminal.redirected("stdout"))
      yield* progress.print("stdout", "no newline")
      assert.deepStrictEqual(terminal.writes, [{ stream: "stdout", text: "no newline" }])
    })
  )

  it.effect("shows nothing for a command that is over within 100 ms", () =>
    Effect.gen(function* () {
      const terminal = makeFakeTerminal()
      const { end, progress } = yield* start("bars", terminal)
      yield* progress.expect("network", 1)
      yield* finish(progress, "network", 1)
      yield* TestClock.adjust("99 millis")
      yield* end
      assert.deepStrictEqual(terminal.writes, [])
    })
  )
})

describe("Progress lines", () => {
  it.effect("writes one line per tenth of a group", () =>
    Effect.gen(function* () {
      const terminal = makeFakeTerminal()
      const { end, progress } = yield* start("lines", terminal)
      yield* progress.expect("network", 100)
      for (let i = 0; i < 100; i++) {
        yield* finish(progress, "network", 1)
        yield* TestClock.adjust("50 millis")
      }
      yield* end
      assert.deepStrictEqual(
        terminal.shown().map((line) => /: (\d+ %)/.exec(line)?.[1] ?? line),
        ["10 %", "20 %", "30 %", "40 %", "50 %", "60 %", "70 %", "80 %", "90 %", "100 %", ""]
      )
      assert.strictEqual(terminal.shown()[9], "network: 100 %, 100/100, 20/s, p95 4 ms, done")
    })
  )

  it.effect("writes a line every ten seconds when nothing moves, for groups with work left", () =>
    Effect.gen(function* () {
      const terminal = makeFakeTerminal()
      const { progress } = yield* start("lines", terminal)
      yield* progress.expect("network", 100)
      yield* progress.expect("filesystem", 1)
      yield* finish(progress, "filesystem", 1)
      yield* TestClock.adjust("9900 millis")
      assert.deepStrictEqual(terminal.shown(), ["filesystem: 100 %, 1/1, 10/s, p95 4 ms, done", ""])
      yield* TestClock.adjust("100 millis")
      assert.strictEqual(terminal.writes.length, 2)
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(terminal.shown().slice(1), [
        ...Array.from({ length: 4 }, () => "network: 0 %, 0/100, 0/s, p95 –, ETA –"),
        ""
      ])
    })
  )

  it.effect("says at the end what it had not said yet, and nothing twice", () =>
    Effect.gen(function* () {
      const terminal = makeFakeTerminal()
      const { end, progress } = yield* start("lines", terminal)
      yield* progress.expect("network", 100)
      yield* finish(progress, "network", 10)
      yield* TestClock.adjust("100 millis")
      yield* finish(progress, "network", 3)
      yield* TestClock.adjust("100 millis")
      assert.strictEqual(terminal.writes.length, 1)
      yield* end
      assert.deepStrictEqual(
        terminal.shown().map((line) => /(\d+)\/100/.exec(line)?.[1]),
        ["10", "13", undefined]
      )
    })
  )
})

describe("Progress quiet", () => {
  it.effect("writes output only, and still knows the figures", () =>
    Effect.gen(function* () {
      const terminal = makeFakeTerminal()
      const { end, progress } = yield* start("quiet", terminal)
      yield* progress.expect("network", 2)
      yield* finish(progress, "network", 2)
      yield* TestClock.adjust("1 minute")
      yield* progress.print("stdout", "data")
      const [figures] = yield* progress.figures
      yield* end
      assert.deepStrictEqual(terminal.writes, [{ stream: "stdout", text: "data" }])
      assert.strictEqual(figures?.done, 2)
    })
  )

  it("is chosen by --quiet first, then by the terminal", () => {
    assert.strictEqual(Progress.progressMode({ quiet: true, lively: true }), "quiet")
    assert.strictEqual(Progress.progressMode({ quiet: false, lively: true }), "bars")
    assert.strictEqual(Progress.progressMode({ quiet: false, lively: false }), "lines")
  })
})
