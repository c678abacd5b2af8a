import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { didYouMean, nearest } from "../../../src/cli/input/Suggestion.ts"

const states = ["scheduled", "pending", "running", "completed", "failed", "cancelled"]

describe("Suggestion", () => {
  it("finds what was most likely meant", () => {
    assert.strictEqual(nearest("pendign", states), "pending")
    assert.strictEqual(nearest("canceled", states), "cancelled")
    assert.strictEqual(nearest("RUNING", states), "running")
    assert.strictEqual(nearest("ls", ["rm", "get", "ls"]), "ls")
    assert.strictEqual(nearest("sl", ["rm", "get", "ls"]), "ls")
    assert.strictEqual(nearest("ad", ["add", "map", "run"]), "add")
    assert.strictEqual(
      nearest("memory-intesive", ["filesystem", "network", "computation", "memory-intensive"]),
      "memory-intensive"
    )
  })

  it("stays silent when nothing is near, the input is empty or absurdly long", () => {
    assert.strictEqual(nearest("banana", states), undefined)
    assert.strictEqual(nearest("x", ["ls", "rm"]), undefined)
    assert.strictEqual(nearest("", states), undefined)
    assert.strictEqual(nearest("pending".repeat(100_000), states), undefined)
    assert.strictEqual(didYouMean("banana", states), "")
  })

  it("shows the candidate without its control characters", () => {
    assert.strictEqual(didYouMean("mail", ["mai\x1bl"]), ' Did you mean "mai\\x1bl"?')
  })

  const word = Schema.String.check(Schema.isPattern(/^[a-z]{6,12}$/))
  const place = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4 }))

  it.prop("forgives one slip of any kind in a word of six letters or more", [word, place], ([meant, at]) => {
    const slips = [
      meant.slice(0, at) + meant.slice(at + 1),
      `${meant.slice(0, at)}#${meant.slice(at)}`,
      `${meant.slice(0, at)}#${meant.slice(at + 1)}`,
      meant.slice(0, at) + meant[at + 1] + meant[at] + meant.slice(at + 2)
    ]
    for (const slip of slips) assert.strictEqual(nearest(slip, [meant]), meant, slip)
  })
})
