import { assert, describe, it } from "@effect/vitest"
import type { FeedbackPolicy } from "../../../../src/services/Limits/GroupPolicy.ts"
import { eventOf, feedbackAfter, learns } from "../../../../src/services/Limits/policy/Feedback.ts"
import { learned, type Learned } from "../../../../src/services/Limits/policy/Learning.ts"
import type { Settle } from "../../../../src/services/Store/Turn.ts"

const now = 1_700_000_000_000
const startedAt = now - 50

const ended = (outcome: Settle["outcome"], heldBackUntil?: number): Settle =>
  ({ id: 1, attempt: 1, outcome, due: now, rank: now, runMs: 50, heldBackUntil }) as unknown as Settle

const failed = ended("failed")
const refused = ended("release", now + 1_000)

const policies: ReadonlyArray<FeedbackPolicy> = [
  {},
  { adaptive: true },
  { breaker: {} },
  { adaptive: true, breaker: {} }
]

/** Group, key or undefined where the job's is not limited. */
const pairs = policies.flatMap((group) => [undefined, ...policies].map((key) => ({ group, key })))

const learnt = (group: FeedbackPolicy, key: FeedbackPolicy | undefined, settle: Settle): Learned | undefined =>
  learned(
    { policy: group, feedback: undefined },
    key && { policy: key, feedback: undefined },
    { settle, startedAt, cost: 1 },
    now
  )

describe("what a group and its key learn from the end of an attempt", () => {
  it("is nothing where neither learns, and something as soon as one does", () => {
    for (const { group, key } of pairs)
      for (const settle of [failed, refused])
        assert.strictEqual(
          learnt(group, key, settle) !== undefined,
          learns(group) || (key !== undefined && learns(key))
        )
  })

  it("is told to both, but a refusal to one: the key, unless only its group finds the rate", () => {
    for (const { group, key } of pairs) {
      const failure = learnt(group, key, failed)
      const refusal = learnt(group, key, refused)
      if (failure === undefined || refusal === undefined) continue
      assert.deepStrictEqual([failure.group !== undefined, failure.key !== undefined], [true, key !== undefined])
      const isOfKey = key !== undefined && (key.adaptive === true || group.adaptive !== true)
      assert.deepStrictEqual([refusal.group !== undefined, refusal.key !== undefined], [!isOfKey, isOfKey])
    }
  })

  it("is what the policy of each makes of it", () => {
    for (const { group, key } of pairs)
      for (const settle of [failed, refused]) {
        const event = eventOf(settle, startedAt, 1)
        const told = learnt(group, key, settle)
        if (told?.group !== undefined)
          assert.deepStrictEqual(told.group.feedback, feedbackAfter(group, undefined, event, now))
        if (told?.key !== undefined)
          assert.deepStrictEqual(told.key.feedback, feedbackAfter(key!, undefined, event, now))
      }
  })
})
