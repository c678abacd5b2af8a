import { assert, describe, it } from "@effect/vitest"
import { compareRuns, fewestRuns, upperTail } from "../../../../src/services/Profiling/policy/Regression.ts"
import { SeededRandom } from "../../../support/SeededRandom.ts"

/** Runs as a shared machine gives them: 3 % of noise, and now and then one that was disturbed by half. */
const runs = (random: () => number, count: number, mean: number): ReadonlyArray<number> =>
  Array.from({ length: count }, () => {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
    return mean * (1 + 0.03 * normal) * (random() < 0.05 ? 1.5 : 1)
  })

const share = (verdict: string, trials: number, change: number, count: number): number => {
  let found = 0
  for (let seed = 1; seed <= trials; seed++) {
    const source = new SeededRandom(seed)
    const random = () => source.next()
    if (compareRuns(runs(random, count, 100), runs(random, count, 100 * change)).verdict === verdict) found++
  }
  return found / trials
}

describe("comparing runs", () => {
  it("catches 15 % more in at least 98 of 100 pairs of 15 noisy runs", () => {
    assert.isAtLeast(share("regression", 400, 1.15, 15), 0.98)
  })

  it("passes unchanged runs: no alarm in 1,000 pairs, five in a row among them", () => {
    assert.strictEqual(share("regression", 1000, 1, 15), 0)
  })

  it("names an improvement, and calls no change of 3 % a regression however many runs show it", () => {
    assert.strictEqual(share("improvement", 100, 1 / 1.15, 15), 1)
    assert.isBelow(share("regression", 100, 1.03, 100), 0.05)
  })

  it("estimates the ratio, with an interval that holds the true one 95 times in 100", () => {
    let held = 0
    for (let seed = 1; seed <= 400; seed++) {
      const source = new SeededRandom(seed)
      const random = () => source.next()
      const { high, low, ratio } = compareRuns(runs(random, 15, 100), runs(random, 15, 115))
      assert.isBelow(Math.abs(ratio / 1.15 - 1), 0.1)
      if (low <= 1.15 && high >= 1.15) held++
    }
    assert.isAtLeast(held / 400, 0.92)
  })

  it("gives no verdict on fewer runs than the test needs", () => {
    const few = Array.from({ length: fewestRuns - 1 }, (_, i) => 100 + i)
    assert.strictEqual(
      compareRuns(
        few,
        few.map((value) => value * 2)
      ).verdict,
      "too few runs"
    )
  })

  it("calls equal figures unchanged", () => {
    const same = Array.from({ length: 12 }, () => 5)
    assert.deepInclude(compareRuns(same, same), { verdict: "unchanged", ratio: 1, p: 1 })
  })

  it("knows the tail of the normal distribution to a millionth", () => {
    for (const [z, tail] of [
      [0, 0.5],
      [1.959964, 0.025],
      [2.575829, 0.005],
      [-1, 0.8413447]
    ] as const)
      assert.approximately(upperTail(z), tail, 1e-6)
  })
})
