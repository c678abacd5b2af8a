import { assert, describe, it } from "@effect/vitest"
import {
  none,
  quick,
  retryDelay,
  type RetryPolicy,
  standard
} from "../../../../src/services/Queue/policy/RetryDelay.ts"
import { SeededRandom, seeds } from "../../../support/SeededRandom.ts"

/** Delays of the first attempts without jitter. */
const series = (policy: RetryPolicy, attempts: number) =>
  Array.from({ length: attempts }, (_, i) => retryDelay(policy, i + 1, 0.5, 0))

describe("retryDelay", () => {
  it("doubles from one second up to five minutes", () => {
    assert.deepStrictEqual(
      series(standard, 11),
      [1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000, 300_000]
    )
    assert.strictEqual(standard.times, 3)
  })

  it("retries at once and then every 0.2 s when quick", () => {
    assert.deepStrictEqual(series(quick, 5), [0, 200, 200, 200, 200])
    assert.strictEqual(retryDelay(quick, 2, 0.99, 0), 200, "without jitter")
  })

  it("retries no time when none", () => assert.strictEqual(none.times, 0))

  it("spreads jobs that failed together over 0.8 to 1.2 of the delay", () => {
    assert.strictEqual(retryDelay(standard, 1, 0, 0), 800)
    assert.strictEqual(retryDelay(standard, 1, 1 - 2 ** -53, 0), 1200)
    assert.strictEqual(retryDelay(standard, 60, 0, 0), 240_000)
  })

  it("takes a series of one's own, within cap and jitter, and no delay where it makes no sense", () => {
    const own: RetryPolicy = { ...standard, jitter: 0, capMs: 5000, delayMs: (attempt) => attempt * attempt * 100 }
    assert.deepStrictEqual(series(own, 8), [100, 400, 900, 1600, 2500, 3600, 4900, 5000])
    const throwing = { ...own, delayMs: () => assert.fail("of its own") }
    assert.strictEqual(retryDelay(throwing, 1, 0.5, 0), 0)
    for (const delay of [Number.NaN, -5, 0])
      assert.strictEqual(retryDelay({ ...own, delayMs: () => delay }, 1, 0.5, 0), 0)
    assert.strictEqual(retryDelay({ ...own, delayMs: () => Infinity }, 1, 0.5, 0), 5000)
  })

  for (const seed of seeds(3)) {
    it(`stays within cap and jitter, in whole milliseconds, and never falls from one attempt to the next (seed ${seed})`, () => {
      const random = new SeededRandom(seed)
      for (let i = 0; i < 500; i++) {
        const policy: RetryPolicy = {
          times: 10,
          firstMs: random.below(5000),
          factor: 1 + random.next() * 3,
          stepMs: random.below(500),
          capMs: random.below(100_000),
          jitter: random.next()
        }
        let last = 0
        for (let attempt = 1; attempt <= 20; attempt++) {
          const delay = retryDelay(policy, attempt, random.next(), 0)
          assert.isTrue(Number.isInteger(delay) && delay >= 0)
          assert.isAtMost(delay, Math.ceil(policy.capMs * (1 + policy.jitter)))
          const middle = retryDelay(policy, attempt, 0.5, 0)
          assert.isAtLeast(middle, last)
          assert.isAtMost(Math.abs(delay - middle), Math.ceil(middle * policy.jitter) + 1)
          last = middle
        }
      }
    })
  }
})
