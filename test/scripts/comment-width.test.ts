import { assert, describe, it } from "@effect/vitest"
import { tooWide } from "../../scripts/comment-width.ts"

const words = "word ".repeat(30)

describe("comments that are too wide", () => {
  it("are those of every form, each by its line", () => {
    const source = ["const a = 1", `// ${words}`, `  /** ${words} */`, "/**", ` * ${words}`, ` * - ${words}`, " */"]
    assert.deepStrictEqual(tooWide(source.join("\n")), [2, 3, 5, 6])
  })

  it("are not what cannot be broken, what a tool reads, and code", () => {
    const address = `https://example.org/${"a".repeat(120)}`
    const source = [
      `// ${address}`,
      ` * - ${address}`,
      `// biome-ignore lint/a/b: ${words}`,
      `const text = "${words}"`,
      ` * | a | ${words} |`
    ]
    assert.deepStrictEqual(tooWide(source.join("\n")), [])
    assert.deepStrictEqual(tooWide(`// ${"a".repeat(58)} ${"b".repeat(58)}`), [])
  })
})
