import { assert, describe, it } from "@effect/vitest"
import { bounded, type Limits, type Need } from "../../../../../src/services/Queue/policy/staffing/Bounds.ts"
import { SeededRandom, seeds } from "../../../../support/SeededRandom.ts"

const limits: Limits = { minSlots: 1, maxSlots: 50, holdDownMs: 300_000, mostUp: 1000, mostDown: 1000 }
const minute = 60_000

/** Targets for needs minute by minute, with slots that follow at once. */
const follow = (wanted: ReadonlyArray<number>, given: Partial<Limits> = {}, running = 0): ReadonlyArray<number> => {
  let needs: ReadonlyArray<Need> = []
  let slots = wanted[0]!
  return wanted.map((each, i) => {
    const decided = bounded(each, { at: i * minute, slots, running, mayBeZero: false }, needs, { ...limits, ...given })
    needs = decided.needs
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
    const { limitedBy, target } = bounded(8, { at: 0, slots: 12, running: 10, mayBeZero: false }, [], {
      ...limits,
      maxSlots: 4
    })
    assert.strictEqual(target, 4)
    assert.strictEqual(limitedBy.at(-1), "bounds")
  })

  it("hold the last need over a clock that goes back, for no longer than the hold", () => {
    const first = bounded(20, { at: 10 * minute, slots: 20, running: 0, mayBeZero: false }, [], limits)
    const back = bounded(3, { at: 0, slots: 20, running: 0, mayBeZero: false }, first.needs, limits)
    assert.strictEqual(back.target, 20)
    const later = bounded(3, { at: 5 * minute, slots: 20, running: 0, mayBeZero: false }, back.needs, limits)
    assert.strictEqual(later.target, 3)
  })

  it("hold whatever is asked", () => {
    for (const seed of seeds(200)) {
      const random = new SeededRandom(seed)
      const below = (most: number) => Math.floor(random.next() * most)
      let needs: ReadonlyArray<Need> = []
      let at = 0
      for (let i = 0; i < 30; i++) {
        at += below(200_000) - 20_000
        const [minSlots, maxSlots] = [below(20), below(60)]
        const given = { minSlots, maxSlots, holdDownMs: below(400_000), mostUp: 1 + below(30), mostDown: 1 + below(30) }
        const present = { at, slots: below(80), running: below(40), mayBeZero: random.next() < 0.5 }
        const decided = bounded(below(100), present, needs, given)
        needs = decided.needs
        assert.isAtMost(decided.target, maxSlots)
        assert.isAtLeast(decided.target, Math.min(minSlots, maxSlots))
        assert.isAtLeast(decided.target, Math.min(present.running, present.slots, maxSlots))
      }
    }
  })
})
