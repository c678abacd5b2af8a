import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Sanitize from "../../../src/cli/terminal/Sanitize.ts"

const isHostile = (code: number) =>
  code < 0x20 ||
  (code >= 0x7f && code < 0xa0) ||
  (code >= 0xd800 && code <= 0xdfff) ||
  (code >= 0x202a && code <= 0x202e) ||
  (code >= 0x2066 && code <= 0x2069) ||
  code === 0x200e ||
  code === 0x200f ||
  code === 0x61c ||
  code === 0x2028 ||
  code === 0x2029 ||
  code === 0xfeff

const any = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0x2100 })))

describe("Sanitize", () => {
  it("shows control characters instead of letting them act", () => {
    assert.strictEqual(Sanitize.line("\x1b]0;owned\x07\x1b[2J"), "\\x1b]0;owned\\x07\\x1b[2J")
    assert.strictEqual(Sanitize.line("a\0b\tc\nd\re\x7f\x9b31m"), "a\\0b\\tc\\nd\\re\\x7f\\x9b31m")
    assert.strictEqual(Sanitize.line("safe\u202egpj.exe\u2066"), "safe\\u{202e}gpj.exe\\u{2066}")
    assert.strictEqual(
      Sanitize.line("half \ud83d, whole \ud83d\ude00, other \ude00"),
      "half \\u{d83d}, whole 😀, other \\u{de00}"
    )
  })

  it("leaves every other text alone", () => {
    for (const text of ["", "C:\\new", "Grüße, 日本, שלום, नमस्ते", "👩‍👩‍👧 e\u0301 👍🏽 🇦🇹"]) {
      assert.strictEqual(Sanitize.line(text), text)
      assert.strictEqual(Sanitize.block(text), text)
    }
  })

  it("keeps tabs and newlines in blocks only", () => {
    assert.strictEqual(Sanitize.block("a\tb\r\nc\nd\re\x1b[A"), "a\tb\nc\nd\\re\\x1b[A")
  })

  it("keeps the value of JSON", () => {
    const value = { "\u202ename": ["\x9b31m", "\x7f", "\ud800", "\x1b", "é\n"] }
    for (const indent of [0, 2]) {
      const shown = Sanitize.json(JSON.stringify(value, null, indent))
      assert.deepStrictEqual(JSON.parse(shown), value)
      for (const hidden of ["\x7f", "\x9b", "\u202e", "\x1b"]) assert.notInclude(shown, hidden)
    }
  })

  it.prop("lets nothing hostile through", [any], ([codes]) => {
    const text = String.fromCharCode(...codes)
    assert.isFalse(Array.from(Sanitize.line(text), (c) => c.codePointAt(0)!).some(isHostile))
    assert.isFalse(Array.from(Sanitize.block(text).replace(/[\n\t]/g, ""), (c) => c.codePointAt(0)!).some(isHostile))
  })

  it("escapes each hostile character by itself", () => {
    for (let code = 0; code < 0x10000; code++) {
      if (isHostile(code))
        assert.notInclude(Sanitize.line(`a${String.fromCharCode(code)}b`), String.fromCharCode(code), code.toString(16))
    }
  })
})
