import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { type GroupPolicy, noPolicy } from "../../../../src/services/Limits/GroupPolicy.ts"
import { policyOf } from "../../../../src/services/Limits/policy/KeyRules.ts"
import {
  editPolicy,
  editRule,
  editTier,
  removeRule,
  removeTier
} from "../../../../src/services/Limits/policy/PolicyEdit.ts"
import { groupPolicyText, keyPolicyText } from "../../../../src/services/Limits/policy/PolicyText.ts"

const patterns = ["*", "c*", "customer-*", "customer-*-eu", "customer-7", "acme"] as const

describe("a policy edited", () => {
  it("keeps what the edit does not name, and loses what it takes away", () => {
    const policy = editPolicy({ backlog: 10, fair: true }, { backlog: null, rate: { limit: 5, perMs: 1_000 } })
    assert.deepStrictEqual(policy, { fair: true, rate: { limit: 5, perMs: 1_000 } })
    const rule = editRule(noPolicy, "acme", { policy: { concurrency: 2, weight: 3 } })
    assert.deepStrictEqual(editRule(rule, "acme", { tier: "pro", policy: { weight: null } }), {
      keys: [{ keys: "acme", tier: "pro", policy: { concurrency: 2 } }]
    })
  })

  it("loses the last rule and the last tier whole", () => {
    const policy = editTier(editRule(noPolicy, "*", { policy: { concurrency: 1 } }), "pro", { concurrency: 9 })
    assert.deepStrictEqual(removeTier(removeRule(policy, "*"), "pro"), {})
    assert.deepStrictEqual(removeRule(policy, "unknown"), policy)
  })

  it.prop(
    "asks a key's own rule before a pattern, and a narrow pattern before a wide one, in whatever order they were set",
    [Schema.Array(Schema.Literals(patterns)).check(Schema.isMinLength(1))],
    ([set]) => {
      let policy: GroupPolicy = noPolicy
      for (const keys of set) policy = editRule(policy, keys, { policy: { concurrency: 1 + patterns.indexOf(keys) } })
      assert.strictEqual(policy.keys!.length, new Set(set).size)
      const narrowest = (key: string, fitting: ReadonlyArray<(typeof patterns)[number]>) =>
        assert.strictEqual(
          policyOf(policy, key, undefined)?.concurrency,
          1 + Math.max(...fitting.filter((each) => set.includes(each)).map((each) => patterns.indexOf(each)), -1) ||
            undefined
        )
      narrowest("customer-7", ["*", "c*", "customer-*", "customer-7"])
      narrowest("customer-7-eu", ["*", "c*", "customer-*", "customer-*-eu"])
      narrowest("acme", ["*", "acme"])
    }
  )

  it("is said in few words", () => {
    assert.strictEqual(keyPolicyText({}), "")
    assert.strictEqual(
      keyPolicyText({ concurrency: 2, rate: { limit: 10, perMs: 60_000, burst: 3 }, order: "fifo", backlog: 5 }),
      "2 at a time, 10/min (burst 3), fifo, backlog 5"
    )
    assert.strictEqual(groupPolicyText({ rate: { limit: 50, perMs: 1_000 }, fair: true }), "50/s, fair shares")
  })
})
