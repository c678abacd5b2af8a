import { assert, describe, it } from "@effect/vitest"
import type { GroupPolicy } from "../../../../src/services/Limits/GroupPolicy.ts"
import { checkGroupPolicy, checkKeyPolicy, mostRules } from "../../../../src/services/Limits/policy/CheckPolicy.ts"
import { OutOfBounds } from "../../../../src/services/Queue/policy/Bounds.ts"

const refused = (policy: unknown): string => {
  try {
    checkGroupPolicy("policy", policy as GroupPolicy)
  } catch (error) {
    assert.instanceOf(error, OutOfBounds)
    const { message } = error as OutOfBounds
    assert.notInclude(message, "\n")
    return message
  }
  return "taken"
}

const ofKeys = (policy: unknown) => ({ keys: [{ keys: "*", policy }] })
const rate = (fields: object) => ({ rate: { limit: 10, perMs: 1_000, ...fields } })

/** Values, and what is said of them. */
const hostile: ReadonlyArray<readonly [policy: unknown, said: RegExp]> = [
  [null, /^policy is null; expected an object/],
  ["fast", /^policy is "fast"; expected an object/],
  [{ fari: true }, /"fari" is no field of policy; known are .*fair/],
  [{ fair: "yes" }, /^policy\.fair is "yes"; expected true or false/],
  [{ backlog: 0 }, /^policy\.backlog is 0; expected a whole number/],
  [{ backlog: 1.5 }, /^policy\.backlog is 1\.5/],
  ...[0, -1, Number.NaN, Number.POSITIVE_INFINITY, "10", null, undefined, 1e10].map(
    (limit) => [rate({ limit }), /^policy\.rate\.limit is .*; expected a number above 0/] as const
  ),
  ...[0, -5, 0.5, Number.NaN, Number.POSITIVE_INFINITY, "1s", 1e15].map(
    (perMs) => [rate({ perMs }), /^policy\.rate\.perMs is .*; expected a whole number from 1/] as const
  ),
  ...[0, 0.99, -1, Number.NaN, Number.POSITIVE_INFINITY, "2", null].map(
    (burst) => [rate({ burst }), /^policy\.rate\.burst is .*; expected a number from 1/] as const
  ),
  [rate({ per: 1 }), /"per" is no field of policy\.rate/],
  ...[0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "4", null].map(
    (concurrency) =>
      [ofKeys({ concurrency }), /^policy\.keys\[0\]\.policy\.concurrency is .*expected a whole number/] as const
  ),
  ...[0, -2, Number.NaN, Number.POSITIVE_INFINITY, "1", 1e9].map(
    (weight) => [ofKeys({ weight }), /^policy\.keys\[0\]\.policy\.weight is .*from 0\.001 to/] as const
  ),
  [ofKeys({ order: "lifo" }), /order is "lifo"; expected rank, fifo/],
  [ofKeys({ conflict: "drop" }), /conflict is "drop"; expected queue, cancelNewest, cancelRunning/],
  [ofKeys({ order: "fifo", holds: 1 }), /holds is 1; expected true or false/],
  [ofKeys({ concurency: 1 }), /"concurency" is no field of policy\.keys\[0\]\.policy/],
  [{ keys: "*" }, /^policy\.keys is "\*"; expected a list of at most/],
  [
    { keys: Array.from({ length: mostRules + 1 }, () => ({ keys: "*", policy: {} })) },
    /expected a list of at most 1000/
  ],
  [{ keys: [{ keys: "", policy: {} }] }, /^policy\.keys\[0\]\.keys is ""; expected 1 to 200 characters/],
  [{ keys: [{ keys: "k".repeat(201), policy: {} }] }, /^policy\.keys\[0\]\.keys, 201 characters long/],
  [{ keys: [{ keys: "a\0b", policy: {} }] }, /^policy\.keys\[0\]\.keys is "a\\u0000b"/],
  [{ keys: [{ keys: "*", tier: "pro" }] }, /the tier of keys "\*" is "pro"; expected one of policy\.tiers/],
  [{ tiers: { free: {} }, keys: [{ keys: "*", tier: "pro" }] }, /is "pro"; expected one of policy\.tiers/],
  [{ tiers: { free: { weight: 0 } } }, /^policy\.tiers\.free\.weight is 0/],
  [{ tiers: new Map([["free", {}]]) }, /^policy\.tiers is .*; expected a plain object/]
]

describe("a policy", () => {
  for (const [policy, said] of hostile) {
    it(`is refused: ${said.source}`, () => assert.match(refused(policy), said))
  }

  it("is taken as it is given where every field is within its bounds", () => {
    const policy: GroupPolicy = {
      rate: { limit: 0.5, perMs: 60_000, burst: 1 },
      backlog: 1,
      fair: true,
      tiers: { free: { concurrency: 1, weight: 0.5 }, pro: { weight: 4 } },
      keys: [
        { keys: "customer-*", tier: "free" },
        { keys: "*", tier: "pro", policy: { order: "fifo", holds: false, conflict: "cancelNewest", backlog: 10 } }
      ]
    }
    assert.deepStrictEqual(checkGroupPolicy("policy", policy), policy)
    assert.deepStrictEqual(checkGroupPolicy("policy", {}), {})
    assert.deepStrictEqual(checkKeyPolicy("policy", { concurrency: 100_000 }), { concurrency: 100_000 })
  })
})
