import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { SafeText } from "../../../src/services/Text/index.ts"

/** What acts on a terminal, ends a line or shows nothing; said apart from the rule that is tested. */
const actsOrHides = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\u2800]/u

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" })
const drawn = /^(?:\p{Extended_Pictographic}|[#*0-9]\ufe0f|\p{Ideographic}[\ufe00-\ufe02\u{e0100}-\u{e01ef}]$)/v

/** Characters left in a text that a reader cannot see and no emoji or ideograph accounts for. */
const left = (text: string): ReadonlyArray<string> =>
  actsOrHides.test(text)
    ? Array.from(graphemes.segment(text), ({ segment }) => segment).filter(
        (segment) => actsOrHides.test(segment) && !drawn.test(segment)
      )
    : []

const pieces = [
  ..."\0\x07\b\t\n\r\x1b\x7f\x85\x9b\x9d\u00ad\u034f\u061c\u115f\u1160\u17b4\u180e\u200b\u200c\u200d\u200e\u2028\u2029\u202e\u2060\u2066\u2800\u3164",
  ..."\ufe00\ufe0e\ufe0f\ufeff\uffa0\ufff9\ufffe\u{e0001}\u{e0062}\u{e0067}\u{e007f}\u{e0100}\u{1bca0}\u{1d173}",
  ..."a#1 é葛日👩❤🏽🏴🇦🇹\u0301\u20e3",
  "\ud83d",
  "\ude00",
  "\x1b]52;c;aGk=\x07",
  "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
  "👩‍👩‍👧"
]
const texts = Schema.Array(Schema.Literals(pieces))

describe("SafeText", () => {
  it("shows every character that acts or hides, wherever Unicode has it", () => {
    for (let code = 0; code <= 0x10ffff; code++) {
      const character = String.fromCodePoint(code)
      if (!actsOrHides.test(character)) continue
      for (const shown of [SafeText.line(`a${character}b`), SafeText.json(`"${character}"`)])
        if (actsOrHides.test(shown) && shown !== `"${character}"`) assert.fail(`U+${code.toString(16)} is left`)
    }
  })

  it("leaves what people write: scripts with their marks, spaces, emoji of every kind, forms of ideographs", () => {
    for (const text of [
      "Grüße, 日本, שלום, नमस्ते, tiếng Việt, ด้วยน้ำ, བོད་ཡིག, e\u0301, a\u00a0b\u3000c",
      "👩‍👩‍👧 👨🏻‍❤️‍💋‍👨🏼 👩🏽‍🚀 🏳️‍🌈 🏴‍☠️ 🏃‍♂️‍➡️ 🐻‍❄️ 🧑🏻‍🤝‍🧑🏿 👍🏽 ❤️ ☎︎ ™ ©️",
      "🇦🇹 🏴󠁧󠁢󠁥󠁮󠁧󠁿 🏴󠁧󠁢󠁳󠁣󠁴󠁿 🏴󠁧󠁢󠁷󠁬󠁳󠁿 1️⃣ #️⃣",
      "葛\u{e0100}城"
    ]) {
      assert.strictEqual(SafeText.line(text), text)
      assert.strictEqual(SafeText.block(text), text)
      assert.strictEqual(SafeText.json(text), text)
    }
  })

  it("shows joiners, selectors and tags that belong to nothing drawn", () => {
    assert.strictEqual(SafeText.line("a\u200db👩\u200db"), "a\\u{200d}b👩\\u{200d}b")
    assert.strictEqual(
      SafeText.line("a\ufe0f\u{e0101}日\u{e0101}\u{e0102}"),
      "a\\u{fe0f}\\u{e0101}日\u{e0101}\\u{e0102}"
    )
    assert.strictEqual(SafeText.line("🏴\u{e0068}\u{e0069}\u{e007f}"), "🏴\\u{e0068}\\u{e0069}\\u{e007f}")
    assert.strictEqual(SafeText.line("👩".concat("\u200d👩".repeat(9))).split("\\u{200d}").length, 2)
  })

  it("shows marks that would cover the lines above and below", () => {
    assert.strictEqual(SafeText.line(`e${"\u0301".repeat(10)}x`), `e${"\u0301".repeat(8)}\\u{301}\\u{301}x`)
  })

  it.prop("lets nothing through, whatever stands beside it", [texts], ([parts]) => {
    const text = parts.join("")
    assert.deepStrictEqual(left(SafeText.line(text)), [])
    assert.deepStrictEqual(left(SafeText.block(text).replace(/[\n\t]/g, "")), [])
    assert.deepStrictEqual(JSON.parse(SafeText.json(JSON.stringify(text))), text)
    assert.deepStrictEqual(left(SafeText.json(JSON.stringify(text))), [])
  })

  it.prop("changes nothing that was made safe already", [texts], ([parts]) => {
    const once = SafeText.line(parts.join(""))
    assert.strictEqual(SafeText.line(once), once)
  })
})
