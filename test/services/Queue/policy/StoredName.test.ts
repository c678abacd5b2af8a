import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { namePattern, storedName } from "../../../../src/services/Queue/policy/StoredName.ts"

describe("StoredName", () => {
  it("leaves names as they are", () => {
    for (const name of ["shell", "demo.hash", "img:resize/2", "a".repeat(100)])
      assert.strictEqual(storedName(name), name)
  })

  it("gives what is no name one that is, and tells alike ones apart", () => {
    assert.match(storedName("a b"), /^not-a-name:a-b:[0-9a-f]{8}$/)
    assert.notStrictEqual(storedName("a b"), storedName("a\tb"))
    for (const name of ["", "-rf", "x$(touch /tmp/x)", "\x1b]0;t\x07", "a\nb", "\0", "\ud800", "a".repeat(100_000)])
      assert.match(storedName(name), namePattern)
    for (const odd of [null, 17, new Uint8Array([0xff, 0x1b]), 1e308]) assert.match(storedName(odd), namePattern)
  })

  it.prop("answers a name for any text, and that one for itself", [Schema.String], ([text]) => {
    const name = storedName(text)
    assert.match(name, namePattern)
    assert.strictEqual(storedName(name), name)
  })
})
