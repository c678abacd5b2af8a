import { assert, describe, it } from "@effect/vitest"
import { highestPriority, lowestPriority, rank } from "../../../../src/services/Queue/policy/Rank.ts"
import { SeededRandom, seeds } from "../../../support/SeededRandom.ts"

const step = 30_000

describe("rank", () => {
  it("puts the higher priority first among jobs due together, and the earlier due among equals", () => {
    assert.isBelow(rank(1000, 1, step), rank(1000, 2, step))
    assert.isBelow(rank(1000, 5, step), rank(1001, 5, step))
  })

  it("lets the lowest priority wait for no job that became due nine steps after it or later", () => {
    const lowest = rank(0, lowestPriority, step)
    const bound = 9 * step
    assert.isBelow(lowest, rank(bound + 1, highestPriority, step))
    assert.isAbove(lowest, rank(bound - 1, highestPriority, step))
  })

  it("orders by due time alone when a step is nothing", () => assert.strictEqual(rank(7, 10, 0), rank(7, 1, 0)))

  for (const seed of seeds(3)) {
    it(`orders as linear ageing does, at every moment (seed ${seed})`, () => {
      const random = new SeededRandom(seed)
      for (let i = 0; i < 2000; i++) {
        const [a, b] = [0, 1].map(() => ({ due: random.below(1_000_000), priority: 1 + random.below(10) }))
        const now = 1_000_000 + random.below(1_000_000)
        const aged = ({ due, priority }: { readonly due: number; readonly priority: number }) =>
          priority - (now - due) / step
        const difference = aged(a!) - aged(b!)
        if (Math.abs(difference) < 1e-9) continue
        assert.strictEqual(
          Math.sign(rank(a!.due, a!.priority, step) - rank(b!.due, b!.priority, step)),
          Math.sign(difference)
        )
      }
    })
  }
})
