import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as HumanNumber from "../../../src/cli/terminal/HumanNumber.ts"

describe("HumanNumber", () => {
  it("writes durations", () => {
    const cases: ReadonlyArray<readonly [number, string]> = [
      [0, "0 ms"],
      [0.0131, "0.013 ms"],
      [1.92, "1.9 ms"],
      [9.96, "10 ms"],
      [12.34, "12.3 ms"],
      [480, "480 ms"],
      [999.4, "999 ms"],
      [999.6, "1 s"],
      [2500, "2.5 s"],
      [12_340, "12.3 s"],
      [59_949, "59.9 s"],
      [59_960, "1 min"],
      [125_000, "2 min 5 s"],
      [3_599_400, "59 min 59 s"],
      [3_599_600, "1 h"],
      [3_900_000, "1 h 5 min"],
      [86_399_000, "1 d"],
      [266_400_000, "3 d 2 h"],
      [-5000, "-5 s"],
      [Number.NaN, "–"]
    ]
    for (const [milliseconds, text] of cases)
      assert.strictEqual(HumanNumber.duration(milliseconds), text, String(milliseconds))
  })

  it("writes counts, bytes, rates and shares", () => {
    assert.strictEqual(HumanNumber.count(10_000), "10,000")
    assert.strictEqual(HumanNumber.bytes(0), "0 B")
    assert.strictEqual(HumanNumber.bytes(300), "300 B")
    assert.strictEqual(HumanNumber.bytes(200_000_000), "200 MB")
    assert.strictEqual(HumanNumber.bytes(1_550_000), "1.6 MB")
    assert.strictEqual(HumanNumber.bytes(16 * 1024 ** 2, "binary"), "16 MiB")
    assert.strictEqual(HumanNumber.bytes(999_999), "1 MB")
    assert.strictEqual(HumanNumber.bytes(-1), "–")
    assert.strictEqual(HumanNumber.rate(0), "0/s")
    assert.strictEqual(HumanNumber.rate(812.4), "812/s")
    assert.strictEqual(HumanNumber.rate(800_000), "800,000/s")
    assert.strictEqual(HumanNumber.rate(2.5), "2.5/s")
    assert.strictEqual(HumanNumber.rate(0.05), "3/min")
    assert.strictEqual(HumanNumber.rate(2 / 3600), "2/h")
    assert.strictEqual(HumanNumber.rate(Number.POSITIVE_INFINITY), "–")
    assert.strictEqual(HumanNumber.percent(0.425), "42 %")
    assert.strictEqual(HumanNumber.percent(1), "100 %")
    assert.strictEqual(HumanNumber.percent(0.9999), "99 %")
    assert.strictEqual(HumanNumber.percent(0.0001), "<1 %")
    assert.strictEqual(HumanNumber.percent(0), "0 %")
    assert.strictEqual(HumanNumber.percent(0.29), "29 %")
    assert.strictEqual(HumanNumber.percent(0 / 0), "–")
  })

  it.prop(
    "stays within 6 % of the duration and never overflows a unit",
    [Schema.Finite.check(Schema.isBetween({ minimum: 0.001, maximum: 1e11 }))],
    ([value]) => {
      const inUnit = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const
      const limit = { ms: 1000, s: 60, min: 60, h: 24, d: Number.POSITIVE_INFINITY } as const
      let total = 0
      for (const [, n, unit] of HumanNumber.duration(value).matchAll(/([\d.,]+) (ms|s|min|h|d)/g)) {
        const amount = Number(n!.replaceAll(",", ""))
        assert.isBelow(amount, limit[unit as keyof typeof limit])
        total += amount * inUnit[unit as keyof typeof inUnit]
      }
      assert.isAtMost(Math.abs(total - value), value * 0.06)
    }
  )
})
