import { assert, describe, it } from "@effect/vitest"
import { strongestPeriod } from "../../../../../src/services/Scaling/policy/forecast/Autocorrelation.ts"
import { SeededRandom } from "../../../../support/SeededRandom.ts"

const series = (length: number, at: (step: number, random: SeededRandom) => number) => {
  const random = new SeededRandom(3)
  return Float64Array.from({ length }, (_, step) => at(step, random))
}

describe("the strongest period", () => {
  it("is that of a wave under as much noise, and not a multiple of it", () => {
    const wave = series(400, (step, random) => Math.sin((2 * Math.PI * step) / 30) + 2 * (random.next() - 0.5))
    assert.approximately(strongestPeriod(wave)!, 30, 1)
  })

  it("is the distance of regular bursts", () => {
    assert.strictEqual(strongestPeriod(series(300, (step) => (step % 17 === 0 ? 10 : 1))), 17)
  })

  it("is none for noise, for a constant, for a trend, and for few values", () => {
    assert.isUndefined(strongestPeriod(series(500, (_, random) => random.next())))
    assert.isUndefined(strongestPeriod(series(500, () => 7)))
    assert.isUndefined(strongestPeriod(series(500, (step) => step)))
    assert.isUndefined(strongestPeriod(series(40, (step) => step % 5)))
  })
})
