import { assert, describe, it } from "@effect/vitest"
import {
  askers,
  bounders,
  decideSlots,
  isHeld,
  type SlotAsk,
  type SlotAsker,
  type SlotBound,
  type SlotBounder
} from "../../../../src/services/Queue/policy/SlotDecision.ts"
import { SeededRandom } from "../../../support/SeededRandom.ts"

const ask = (slots: number): SlotAsk => ({ slots, reason: "asked" })
const atMost = (slots: number): SlotBound => ({ of: () => slots, reason: "bound" })

describe("slots out of what is proposed for them", () => {
  it("are what the first of the askers says, who is told with the reason", () => {
    assert.deepStrictEqual(decideSlots({ limit: ask(5), declared: ask(20), scaler: ask(8) }, {}), {
      slots: 8,
      by: { source: "scaler", slots: 8, reason: "asked" },
      asked: { source: "scaler", slots: 8, reason: "asked" }
    })
  })

  it("are held by the smallest bound, and say what was asked for", () => {
    const decision = decideSlots({ scaler: ask(8) }, { total: atMost(6), memory: atMost(3) })
    assert.deepStrictEqual(decision.by, { source: "memory", slots: 3, reason: "bound" })
    assert.strictEqual(decision.asked.slots, 8)
    assert.isTrue(isHeld(decision))
  })

  it("are none where nobody asks, or none is asked for", () => {
    assert.strictEqual(decideSlots({}, { memory: atMost(3) }).slots, 0)
    assert.strictEqual(decideSlots({ declared: ask(0), limit: ask(5) }, { memory: atMost(3) }).slots, 0)
  })

  /** Proposals of some of the sources. */
  const anyProposals = (random: SeededRandom) => ({
    asks: askers.flatMap((source) => (random.chance(0.5) ? [[source, ask(random.below(30))] as const] : [])),
    bounds: bounders.flatMap((source) => (random.chance(0.6) ? [[source, atMost(random.below(12))] as const] : []))
  })
  const decided = (
    asks: ReadonlyArray<readonly [SlotAsker, SlotAsk]>,
    bounds: ReadonlyArray<readonly [SlotBounder, SlotBound]>
  ) => decideSlots(Object.fromEntries(asks), Object.fromEntries(bounds))

  it("are never above what was asked or a bound, but one of those asked for is left (property)", () => {
    const random = new SeededRandom(3)
    for (let run = 0; run < 2000; run++) {
      const { asks, bounds } = anyProposals(random)
      const { asked, by, slots } = decided(asks, bounds)
      const most = Math.min(asked.slots, ...bounds.map(([, { of }]) => of(asked.slots)))
      assert.strictEqual(slots, Math.max(most, Math.min(1, asked.slots)))
      assert.strictEqual(by.slots, slots)
      assert.strictEqual(asked.slots, asks[0]?.[1].slots ?? 0)
    }
  })

  it("do not depend on the order in which proposals came (property)", () => {
    const random = new SeededRandom(5)
    for (let run = 0; run < 500; run++) {
      const { asks, bounds } = anyProposals(random)
      assert.deepStrictEqual(decided(asks.toReversed(), bounds.toReversed()), decided(asks, bounds))
    }
  })

  it("forget a proposal that was taken back: as if it had never been (property)", () => {
    const random = new SeededRandom(7)
    for (let run = 0; run < 500; run++) {
      const { asks, bounds } = anyProposals(random)
      for (const [source] of asks) {
        const without = Object.fromEntries(asks.filter(([other]) => other !== source))
        assert.deepStrictEqual(
          decideSlots({ ...Object.fromEntries(asks), [source]: undefined }, Object.fromEntries(bounds)),
          decideSlots(without, Object.fromEntries(bounds))
        )
      }
    }
  })
})
