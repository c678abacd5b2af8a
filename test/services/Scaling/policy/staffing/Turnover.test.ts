import { assert, describe, it } from "@effect/vitest"
import { leaked, settled } from "../../../../../src/services/Scaling/policy/staffing/Turnover.ts"

const perHour = 12

describe("how often slots are moved", () => {
  it("forgets as many changes an hour as are allowed, none when a clock goes back, and never fewer than none", () => {
    assert.strictEqual(leaked(10, 1_800_000, perHour), 4)
    assert.strictEqual(leaked(10, -1_800_000, perHour), 10)
    assert.strictEqual(leaked(10, 86_400_000, perHour), 0)
  })

  it("never gives fewer slots than are needed, nor more than there are or are needed", () => {
    for (const needed of [0, 1, 7, 80])
      for (const slots of [0, 1, 9, 100])
        for (const changes of [0, 3, 11, 11.5, 12, 60]) {
          const kept = settled(needed, slots, changes, perHour)
          assert.isAtLeast(kept, needed)
          assert.isAtMost(kept, Math.max(needed, slots))
        }
  })

  it("takes slots away at once while little was changed, only many of them later, and none from a full bucket", () => {
    assert.strictEqual(settled(24, 25, 0, perHour), 24)
    assert.strictEqual(settled(24, 25, 6, perHour), 25)
    assert.strictEqual(settled(20, 25, 6, perHour), 20)
    assert.strictEqual(settled(1, 25, 11.5, perHour), 25)
  })
})
