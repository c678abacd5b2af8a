import { assert, describe, it } from "@effect/vitest"
import { SeededRandom, seeds } from "../../../support/SeededRandom.ts"
import type { GroupPolicy } from "../../../../src/services/Limits/GroupPolicy.ts"
import { fitsPattern, isUnlimited, policyOf } from "../../../../src/services/Limits/policy/KeyRules.ts"

/** The naive way. */
const asExpression = (pattern: string): RegExp =>
  new RegExp(`^${pattern.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", "[^]*")}$`)

const letters = ["a", "b", ".", "(", "\\", "\n", "é"]

const text = (random: SeededRandom, of: ReadonlyArray<string>, most: number): string =>
  Array.from({ length: random.below(most + 1) }, () => random.pick(of)).join("")

describe("the rules of keys", () => {
  it("a pattern fits what a regular expression with any text for each star fits", () => {
    for (const seed of seeds(5_000)) {
      const random = new SeededRandom(seed)
      const pattern = text(random, [...letters, "*", "*", "*"], 6)
      const key = text(random, letters.slice(0, 2 + random.below(5)), 8)
      assert.strictEqual(fitsPattern(pattern, key), asExpression(pattern).test(key), `${pattern} and ${key}`)
    }
  })

  it("a pattern of a key with any of it left out fits the key", () => {
    for (const seed of seeds(500)) {
      const random = new SeededRandom(seed)
      const key = text(random, letters, 12)
      const from = random.below(key.length + 1)
      const to = from + random.below(key.length - from + 1)
      assert.isTrue(fitsPattern(`${key.slice(0, from)}*${key.slice(to)}`, key), `${key} from ${from} to ${to}`)
    }
  })

  it("a pattern full of stars is answered at once", () => {
    const pattern = `${"*a".repeat(100)}b`
    const began = performance.now()
    assert.isFalse(fitsPattern(pattern, "a".repeat(200)))
    assert.isBelow(performance.now() - began, 100)
  })

  const policy: GroupPolicy = {
    tiers: { free: { concurrency: 1, backlog: 5 } },
    keys: [
      { keys: "vip", policy: { concurrency: 9 } },
      { keys: "v*", tier: "free", policy: { backlog: 7 } },
      { keys: "z*", tier: "free" }
    ]
  }

  it("the first that fits holds, its tier below it, an operator's over all of them", () => {
    assert.deepStrictEqual(policyOf(policy, "vip", undefined), { concurrency: 9 })
    assert.deepStrictEqual(policyOf(policy, "vera", undefined), { concurrency: 1, backlog: 7 })
    assert.deepStrictEqual(policyOf(policy, "zoe", undefined), { concurrency: 1, backlog: 5 })
    assert.deepStrictEqual(policyOf(policy, "zoe", { policy: { weight: 2 }, paused: false }), { weight: 2 })
  })

  it("who has no rule is not limited, but in a fair group, or when it is paused", () => {
    assert.isUndefined(policyOf(policy, "anna", undefined))
    assert.isUndefined(policyOf(policy, "", undefined))
    assert.deepStrictEqual(policyOf(policy, "anna", { policy: undefined, paused: true }), {})
    for (const key of ["anna", ""]) assert.deepStrictEqual(policyOf({ ...policy, fair: true }, key, undefined), {})
  })

  it("a policy without rules limits nothing", () => {
    for (const none of [{}, { fair: false }, { keys: [] }, { tiers: { free: {} } }]) assert.isTrue(isUnlimited(none))
    for (const some of [policy, { fair: true }, { backlog: 3 }, { rate: { limit: 1, perMs: 1 } }])
      assert.isFalse(isUnlimited(some))
  })
})
