/** Text of strangers meets no pattern that costs more than time linear in it. */
import { assert, describe, it } from "@effect/vitest"
import { slowText, superLinearParts } from "../support/patterns/Cost.ts"
import { inSources, madeIn, type SourcePattern } from "../support/patterns/SourcePatterns.ts"

const { literals, made } = inSources()
const checked = [...literals]

const counts = (patterns: ReadonlyArray<SourcePattern>): Readonly<Record<string, number>> => {
  const counted: Record<string, number> = {}
  for (const { at } of patterns) counted[at] = (counted[at] ?? 0) + 1
  return counted
}

const bad = (source: string, flags = ""): SourcePattern => ({ at: "here", source, flags })

describe("regular expressions of the sources", () => {
  it("are all found: literals by a parser, others as they are made", () => {
    assert.isAbove(literals.length, 90)
    assert.include(
      literals.map(({ at }) => at.replace(/:\d+$/, "")),
      "bin/sluice.mjs"
    )
    const patterns = madeIn(Object.keys(made))
    const { "src/services/Memory/heap/HeapLimit.ts": inHeapLimit, ...others } = counts(patterns)
    // One `new RegExp`, called for each of the flags it knows.
    assert.deepStrictEqual({ ...others, "src/services/Memory/heap/HeapLimit.ts": Math.min(1, inHeapLimit!) }, made)
    checked.push(...patterns)
  })

  it("say nothing that could be tried in two ways or from every place of a long run", () => {
    const wrong = checked.flatMap((pattern) =>
      superLinearParts(pattern).map((part) => `${pattern.at} /${pattern.source}/: ${part}`)
    )
    assert.deepStrictEqual(wrong, [])
  })

  it("take no text of repetitions slower than it grows", { timeout: 60_000 }, () => {
    const wrong = checked.flatMap((pattern) => {
      const text = slowText(pattern)
      return text === undefined ? [] : [`${pattern.at} /${pattern.source}/: ${text}`]
    })
    assert.deepStrictEqual(wrong, [])
  })

  it("would be told, by both, when they are slow", () => {
    for (const pattern of [
      bad("(?<=.)\\/+$", "s"),
      bad("(?<!\\\\)((?:\\\\\\\\)*) +$"),
      bad("(?<!\\\\)\\s+$"),
      bad("\\s*\\n\\s*", "g"),
      bad("\\s*%$"),
      bad("in \\d+ \\w+|\\d+ \\w+ ago", "g"),
      bad("^-+|-+$", "g")
    ]) {
      assert.isNotEmpty(superLinearParts(pattern), pattern.source)
      assert.isDefined(slowText(pattern), pattern.source)
    }
  })
})
