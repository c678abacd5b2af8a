import { assert, describe, it } from "@effect/vitest"
import { FailureCause } from "../../../../src/services/Queue/Job.ts"
import type { FeedbackPolicy } from "../../../../src/services/Limits/GroupPolicy.ts"
import {
  bounds,
  eventOf,
  type Feedback,
  feedbackAfter,
  type FeedbackEvent
} from "../../../../src/services/Limits/policy/Feedback.ts"

const now = 1_700_000_000_000
const both: FeedbackPolicy = { rate: { limit: 100, perMs: 1_000 }, adaptive: true, breaker: { least: 2 } }

const fed = (policy: FeedbackPolicy, events: ReadonlyArray<FeedbackEvent>) =>
  events.reduce<Feedback | undefined>((feedback, event) => feedbackAfter(policy, feedback, event, now), undefined)

const refusal: FeedbackEvent = { _tag: "Refused", startedAt: now - 50, until: now + 1_000 }
const failure: FeedbackEvent = { _tag: "Ended", verdict: "failed", startedAt: now - 50, cost: 1 }

describe("feedback", () => {
  it("is none of a policy that learns nothing, and bounds no more than the policy does", () => {
    const policy: FeedbackPolicy = { rate: { limit: 5, perMs: 1_000 } }
    assert.isUndefined(fed(policy, [refusal, failure]))
    assert.deepStrictEqual(bounds(policy, fed(both, [refusal]), now), {
      rate: policy.rate,
      starts: Number.POSITIVE_INFINITY,
      at: 0
    })
  })

  it("of an adaptive rate is what was refused, of a breaker what failed", () => {
    assert.isBelow(bounds(both, fed(both, [refusal]), now).rate!.limit, 100)
    assert.strictEqual(bounds(both, fed(both, [refusal]), now).starts, Number.POSITIVE_INFINITY)
    const failed = bounds(both, fed(both, [failure, failure]), now)
    assert.deepStrictEqual(failed, { rate: both.rate, starts: 0, at: now + 30_000 })
  })

  it("of one of the two goes when the policy learns only the other", () => {
    const learned = fed(both, [refusal, failure])
    assert.deepStrictEqual(Object.keys(feedbackAfter({ adaptive: true }, learned, failure, now)!), ["rate"])
    assert.deepStrictEqual(Object.keys(feedbackAfter({ breaker: {} }, learned, failure, now)!), ["breaker"])
    assert.strictEqual(feedbackAfter({}, learned, failure, now), learned)
  })

  it("is the same object when an event says nothing: there is nothing to write", () => {
    const learned = fed(both, [refusal])
    assert.strictEqual(feedbackAfter(both, learned, { _tag: "Started", count: 3 }, now), learned)
    assert.strictEqual(
      feedbackAfter(both, learned, { _tag: "Ended", verdict: "silent", startedAt: now, cost: 1 }, now),
      learned
    )
  })

  it("hears of each end of an attempt what it says about the other side", () => {
    const verdictOf = (outcome: "completed" | "retry" | "failed" | "cancelled" | "release", cause?: FailureCause) => {
      const failure = cause && { cause, message: "", attempt: 1, at: now }
      const event = eventOf({ outcome, failure }, now, 1)
      return event._tag === "Ended" ? event.verdict : event._tag
    }
    assert.strictEqual(verdictOf("completed"), "succeeded")
    assert.strictEqual(verdictOf("cancelled", "Cancelled"), "silent")
    assert.strictEqual(verdictOf("release"), "silent")
    const ofFailures = Object.fromEntries(FailureCause.literals.map((cause) => [cause, verdictOf("retry", cause)]))
    assert.deepInclude(ofFailures, {
      Failed: "failed",
      Defect: "failed",
      TimedOut: "failed",
      NonRetryable: "succeeded",
      BadResult: "succeeded",
      Undecodable: "silent",
      WorkerLost: "silent"
    })
    const refused = eventOf({ outcome: "release", failure: undefined, heldBackUntil: now + 5 }, now, 1)
    assert.deepStrictEqual(refused, { _tag: "Refused", startedAt: now, until: now + 5 })
  })
})
