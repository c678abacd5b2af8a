import { assert, describe, it } from "@effect/vitest"
import type { JobId } from "../../../../../src/services/Queue/Job.ts"
import { measuredOf, sampled } from "../../../../../src/services/Queue/policy/jobs/Sampling.ts"
import { SeededRandom } from "../../../../support/SeededRandom.ts"

describe("jobs measured", () => {
  it("are at most 2,000 in all, whatever is there, and of the largest cells first", () => {
    const random = new SeededRandom(5)
    for (let run = 0; run < 300; run++) {
      const counts = Array.from({ length: random.below(run < 30 ? 5_000 : 300) }, () => 1 + random.below(1_000_000))
      const measured = measuredOf(counts)
      assert.isAtMost(
        measured.reduce((sum, each) => sum + each, 0),
        2_000
      )
      measured.forEach((each, i) => assert.isAtMost(each, Math.min(64, counts[i]!)))
      const left = counts.filter((_, i) => measured[i] === 0)
      const least = Math.min(...counts.filter((_, i) => measured[i]! > 0))
      if (left.length > 0) assert.isAtMost(Math.max(...left), least)
    }
    assert.deepStrictEqual(measuredOf([3, 1_000_000]), [3, 64])
    assert.deepStrictEqual(measuredOf([]), [])
  })

  it("are different ones from all over their cell, and all where it is small", () => {
    const random = new SeededRandom(6)
    for (let run = 0; run < 300; run++) {
      const ids: Array<JobId> = []
      for (let left = random.below(500), id = 1; left >= 0; left--, id += 1 + random.below(50)) ids.push(id as JobId)
      let looks = 0
      const next = (after: number, limit: number) => {
        looks++
        return ids.filter((each) => each > after).slice(0, limit)
      }
      const most = 1 + random.below(64)
      const found = sampled(most, ids.length, next, () => ids.at(-1))
      assert.strictEqual(new Set(found).size, found.length)
      assert.deepStrictEqual(
        [...found].sort((a, b) => a - b),
        found
      )
      if (ids.length <= most) assert.deepStrictEqual(found, ids)
      else {
        assert.isTrue(found.length > 0 && found.length <= most)
        assert.isAtMost(looks, most + 1)
      }
    }
    const even = Array.from({ length: 1_000 }, (_, i) => (i + 1) as JobId)
    const quarters = sampled(
      4,
      1_000,
      (after, limit) => even.filter((each) => each > after).slice(0, limit),
      () => even.at(-1)
    )
    assert.deepStrictEqual(quarters, [125, 375, 625, 875] as ReadonlyArray<number>)
  })
})
