import { assert, describe, it } from "@effect/vitest"
import { workOf } from "../../../../src/services/Scaling/policy/WorkForecast.ts"
import { SeededRandom } from "../../../support/SeededRandom.ts"

/** Poisson's interval around a mean, by its normal limit. */
const around = (mean: number) => {
  const at = (z: number) => Math.max(0, mean + z * Math.sqrt(mean))
  return { mean, expected: mean, p05: at(-1.645), p50: mean, p90: at(1.2816), p95: at(1.645) }
}

describe("work", () => {
  it("of jobs that all take the same is their number times that", () => {
    const arrivals = around(100)
    const work = workOf(arrivals, 500, 0)
    for (const key of ["mean", "expected", "p05", "p50", "p90", "p95"] as const)
      assert.closeTo(work[key], arrivals[key] / 2, 1e-9)
  })

  it("of exponential jobs has the interval of the random sum they are", () => {
    const seeded = new SeededRandom(5)
    const random = () => seeded.next()
    const sums = Array.from({ length: 4000 }, () => {
      const gap = () => -Math.log(1 - random())
      let count = 0
      for (let at = gap(); at < 100; at += gap()) count++
      let sum = 0
      for (let i = 0; i < count; i++) sum -= 2 * Math.log(1 - random())
      return sum
    }).sort((a, b) => a - b)
    const work = workOf(around(100), 2000, 1)
    assert.closeTo(work.mean, sums.reduce((a, b) => a + b, 0) / sums.length, 2)
    assert.closeTo(work.p05, sums[Math.floor(0.05 * sums.length)]!, 4)
    assert.closeTo(work.p95, sums[Math.floor(0.95 * sums.length)]!, 4)
  })

  it("of nothing is nothing, and intervals stay ordered and above zero", () => {
    assert.deepStrictEqual(workOf(around(0), 1000, 1), { mean: 0, expected: 0, p05: 0, p50: 0, p90: 0, p95: 0 })
    const seeded = new SeededRandom(6)
    const random = () => seeded.next()
    for (let run = 0; run < 500; run++) {
      const { mean, p05, p50, p90, p95 } = workOf(around(50 * random() ** 3), 10_000 * random(), 20 * random())
      assert.isTrue(0 <= p05 && p05 <= p50 && p50 <= p90 && p90 <= p95 && Number.isFinite(p95) && mean >= 0)
    }
  })
})
