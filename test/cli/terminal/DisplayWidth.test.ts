import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as DisplayWidth from "../../../src/cli/terminal/DisplayWidth.ts"

describe("DisplayWidth", () => {
  it("counts terminal cells", () => {
    for (const [text, cells] of [
      ["abc", 3],
      ["日本", 4],
      ["e\u0301", 1],
      ["👩‍👩‍👧", 2],
      ["🇦🇹", 2],
      ["👍🏽", 2],
      ["ｱ", 1],
      ["", 0],
      ["\x1b[31mred\x1b[39m", 3]
    ] as const) {
      assert.strictEqual(DisplayWidth.cells(text), cells, text)
    }
  })

  it("cuts between characters, never inside one", () => {
    assert.strictEqual(DisplayWidth.truncate("abcdef", 6), "abcdef")
    assert.strictEqual(DisplayWidth.truncate("abcdef", 5), "abcd…")
    assert.strictEqual(DisplayWidth.truncate("日本語", 5), "日本…")
    assert.strictEqual(DisplayWidth.truncate("日本語", 4), "日…")
    assert.strictEqual(DisplayWidth.truncate("e\u0301e\u0301e\u0301", 2), "e\u0301…")
    assert.strictEqual(DisplayWidth.truncate("👩‍👩‍👧👩‍👩‍👧", 3), "👩‍👩‍👧…")
    assert.strictEqual(DisplayWidth.truncate("日本", 1), "…")
    assert.strictEqual(DisplayWidth.truncate("abc", 0), "")
  })

  it("pads to either side", () => {
    assert.strictEqual(DisplayWidth.pad("日", 4, "left"), "日  ")
    assert.strictEqual(DisplayWidth.pad("12", 4, "right"), "  12")
    assert.strictEqual(DisplayWidth.pad("12345", 4, "right"), "12345")
  })

  it.prop(
    "never exceeds the width, and keeps what fits as it is",
    [Schema.String, Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 30 }))],
    ([text, width]) => {
      const cut = DisplayWidth.truncate(text, width)
      assert.isAtMost(DisplayWidth.cells(cut), width)
      if (width > 0 && DisplayWidth.cells(text) <= width) assert.strictEqual(cut, text)
    }
  )
})
