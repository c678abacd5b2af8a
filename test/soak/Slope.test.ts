import { assert, describe, it } from "@effect/vitest"
import { type Point, slopeOf, studentQuantile } from "../../src/soak/Slope.ts"
import { SeededRandom } from "../support/SeededRandom.ts"

/** A line of the given slope under first-order autoregressive noise of unit innovations. */
const line = (random: () => number, samples: number, slope: number, rho: number): ReadonlyArray<Point> => {
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  let noise = normal() / Math.sqrt(1 - rho * rho)
  return Array.from({ length: samples }, (_, x) => {
    noise = rho * noise + normal()
    return { x, y: 1000 + slope * x + noise }
  })
}

/** Share of 400 intervals that hold the true slope. */
const coverage = (samples: number, rho: number): number => {
  const seeded = new SeededRandom(20261121)
  const random = () => seeded.next()
  let held = 0
  for (let run = 0; run < 400; run++) {
    const estimate = slopeOf([line(random, samples, 0.02, rho)])!
    if (estimate.low <= 0.02 && 0.02 <= estimate.high) held++
  }
  return held / 400
}

describe("slopeOf", () => {
  it("finds the slope of an exact line, with an interval of no width", () => {
    const estimate = slopeOf([Array.from({ length: 20 }, (_, x) => ({ x, y: 5 + 3 * x }))])!
    assert.closeTo(estimate.slope, 3, 1e-9)
    assert.closeTo(estimate.low, 3, 1e-6)
    assert.closeTo(estimate.high, 3, 1e-6)
  })

  it("holds the true slope 19 times in 20 when samples are independent, and hardly less often when neighbours resemble each other", () => {
    assert.isAtLeast(coverage(200, 0), 0.92)
    assert.isAtMost(coverage(200, 0), 0.98)
    assert.isAtLeast(coverage(200, 0.6), 0.88)
  })

  it("takes the levels of several processes out, and their slope together", () => {
    const lives = [0, 500, -200].map((level) => Array.from({ length: 8 }, (_, x) => ({ x, y: level + 2 * x })))
    assert.closeTo(slopeOf(lives)!.slope, 2, 1e-9)
  })

  it("answers nothing for too few samples, or for one point in time", () => {
    assert.isUndefined(slopeOf([]))
    assert.isUndefined(slopeOf([Array.from({ length: 6 }, (_, x) => ({ x, y: x }))]))
    assert.isUndefined(slopeOf([Array.from({ length: 60 }, (_, y) => ({ x: 1, y }))]))
  })

  it("takes Student's t from tables", () => {
    for (const [freedom, expected] of [
      [5, 2.5706],
      [10, 2.2281],
      [30, 2.0423],
      [1000, 1.9623]
    ] as const)
      assert.closeTo(studentQuantile(freedom), expected, 0.005 * expected)
  })
})
