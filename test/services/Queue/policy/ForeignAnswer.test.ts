import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { masked, read, told } from "../../../../src/services/Queue/policy/ForeignAnswer.ts"

describe("what another server answers", () => {
  it.effect("is read up to a bound, and no further", () =>
    Effect.gen(function* () {
      let pulled = 0
      const endless = function* () {
        for (;;) {
          pulled++
          yield Buffer.from("ä".repeat(50))
        }
      }
      const { isWhole, text } = yield* read(Stream.fromIterable(endless(), { chunkSize: 1 }), 333)
      assert.isFalse(isWhole)
      assert.strictEqual(text, `${"ä".repeat(166)}\ufffd`)
      assert.isBelow(pulled, 100)
      const exact = yield* read(Stream.make(Buffer.from("ab"), Buffer.from("cd")), 4)
      assert.deepStrictEqual(exact, { text: "abcd", isWhole: true })
      assert.deepStrictEqual(yield* read(Stream.empty, 4), { text: "", isWhole: true })
    })
  )

  it("is told in one line of two hundred characters without what a terminal obeys", () => {
    const text = told({ text: ` a\n\tb\u001b[2J\u2028c\u202e${"x".repeat(400)}😀`, isWhole: true }, [])
    assert.strictEqual(text, `a b\ufffd[2J c${"x".repeat(191)}`)
    assert.strictEqual(told({ text: "\u200b \n", isWhole: true }, []), "")
    assert.isTrue(told({ text: `${"x".repeat(199)}😀`, isWhole: true }, []).isWellFormed())
  })

  it("keeps what only looks like a secret, and short ones, which would be found everywhere", () => {
    assert.strictEqual(masked("a token, no: token-1", ["token-12", "", "a", "toke"]), "a token, no: token-1")
    assert.strictEqual(masked("x(.*)+$y", ["(.*)+$"]), "x***y")
  })

  it("is not told at all where a secret is too long to look for, and ends in a time that grows with its length", () => {
    assert.strictEqual(masked("anything", ["/<".repeat(200_000)]), "***")
    const began = performance.now()
    told({ text: "/".repeat(64 * 1024), isWhole: true }, [`${"/".repeat(200)}x`])
    told({ text: "&#x000".repeat(11_000), isWhole: true }, ["/&=?//&=?/"])
    assert.isBelow(performance.now() - began, 5000)
  })
})
