import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { GroupTally } from "../../../src/cli/terminal/ProgressTally.ts"

const endings = (tally: GroupTally, n: number, atMillis: number, runMillis = 5) => {
  for (let i = 0; i < n; i++) {
    tally.start()
    tally.finish(runMillis, false, atMillis)
  }
}

describe("GroupTally", () => {
  it("knows no rate, p95 or ETA before anything has happened", () => {
    const tally = new GroupTally("network", 1000)
    tally.expect(10)
    const { etaMillis, p95Millis, ratePerSecond } = tally.figures(1000)
    assert.deepStrictEqual([ratePerSecond, p95Millis, etaMillis], [undefined, undefined, undefined])
    assert.deepStrictEqual([tally.figures(5000).ratePerSecond, tally.figures(5000).etaMillis], [0, undefined])
  })

  it("takes the rate from the last ten seconds, so that it follows a change", () => {
    const tally = new GroupTally("network", 0)
    tally.expect(10_000)
    for (let second = 0; second < 20; second++) endings(tally, 100, second * 1000)
    assert.strictEqual(tally.figures(20_000).ratePerSecond, 100)
    assert.strictEqual(tally.figures(20_000).etaMillis, 80_000)
    for (let second = 20; second < 30; second++) endings(tally, 10, second * 1000)
    assert.strictEqual(tally.figures(30_000).ratePerSecond, 10)
  })

  it("takes the mean when endings are rare, and when all have left the window", () => {
    const tally = new GroupTally("network", 0)
    tally.expect(10)
    endings(tally, 2, 60_000)
    assert.strictEqual(tally.figures(60_000).ratePerSecond, 2 / 60)
    assert.strictEqual(tally.figures(60_000).etaMillis, 240_000)
    endings(tally, 6, 61_000)
    assert.strictEqual(tally.figures(1_000_000).ratePerSecond, 8 / 1000)
  })

  it("counts what an earlier run did as done, not for the rate", () => {
    const tally = new GroupTally("network", 0)
    tally.expect(1000)
    tally.resume(500)
    endings(tally, 10, 1000)
    assert.strictEqual(tally.figures(1000).done, 510)
    assert.strictEqual(tally.figures(1000).ratePerSecond, 10)
    assert.strictEqual(tally.figures(1000).etaMillis, 49_000)
  })

  it("takes over counts from a store, the first as its starting point", () => {
    const tally = new GroupTally("network", 0)
    tally.observe({ expected: 5000, done: 4000, failed: 3, running: 5, p95Millis: 12 }, 1000)
    assert.strictEqual(tally.figures(1000).ratePerSecond, 0)
    tally.observe({ expected: 5000, done: 4100, failed: 4, running: 5, p95Millis: 13 }, 2000)
    assert.deepStrictEqual(tally.figures(2000), {
      group: "network",
      expected: 5000,
      done: 4100,
      failed: 4,
      running: 5,
      ratePerSecond: 50,
      p95Millis: 13,
      etaMillis: 18_000
    })
  })

  it("takes the 95th percentile by nearest rank over the last 512 run times", () => {
    const tally = new GroupTally("network", 0)
    for (let i = 1; i <= 100; i++) tally.finish(i, i % 10 === 0, 0)
    assert.strictEqual(tally.figures(0).p95Millis, 95)
    assert.strictEqual(tally.figures(0).failed, 10)
    for (let i = 0; i < 512; i++) tally.finish(7, false, 0)
    assert.strictEqual(tally.figures(0).p95Millis, 7)
  })

  it.prop(
    "counts right and never shows a negative or infinite figure, whatever the gaps",
    [
      Schema.Array(
        Schema.Struct({
          gapMillis: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 40_000 })),
          endings: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 30 }))
        })
      )
    ],
    ([steps]) => {
      const tally = new GroupTally("network", 0)
      tally.expect(100)
      let now = 0
      const log: Array<number> = []
      for (const step of steps) {
        now += step.gapMillis
        endings(tally, step.endings, now)
        for (let i = 0; i < step.endings; i++) log.push(now)
        const figures = tally.figures(now)
        assert.strictEqual(figures.done, log.length)
        assert.isAtLeast(figures.expected, figures.done)
        for (const figure of [figures.ratePerSecond ?? 0, figures.etaMillis ?? 0])
          assert.isTrue(Number.isFinite(figure) && figure >= 0)
        if (now > 0) {
          const from = Math.floor(now / 1000) * 1000 - 9000
          const recent = log.filter((at) => at >= from).length
          const expected = recent >= 10 ? recent / Math.min(now, now - from) : log.length / now
          assert.approximately(figures.ratePerSecond!, expected * 1000, 1e-9)
        }
      }
    }
  )
})
