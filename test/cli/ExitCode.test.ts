import { assert, describe, it } from "@effect/vitest"
import { ExitCode, exitMeanings } from "../../src/cli/ExitCode.ts"

describe("ExitCode", () => {
  it("has the documented numbers, each once and with a meaning", () => {
    assert.deepStrictEqual(
      exitMeanings.map(({ code }) => code),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 129, 130, 143]
    )
    assert.strictEqual(new Set(exitMeanings.map(({ meaning }) => meaning)).size, 13)
    for (const { code, meaning, name } of exitMeanings) {
      assert.strictEqual(ExitCode[name], code)
      assert.isAbove(meaning.length, 3)
    }
  })
})
