import { assert, describe, it } from "@effect/vitest"
import { pauseMs } from "../../../../src/services/Queue/policy/Backoff.ts"

const backoff = { firstMs: 50, capMs: 1000 }

describe("the pause after a failure", () => {
  it("doubles up to the cap, whatever the number of failures", () => {
    const most = [1, 2, 3, 5, 6, 100, 5000].map((failures) => pauseMs(backoff, failures, 1))
    assert.deepStrictEqual(most, [50, 100, 200, 800, 1000, 1000, 1000])
  })

  it("is a random part of that, at least half: those who failed together do not come back together", () => {
    assert.strictEqual(pauseMs(backoff, 3, 0), 100)
    const pauses = new Set(Array.from({ length: 100 }, (_, i) => pauseMs(backoff, 3, i / 100)))
    assert.lengthOf([...pauses], 100)
  })
})
