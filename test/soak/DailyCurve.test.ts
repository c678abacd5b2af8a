import { assert, describe, it } from "@effect/vitest"
import { dueBy, rateAt, shareAt } from "../../src/soak/DailyCurve.ts"

const shares = Array.from({ length: 1001 }, (_, i) => i / 1000)

describe("DailyCurve", () => {
  it("spreads all jobs over the day, never at a negative rate", () => {
    assert.strictEqual(dueBy(0), 0)
    assert.strictEqual(dueBy(1), 1)
    for (const share of shares) assert.isAbove(rateAt(share), 0.19)
  })

  it("counts what its rate sends", () => {
    let sum = 0
    for (const share of shares.slice(0, -1)) {
      sum += rateAt(share + 0.0005) / 1000
      assert.closeTo(dueBy(share + 0.001), sum, 1e-6)
    }
  })

  it("finds the time of every job again", () => {
    for (const share of shares) assert.closeTo(shareAt(dueBy(share)), share, 1e-8)
  })

  it("is the same forwards and backwards, so that the halves of a run compare", () => {
    for (const share of shares) assert.closeTo(rateAt(share), rateAt(1 - share), 1e-9)
  })
})
