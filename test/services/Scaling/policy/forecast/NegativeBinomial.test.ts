import { assert, describe, it } from "@effect/vitest"
import { negativeBinomialQuantiles } from "../../../../../src/services/Scaling/policy/forecast/NegativeBinomial.ts"

describe("quantiles of a negative binomial", () => {
  it("are Poisson's without dispersion", () => {
    // Poisson(1): 0.368, 0.736, 0.920, 0.981, 0.996
    assert.deepStrictEqual(negativeBinomialQuantiles(1, 0, [0.3, 0.5, 0.9, 0.95, 0.99]), [0, 1, 2, 3, 4])
  })

  it("are the geometric distribution's with dispersion 1", () => {
    // Mean 3: P(count > k) = 0.75^(k+1).
    assert.deepStrictEqual(negativeBinomialQuantiles(3, 1, [0.2, 0.5, 0.9, 0.95]), [0, 2, 8, 10])
  })

  it("are 0 when nothing is expected, and bounded whatever the dispersion", () => {
    assert.deepStrictEqual(negativeBinomialQuantiles(0, 2, [0.05, 0.95]), [0, 0])
    assert.isAtMost(negativeBinomialQuantiles(1, 1e9, [0.999999])[0]!, 80)
  })
})
