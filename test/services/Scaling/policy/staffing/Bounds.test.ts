import { assert, describe, it } from "@effect/vitest"
import {
  bounded,
  type Held,
  type Limits,
  nothingHeld
} from "../../../../../src/services/Scaling/policy/staffing/Bounds.ts"
import { SeededRandom, seeds } from "../../../../support/SeededRandom.ts"

const limits: Limits = {
  minSlots: 1,
  maxSlots: 50,
  holdDownMs: 300_000,
  changesPerHour: 1_000_000,
  mostUp: 1000,
  mostDown: 1000
}
const minute = 60_000

/** Targets for needs minute by minute, with slots that follow at once. */
const follow = (wanted: ReadonlyArray<number>, given: Partial<Limits> = {}, running = 0): ReadonlyArray<number> => {
  let held: Held = nothingHeld
  let slots = wanted[0]!
  return wanted.map((each, i) => {
    const decided = bounded(each, { at: i * minute, slots, running, mayBeZero: false }, held, { ...limits, ...given })
    held = decided.held
    slots = decided.target
    return slots
  })
}

describe("the bounds of a target", () => {
  it("let it up at once, and down when less has sufficed for the hold", () => {
    assert.deepStrictEqual(follow([5, 20, 5, 5, 5, 5, 5, 5]), [5, 20, 20, 20, 20, 20, 5, 5])
  })

  it("let it down to the highest need within the hold", () => {
    assert.deepStrictEqual(follow([20, 5, 12, 5, 5, 5, 5, 5, 5]), [20, 20, 20, 20, 20, 12, 12, 5, 5])
  })

  it("let no decision move farther than a step", () => {
    assert.deepStrictEqual(follow([5, 20, 20, 20], { mostUp: 6 }), [5, 11, 17, 20])
    assert.deepStrictEqual(follow([20, 2, 2, 2], { mostDown: 7, holdDownMs: 0 }), [20, 13, 6, 2])
  })

  it("keep it at what runs, which is not interrupted", () => {
    assert.deepStrictEqual(follow([20, 2, 2], { holdDownMs: 0 }, 9), [20, 9, 9])
  })

  it("hold above all: a maximum below what runs drains", () => {
    const { limitedBy, target } = bounded(8, { at: 0, slots: 12, running: 10, mayBeZero: false }, nothingHeld, {
      ...limits,
      maxSlots: 4
    })
    assert.strictEqual(target, 4)
    assert.strictEqual(limitedBy.at(-1), "bounds")
  })

  it("hold the last need over a clock that goes back, for no longer than the hold", () => {
    const first = bounded(20, { at: 10 * minute, slots: 20, running: 0, mayBeZero: false }, nothingHeld, limits)
    const back = bounded(3, { at: 0, slots: 20, running: 0, mayBeZero: false }, first.held, limits)
    assert.strictEqual(back.target, 20)
    const later = bounded(3, { at: 5 * minute, slots: 20, running: 0, mayBeZero: false }, back.held, limits)
    assert.strictEqual(later.target, 3)
  })

  it("let no noise move it more often than is allowed, and keep what is needed all the same", () => {
    for (const seed of seeds(5)) {
      const random = new SeededRandom(seed)
      const hours = 20
      const wanted = Array.from({ length: hours * 60 }, () => Math.floor(10 + 20 * random.next()))
      const changesPerHour = 12
      const targets = follow(wanted, { holdDownMs: 0, changesPerHour })
      const changes = targets.filter((each, i) => i > 0 && each !== targets[i - 1]).length
      // What leaked, what the bucket holds, and one climb from the least to the most.
      assert.isAtMost(changes, (hours + 1) * changesPerHour + 20)
      assert.isTrue(targets.every((each, i) => each >= wanted[i]!))
      // It comes down again and again: the most is not kept for good.
      assert.isBelow(Math.min(...targets.slice(600)), 25)
    }
  })

  it("let a rare large change through at once", () => {
    const wanted = Array.from({ length: 240 }, (_, i) => (i % 60 < 2 ? 40 : 3))
    assert.deepStrictEqual(follow(wanted, { holdDownMs: 0, changesPerHour: 12 }), wanted)
  })

  it("hold whatever is asked", () => {
    for (const seed of seeds(200)) {
      const random = new SeededRandom(seed)
      const below = (most: number) => Math.floor(random.next() * most)
      let held: Held = nothingHeld
      let at = 0
      for (let i = 0; i < 30; i++) {
        at += below(200_000) - 20_000
        const [minSlots, maxSlots] = [below(20), below(60)]
        const given = {
          minSlots,
          maxSlots,
          holdDownMs: below(400_000),
          changesPerHour: below(40),
          mostUp: 1 + below(30),
          mostDown: 1 + below(30)
        }
        const present = { at, slots: below(80), running: below(40), mayBeZero: random.next() < 0.5 }
        const decided = bounded(below(100), present, held, given)
        held = decided.held
        assert.isAtMost(decided.target, maxSlots)
        assert.isAtLeast(decided.target, Math.min(minSlots, maxSlots))
        assert.isAtLeast(decided.target, Math.min(present.running, present.slots, maxSlots))
      }
    }
  })
})
