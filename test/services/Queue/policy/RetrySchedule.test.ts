import { assert, describe, it } from "@effect/vitest"
import { Cron, Duration, Effect, Result, Schedule } from "effect"
import { mostRetries } from "../../../../src/services/Queue/policy/Bounds.ts"
import { retryDelay } from "../../../../src/services/Queue/policy/RetryDelay.ts"
import { retryOn, type RetrySchedule } from "../../../../src/services/Queue/policy/RetrySchedule.ts"

const now = Date.UTC(2026, 0, 1, 10, 20)
const minute = 60_000

/** The delays after the first attempts, each of which failed when the delay before was over. */
const delays = (schedule: RetrySchedule, attempts: number): ReadonlyArray<number> => {
  const policy = retryOn(schedule)
  let at = now
  return Array.from({ length: attempts }, (_, i) => {
    const delay = retryDelay(policy, i + 1, 0.5, at)
    at += delay
    return delay
  })
}

describe("a schedule as a retry policy", () => {
  it("retries as often as it recurs", () => {
    assert.strictEqual(retryOn(Schedule.recurs(4)).times, 4)
    assert.strictEqual(retryOn(Schedule.exponential("1 second").pipe(Schedule.upTo({ times: 7 }))).times, 7)
    assert.strictEqual(retryOn(Schedule.recurs(0)).times, 0)
  })

  it("retries as often as can be when it never ends", () =>
    assert.strictEqual(retryOn(Schedule.spaced("1 second")).times, mostRetries))

  it("waits as long as the schedule says after each attempt", () => {
    assert.deepStrictEqual(delays(Schedule.exponential("1 second"), 4), [1000, 2000, 4000, 8000])
    assert.deepStrictEqual(delays(Schedule.fibonacci("1 second"), 5), [1000, 1000, 2000, 3000, 5000])
    assert.deepStrictEqual(
      delays(
        Schedule.concat(Schedule.spaced("1 second").pipe(Schedule.upTo({ times: 1 })), Schedule.spaced("3 seconds")),
        3
      ),
      [1000, 3000, 3000]
    )
  })

  it("says the same of an attempt whichever process asks, and whatever was asked before", () => {
    const policy = retryOn(Schedule.exponential("1 second"))
    assert.strictEqual(retryDelay(policy, 3, 0.5, now), 4000)
    assert.strictEqual(retryDelay(policy, 1, 0.5, now), 1000)
    assert.strictEqual(retryDelay(policy, 3, 0.5, now), 4000)
  })

  it("spreads the jobs of a jittered one", () => {
    const policy = retryOn(Schedule.spaced("10 seconds").pipe(Schedule.jittered))
    const seen = Array.from({ length: 50 }, () => retryDelay(policy, 1, 0.5, now))
    assert.isAbove(new Set(seen).size, 10)
    for (const delay of seen) assert(delay >= 8000 && delay <= 12_000, String(delay))
  })

  it("waits for the next time of a cron expression, from when the attempt failed", () => {
    const hourly = Schedule.cron(Result.getOrThrow(Cron.parse("0 * * * *", "UTC")))
    assert.deepStrictEqual(delays(hourly, 3), [40 * minute, 60 * minute, 60 * minute])
    assert.strictEqual(retryDelay(retryOn(hourly), 3, 0.5, now + 5 * minute), 35 * minute)
  })

  it("knows how much time the retries before have taken", () => {
    const policy = retryOn(Schedule.spaced("20 minutes").pipe(Schedule.upTo({ duration: "1 hour" })))
    assert.strictEqual(policy.times, retryOn(Schedule.recurs(policy.times)).times)
    assert.deepStrictEqual(
      Array.from({ length: policy.times }, (_, i) => retryDelay(policy, i + 1, 0.5, now)),
      Array.from({ length: policy.times }, () => 20 * minute)
    )
  })

  it("waits no longer than a duration may be", () =>
    assert.strictEqual(
      retryDelay(retryOn(Schedule.spaced(Duration.infinity)), 1, 0.5, now),
      retryOn(Schedule.spaced(Duration.infinity)).capMs
    ))

  it("takes one that computes its delay at once", () =>
    assert.deepStrictEqual(
      delays(Schedule.forever.pipe(Schedule.modifyDelay(() => Effect.succeed(Duration.seconds(5)))), 2),
      [5000, 5000]
    ))

  it("means no delay where it fails later than it was looked at", () => {
    let isBroken = false
    const policy = retryOn(
      Schedule.spaced("1 second").pipe(
        Schedule.modifyDelay(({ duration }) => (isBroken ? Effect.fail("later") : Effect.succeed(duration)))
      )
    )
    assert.strictEqual(retryDelay(policy, 1, 0.5, now), 1000)
    isBroken = true
    assert.strictEqual(retryDelay(policy, 1, 0.5, now), 0)
  })
})
