import { assert, describe, it } from "@effect/vitest"
import { newAdaptive } from "../../../../src/services/Limits/policy/AdaptiveRate.ts"
import { newBreaker } from "../../../../src/services/Limits/policy/Breaker.ts"
import { feedbackIn, feedbackText } from "../../../../src/services/Store/sqlite/FeedbackText.ts"

describe("what is known of another side", () => {
  it("is the same when it comes back", () => {
    for (const feedback of [
      undefined,
      { rate: newAdaptive },
      { breaker: newBreaker },
      { rate: newAdaptive, breaker: newBreaker }
    ])
      assert.deepStrictEqual(feedbackIn(feedbackText(feedback)), feedback)
  })

  it("is learned anew where it cannot be read, and what can be is kept", () => {
    for (const text of [
      "",
      "word",
      "null",
      "7",
      '"text"',
      "[]",
      "{}",
      '{"rate":{}}',
      '{"rate":7,"breaker":null}',
      JSON.stringify({ breaker: { ...newBreaker, ended: 7 } }),
      JSON.stringify({ breaker: { ...newBreaker, openUntil: "tomorrow" } }),
      JSON.stringify({ rate: { ...newAdaptive, taken: null } })
    ])
      assert.isUndefined(feedbackIn(text), text)
    assert.deepStrictEqual(feedbackIn(JSON.stringify({ rate: newAdaptive, breaker: "open" })), { rate: newAdaptive })
  })
})
