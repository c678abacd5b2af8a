import { assert, describe, it } from "@effect/vitest"
import { type PoolState, poolSizing, type SlotBounds } from "../../../../src/services/Queue/policy/PoolSize.ts"
import { SeededRandom, seeds } from "../../../support/SeededRandom.ts"

const bounds: SlotBounds = { min: 2, max: 20 }

/**
 * Seconds of a group with work for `wanted` slots, whose throughput with n full slots is `throughput(n)` jobs per
 * second.
 */
const simulate = (
  seconds: number,
  wanted: (second: number) => number,
  throughput: (slots: number) => number,
  limits = bounds
): ReadonlyArray<PoolState> => {
  const states = [poolSizing.initial(limits)]
  for (let second = 0; second < seconds; second++) {
    const state = states[states.length - 1]!
    const busy = Math.min(state.slots, wanted(second))
    states.push(
      poolSizing.next(state, limits, {
        elapsedMs: 1000,
        busy,
        waiting: Math.max(0, wanted(second) - state.slots),
        finished: Math.round(throughput(busy)),
        succeeded: Math.round(throughput(busy)),
        elsewhere: 0
      })
    )
  }
  return states
}

const last = (states: ReadonlyArray<PoolState>) => states[states.length - 1]!.slots
/** Ten jobs per second and slot up to the knee, not one more beyond it. */
const knee = (at: number) => (slots: number) => 10 * Math.min(slots, at)

describe("the size of a pool", () => {
  it("starts at its minimum and stays there without work", () => {
    const states = simulate(120, () => 0, knee(100))
    assert.deepStrictEqual([...new Set(states.map(({ slots }) => slots))], [2])
  })

  it("grows to its maximum while jobs wait and each slot brings its share", () => {
    const states = simulate(60, () => 1000, knee(100))
    assert.strictEqual(last(states), 20)
    assert.isBelow(
      states.findIndex(({ slots }) => slots === 20),
      30
    )
  })

  it("stops at the knee: a step that brings nothing is taken back, and tried again after a minute only", () => {
    const states = simulate(240, () => 1000, knee(8))
    assert.isAtLeast(last(states), 7)
    assert.isAtMost(last(states), 11)
    const tookBack = states.filter(({ reason }) => reason === "took back").length
    assert.isAtLeast(tookBack, 1)
    assert.isAtMost(tookBack, 4)
  })

  it("grows with jobs of a minute, which no measurement waits for", () => {
    const states = simulate(
      300,
      () => 1000,
      (slots) => slots / 60
    )
    assert.isAbove(last(states), 8)
  })

  it("shrinks to what is used when slots are idle for long, not in a pause between two bursts", () => {
    const burst = simulate(400, (second) => (second < 60 || second > 80 ? 1000 : 0), knee(100))
    assert.strictEqual(burst[79]!.slots, 20)
    const quiet = simulate(400, (second) => (second < 60 ? 1000 : 3), knee(100))
    assert.isAtMost(last(quiet), 4)
    assert.isAtLeast(last(quiet), 3)
  })

  it("with a minimum of 0 gives a slot when jobs wait", () => {
    const states = simulate(10, (second) => (second < 5 ? 0 : 1), knee(100), { min: 0, max: 3 })
    assert.strictEqual(states[5]!.slots, 0)
    assert.strictEqual(states[6]!.slots, 1)
  })

  for (const seed of seeds(50)) {
    it(`is always within its bounds, and never shrinks while jobs wait but to take a step back (seed ${seed})`, () => {
      const random = new SeededRandom(seed)
      const min = random.below(5)
      const limits = { min, max: Math.max(1, min) + random.below(40) }
      let state = poolSizing.initial(limits)
      for (let i = 0; i < 500; i++) {
        const waiting = random.chance(0.6) ? random.below(100) : 0
        const after = poolSizing.next(state, limits, {
          elapsedMs: 500 + random.below(1500),
          busy: random.below(state.slots + 1),
          waiting,
          finished: random.below(200),
          succeeded: 0,
          elsewhere: 0
        })
        assert.isAtLeast(after.slots, limits.min)
        assert.isAtMost(after.slots, limits.max)
        if (waiting > 0 && after.slots < state.slots) assert.strictEqual(after.reason, "took back")
        state = after
      }
    })
  }
})
