import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { page, target } from "../../scripts/settings-docs.ts"

describe("the list of all settings", () => {
  it("says what the code says; node scripts/settings-docs.ts writes it anew", () => {
    assert.strictEqual(readFileSync(target, "utf8"), page())
  })

  it("says of each setting what it does", () => {
    const lines = page().split("\n")
    assert.isAbove(lines.filter((line) => line.startsWith("| `")).length, 100)
    assert.deepStrictEqual(
      lines.filter((line) => /\|\s*\|$/.test(line)),
      []
    )
  })
})
