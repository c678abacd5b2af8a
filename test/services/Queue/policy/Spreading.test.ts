import { assert, describe, it } from "@effect/vitest"
import { spreadOffset } from "../../../../src/services/Queue/policy/Spreading.ts"
import { SeededRandom } from "../../../support/SeededRandom.ts"

describe("jobs that are spread over an interval", () => {
  it("are put off evenly, in their order, the first not at all and the last not to the end", () => {
    const random = new SeededRandom(7)
    for (let run = 0; run < 2_000; run++) {
      const count = 1 + random.below(50)
      const interval = random.below(random.pick([2, 100, 3_600_000, 3_153_600_000_000]))
      const offsets = Array.from({ length: count }, (_, i) => spreadOffset(i, count, interval))
      assert.strictEqual(offsets[0], 0)
      offsets.forEach((offset, i) => {
        const exact = (i * interval) / count
        assert.isTrue(Number.isInteger(offset) && offset >= exact && offset < exact + 1, `${i} of ${count}: ${offset}`)
        if (i > 0) assert.isAtLeast(offset, offsets[i - 1]!)
      })
      if (interval > count) assert.isBelow(offsets.at(-1)!, interval)
    }
  })
})
