import { assert, describe, it } from "@effect/vitest"
import type { BreakerPolicy } from "../../../../src/services/Limits/GroupPolicy.ts"
import {
  type AttemptVerdict,
  type BreakerState,
  ended,
  mayStartNow,
  newBreaker,
  standingOf,
  started,
  startsAt
} from "../../../../src/services/Limits/policy/Breaker.ts"
import { SeededRandom, seeds } from "../../../support/SeededRandom.ts"

const epoch = 1_700_000_000_000
const policy: BreakerPolicy = { share: 0.5, least: 10, windowMs: 10_000, openMs: 5_000, probes: 2 }

const endAll = (state: BreakerState, verdicts: ReadonlyArray<AttemptVerdict>, now: number): BreakerState =>
  verdicts.reduce((current, verdict) => ended(policy, current, verdict, now, now), state)

const failures = (count: number) => Array<AttemptVerdict>(count).fill("failed")
const successes = (count: number) => Array<AttemptVerdict>(count).fill("succeeded")

const opened = endAll(newBreaker, failures(10), epoch)

describe("the circuit breaker", () => {
  it("opens when enough attempts ended within the window and their share failed", () => {
    assert.strictEqual(standingOf(endAll(newBreaker, failures(9), epoch), epoch), "closed")
    assert.strictEqual(standingOf(opened, epoch), "open")
    assert.strictEqual(standingOf(endAll(newBreaker, [...successes(6), ...failures(5)], epoch), epoch), "closed")
    assert.strictEqual(standingOf(endAll(newBreaker, [...successes(6), ...failures(6)], epoch), epoch), "open")
  })

  it("forgets what is older than the window", () => {
    const failing = endAll(newBreaker, failures(9), epoch)
    assert.strictEqual(standingOf(endAll(failing, failures(9), epoch + 20_000), epoch + 20_000), "closed")
  })

  it("lets nothing start while it is open, then as many probes as it needs, and closes with the last that succeeds", () => {
    assert.strictEqual(mayStartNow(policy, opened, epoch + 4_999), 0)
    assert.strictEqual(startsAt(policy, opened), epoch + 5_000)
    const now = epoch + 5_000
    assert.strictEqual(standingOf(opened, now), "halfOpen")
    assert.strictEqual(mayStartNow(policy, opened, now), 2)
    const probing = started(policy, opened, 2, now)
    assert.strictEqual(mayStartNow(policy, probing, now), 0)
    const half = ended(policy, probing, "succeeded", now, now + 10)
    assert.strictEqual(standingOf(half, now + 10), "halfOpen")
    const closed = ended(policy, half, "succeeded", now, now + 20)
    assert.deepStrictEqual(closed, newBreaker)
    assert.strictEqual(mayStartNow(policy, closed, now + 20), Number.POSITIVE_INFINITY)
  })

  it("opens for longer each time that a probe fails, up to ten times as long", () => {
    let state = opened
    let now = epoch
    for (const times of [2, 4, 8, 10, 10]) {
      now = state.openUntil
      state = ended(policy, started(policy, state, 1, now), "failed", now, now)
      assert.strictEqual(state.openUntil - now, times * 5_000)
    }
  })

  it("is not moved by attempts that had begun before it was half-open, nor by what says nothing", () => {
    const now = epoch + 5_000
    const probing = started(policy, opened, 1, now)
    for (const verdict of ["succeeded", "failed", "silent"] as const)
      assert.strictEqual(ended(policy, probing, verdict, epoch + 4_999, now), probing)
    assert.strictEqual(mayStartNow(policy, ended(policy, probing, "silent", now, now + 1), now + 1), 2)
  })

  it("takes a batch for one probe: those that ride with it close nothing, and each that fails opens it", () => {
    const now = epoch + policy.openMs!
    const probing = started(policy, opened, 1, now)
    const ride = (state: BreakerState, verdict: AttemptVerdict) => ended(policy, state, verdict, now, now + 1, true)
    const ridden = ride(ride(ride(probing, "succeeded"), "silent"), "succeeded")
    assert.deepStrictEqual([standingOf(ridden, now + 1), mayStartNow(policy, ridden, now + 1)], ["halfOpen", 1])
    const one = ended(policy, ridden, "succeeded", now, now + 2)
    assert.strictEqual(standingOf(one, now + 2), "halfOpen")
    assert.strictEqual(standingOf(ended(policy, one, "succeeded", now, now + 3), now + 3), "closed")
    assert.strictEqual(standingOf(ride(probing, "failed"), now + 1), "open")
  })

  it("lets others probe when a probe was lost unheard", () => {
    const now = epoch + 5_000
    const probing = started(policy, opened, 2, now)
    assert.strictEqual(mayStartNow(policy, probing, now + 4_999), 0)
    assert.strictEqual(startsAt(policy, probing), now + 5_000)
    assert.strictEqual(mayStartNow(policy, probing, now + 5_000), 2)
    const again = started(policy, probing, 1, now + 5_000)
    assert.strictEqual(mayStartNow(policy, again, now + 5_001), 1)
  })

  for (const seed of seeds(5)) {
    it(`never starts more than its probes while half-open, and never stands still for ever (seed ${seed})`, () => {
      const random = new SeededRandom(seed)
      const rules: BreakerPolicy = {
        share: 0.1 + random.next() * 0.9,
        least: 1 + random.below(10),
        windowMs: 1_000 + random.below(10_000),
        openMs: 1 + random.below(5_000),
        probes: 1 + random.below(3)
      }
      let state = newBreaker
      let now = epoch
      let running: Array<number> = []
      for (let i = 0; i < 3_000; i++) {
        now += random.below(500)
        const room = mayStartNow(rules, state, now)
        if (random.next() < 0.6 && room > 0) {
          state = started(rules, state, 1, now)
          running.push(now)
          if (standingOf(state, now) === "halfOpen") {
            assert.isAtMost(state.probing + state.succeeded, rules.probes!)
            assert.isAtLeast(mayStartNow(rules, state, now), 0)
          }
        } else if (running.length > 0 && random.next() < 0.8) {
          const at = random.below(running.length)
          const [startedAt] = running.splice(at, 1)
          const verdict = (["succeeded", "failed", "silent"] as const)[random.below(3)]!
          state = ended(rules, state, verdict, startedAt!, now)
        } else if (random.next() < 0.1) running = []
        if (mayStartNow(rules, state, now) === 0) {
          const at = startsAt(rules, state)
          assert.isAbove(at, now)
          assert.isAbove(mayStartNow(rules, state, at), 0)
        }
        if (i % 100 === 0) assert.deepStrictEqual(JSON.parse(JSON.stringify(state)), state)
      }
    })
  }
})
