import { assert, describe, it } from "@effect/vitest"
import { relativeTime } from "../../../src/cli/terminal/RelativeTime.ts"

describe("relativeTime", () => {
  it("names the nearest unit, before and after", () => {
    const now = 1_800_000_000_000
    const cases: ReadonlyArray<readonly [number, string]> = [
      [0, "now"],
      [-499, "now"],
      [499, "now"],
      [-3000, "3 s ago"],
      [3000, "in 3 s"],
      [-59_499, "59 s ago"],
      [-59_500, "1 min ago"],
      [299_950, "in 5 min"],
      [-3_599_000, "1 h ago"],
      [-86_400_000 * 2, "2 d ago"],
      [86_400_000 * 400, "in 400 d"],
      [-23.4 * 3_600_000, "23 h ago"]
    ]
    for (const [offset, text] of cases) assert.strictEqual(relativeTime(now + offset, now), text, String(offset))
    assert.strictEqual(relativeTime(Number.NaN, now), "–")
  })
})
