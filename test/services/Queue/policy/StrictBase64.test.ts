import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { randomBytes } from "node:crypto"
import { decode } from "../../../../src/services/Queue/policy/StrictBase64.ts"
import { OutputBytes } from "../../../../src/services/Queue/run/OutputBytes.ts"

describe("base64", () => {
  it("is read to the bytes that were written", () => {
    for (let length = 0; length < 300; length++) {
      const bytes = randomBytes(length)
      assert.deepStrictEqual(decode(bytes.toString("base64")), bytes)
    }
  })

  it("is none with anything else in it, whatever a lenient reader would make of it", () => {
    for (const text of [
      "!!!!AAAA",
      "AAA",
      "AAAAA",
      "AA=A",
      "A===",
      "====",
      "AAA=AAAA",
      "AAAA\n",
      "AA\r\nAA",
      " AAAA",
      "AA-_",
      "AB==",
      "AAB=",
      "AAAA====",
      "ＡAAA",
      "AAA\0"
    ])
      assert.isUndefined(decode(text), JSON.stringify(text))
    assert.strictEqual(decode("")?.length, 0)
  })

  it("in what a command read or wrote is refused when it is none", () => {
    const read = Schema.decodeUnknownOption(OutputBytes)
    assert.strictEqual(read({ base64: "/w==" })._tag, "Some")
    for (const base64 of ["!!!!", "/x==", "/w", "/w==\n"]) assert.strictEqual(read({ base64 })._tag, "None", base64)
  })
})
