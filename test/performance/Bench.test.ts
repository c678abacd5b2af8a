import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Schema } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import os from "node:os"
import path from "node:path"
import * as Bench from "../../src/bench/Bench.ts"
import * as BenchReport from "../../src/bench/BenchReport.ts"
import { BenchResult } from "../../src/bench/BenchResult.ts"
import { measureFresh } from "../../src/bench/FreshProcess.ts"
import { openLoop, percentiles, spread, verify } from "../../src/bench/Measuring.ts"
import { callsShare } from "../../src/bench/Profile.ts"
import { selected, variants } from "../../src/bench/Variants.ts"

const temporary = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(path.join(os.tmpdir(), "sluice-bench-test-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

describe("Bench", () => {
  it("has a name of its own for every variant, and divides only by variants and figures that exist", () => {
    const byName = new Map(variants.map((variant) => [variant.name, variant]))
    assert.strictEqual(byName.size, variants.length)
    for (const { figures } of variants) {
      for (const [key, { against }] of Object.entries(figures)) {
        if (against !== undefined) assert.isDefined(byName.get(against)?.figures[key], `${against}: ${key}`)
      }
    }
  })

  it("selects by family and adds what the selected figures are divided by", () => {
    const names = selected(["sqlite/drain/100"]).map(({ name }) => name)
    assert.deepStrictEqual(names, ["sqlite/drain/100/thread", "sqlite/drain/100/direct", "raw/drain/100"])
    assert.notInclude(
      selected(["sqlite/enqueue/10"]).map(({ name }) => name),
      "sqlite/enqueue/100/thread"
    )
    const onRequest = variants.filter((variant) => variant.onRequest === true)
    assert.strictEqual(selected([]).length, variants.length - onRequest.length)
    assert.deepStrictEqual(selected(["sqlite/tiers"]), onRequest)
    assert.strictEqual(selected(["nothing"]).length, 0)
  })

  it("summarises samples with values between neighbours", () => {
    assert.deepStrictEqual(spread([4, 1, 3, 2]), { median: 2.5, min: 1, max: 4, q1: 1.75, q3: 3.25 })
    assert.deepStrictEqual(percentiles(Array.from({ length: 101 }, (_, i) => i)), { p50: 50, p95: 95, p99: 99 })
  })

  it.live("counts a wait in an open loop from the intended time, also when the sender was held up", () =>
    Effect.gen(function* () {
      const intended: Array<number> = []
      let held = 0
      yield* openLoop({
        perSecond: 1000,
        jobs: 60,
        clock: () => performance.now(),
        send: (index, at) => {
          intended.push(at)
          if (index !== 20) return
          const until = performance.now() + 20
          while (performance.now() < until) held++
        }
      })
      assert.strictEqual(intended.length, 60)
      for (let i = 1; i < 60; i++) assert.closeTo(intended[i]! - intended[i - 1]!, 1, 1e-6)
      assert.isAbove(held, 0)
    })
  )

  it("finds the share of named functions in a profile, callees counted once", () => {
    const node = (id: number, functionName: string, hitCount: number, children: Array<number> = []) => ({
      id,
      hitCount,
      children,
      callFrame: { functionName, url: "file:///x/Ledger.ts", scriptId: "1", lineNumber: 1, columnNumber: 1 }
    })
    const nodes = [node(1, "(root)", 1, [2, 4]), node(2, "flush", 2, [3]), node(3, "flush", 3), node(4, "other", 4)]
    assert.strictEqual(callsShare({ nodes, startTime: 0, endTime: 1 }, /Ledger/, ["flush"]), 0.5)
    assert.strictEqual(callsShare({ nodes, startTime: 0, endTime: 1 }, /Turns/, ["flush"]), 0)
  })

  it.effect("refuses a figure whose results are wrong", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(verify("jobs", 9, 10))
      assert.isTrue(Exit.isFailure(exit))
      yield* verify("jobs", 10, 10)
    })
  )

  it.live(
    "counts no figure of a measurement that failed, and says so",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporary
        const measured = yield* Effect.exit(
          measureFresh({ name: "no such", figures: {}, measure: () => Effect.succeed({}) }, { quick: true, folder })
        )
        assert.isTrue(Exit.isFailure(measured))
      }),
    60_000
  )

  it.live(
    "measures in fresh processes, round by round, and answers what its schema says",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporary
        const order: Array<string> = []
        const result = yield* Bench.run({
          quick: true,
          rounds: 2,
          only: ["memory/ring", "memory/heap"],
          folder,
          onMeasure: ({ name }) => Effect.sync(() => order.push(name))
        })
        assert.deepStrictEqual(order, ["memory/ring", "memory/heap", "memory/heap", "memory/ring"])
        assert.deepStrictEqual(result.failures, [])
        assert.strictEqual(result.figures.find(({ key }) => key === "perSec")?.values.length, 2)
        yield* Schema.encodeEffect(BenchResult)(result)
        assert.include(BenchReport.markdown(result.figures).join("\n"), "heap per pending job")
      }),
    60_000
  )
})
