import { assert, describe, it } from "@effect/vitest"
import { Blend } from "../../../../../src/services/Scaling/policy/forecast/Blend.ts"

const outcome = 100
const memory = 2000

const met = (blend: Blend, forecasts: ReadonlyArray<number>, times: number) => {
  for (let i = 0; i < times; i++) blend.update(Float64Array.from(forecasts), 0, outcome, memory)
}

describe("a blend of forecasts", () => {
  it("weighs what errs least most, and nearly alike what errs nearly alike", () => {
    const blend = new Blend(3)
    met(blend, [90, 89.9, 60], 50)
    const [best, near, far] = blend.weights
    assert.isAbove(best!, near!)
    assert.isAbove(near!, 0.4)
    assert.isBelow(far!, 1e-9)
  })

  it("does not hold it against a model that it was bad before it had learned: it is trusted after twice as long again", () => {
    const blend = new Blend(2)
    met(blend, [110, 160], 100)
    assert.isBelow(blend.weights[1]!, 0.001)
    met(blend, [110, 101], 200)
    assert.isAbove(blend.weights[1]!, 0.5)
  })

  it("is not turned by one spike that a model happened to hit", () => {
    const blend = new Blend(2)
    met(blend, [99, 80], memory)
    blend.update(Float64Array.from([100, 5000]), 0, 5000, memory)
    assert.isAbove(blend.weights[0]!, 0.9)
  })
})
