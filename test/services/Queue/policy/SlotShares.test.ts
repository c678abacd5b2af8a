import { assert, describe, it } from "@effect/vitest"
import { slotShares } from "../../../../src/services/Queue/policy/SlotShares.ts"
import { SeededRandom } from "../../../support/SeededRandom.ts"

const free = Number.POSITIVE_INFINITY

describe("shares of slots", () => {
  it("are even, the rest to the first sessions", () => {
    const shares = slotShares(11, [
      { key: 9, most: free },
      { key: 4, most: free },
      { key: 7, most: free }
    ])
    assert.deepStrictEqual(
      [...shares].sort((a, b) => a[0] - b[0]),
      [
        [4, 4],
        [7, 4],
        [9, 3]
      ]
    )
  })

  it("leave what a worker may not take to the others", () => {
    const shares = slotShares(12, [
      { key: 1, most: free },
      { key: 2, most: 2 },
      { key: 3, most: free }
    ])
    assert.deepStrictEqual(Object.fromEntries(shares), { 1: 5, 2: 2, 3: 5 })
    assert.deepStrictEqual(Object.fromEntries(slotShares(9, [{ key: 1, most: 4 }])), { 1: 4 })
  })

  it("always add up, never exceed a worker's most, and do not depend on the order of the list", () => {
    const seeded = new SeededRandom(11)
    const random = () => seeded.next()
    for (let run = 0; run < 500; run++) {
      const takers = Array.from({ length: 1 + Math.floor(random() * 8) }, (_, i) => ({
        key: i + 1,
        most: random() < 0.5 ? free : Math.floor(random() * 6)
      }))
      const slots = Math.floor(random() * 40)
      const shares = slotShares(slots, takers)
      const sum = [...shares.values()].reduce((a, b) => a + b, 0)
      const most = takers.reduce((a, { most }) => a + most, 0)
      assert.strictEqual(sum, Math.min(slots, most))
      for (const { key, most } of takers) assert.isAtMost(shares.get(key)!, most)
      const again = slotShares(slots, takers.toReversed())
      for (const { key } of takers) assert.strictEqual(again.get(key), shares.get(key))
    }
  })
})
