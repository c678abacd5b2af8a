import { assert, describe, it } from "@effect/vitest"
import { SeededRandom, seeds } from "../../../support/SeededRandom.ts"
import type { Rate } from "../../../../src/services/Limits/GroupPolicy.ts"
import { allowedAt, allows, burstOf, charged, tokens } from "../../../../src/services/Limits/policy/Rates.ts"

const start = Date.UTC(2026, 0, 5, 12)

interface Start {
  readonly at: number
  readonly cost: number
}

/** Starts of one who looks when `allowedAt` says, and `late` ms after that. */
const starts = (rate: Rate, costs: ReadonlyArray<number>, late: (i: number) => number): ReadonlyArray<Start> => {
  let tat = 0
  let now = start
  return costs.map((cost, i) => {
    now = Math.ceil(allowedAt(rate, tat, now, cost)) + late(i)
    assert.isTrue(allows(rate, tat, now, cost), "when it says, it allows")
    tat = charged(rate, tat, now, cost)
    return { at: now, cost }
  })
}

const anyRate = (random: SeededRandom): Rate => ({
  limit: 0.1 + random.below(10_000) / 10,
  perMs: 100 + random.below(60_000),
  burst: random.chance(0.3) ? undefined : 1 + random.below(50)
})

const anyCosts = (random: SeededRandom, count: number): ReadonlyArray<number> =>
  Array.from({ length: count }, () => random.pick([1, 1, 1, 0.5, 2, 3]))

/** Units that start in a window that begins with a start. */
const unitsFrom = (all: ReadonlyArray<Start>, from: number, windowMs: number): number =>
  all.slice(from).reduce((sum, { at, cost }) => (at - all[from]!.at < windowMs ? sum + cost : sum), 0)

describe("a rate", () => {
  it("in any window starts at most its part of the limit, the burst and one cost", () => {
    for (const seed of seeds(200)) {
      const random = new SeededRandom(seed)
      const rate = anyRate(random)
      const costs = anyCosts(random, 20 + random.below(100))
      const all = starts(rate, costs, () => random.pick([0, 0, 0, 1, 500]))
      const dearest = Math.max(...costs)
      for (const windowMs of [1, rate.perMs / 10, rate.perMs, 7 * rate.perMs]) {
        const most = (rate.limit * windowMs) / rate.perMs + burstOf(rate) + dearest
        for (let from = 0; from < all.length; from++)
          assert.isAtMost(unitsFrom(all, from, windowMs), most + 1e-6, `seed ${seed}, ${windowMs} ms`)
      }
    }
  })

  it("is used up to 97 % at least by one who looks when it says", () => {
    for (const seed of seeds(100)) {
      const random = new SeededRandom(seed)
      const rate = { limit: 1 + random.below(20), perMs: 1_000, burst: 1 + random.below(10) }
      const costs = anyCosts(random, 300)
      const took = starts(rate, costs, () => 0).at(-1)!.at - start
      const units = costs.reduce((sum, cost) => sum + cost, 0)
      assert.isAtLeast(units, (0.97 * rate.limit * took) / 1_000, `seed ${seed}`)
    }
  })

  it("has its whole burst after a rest, and not more after a longer one", () => {
    const rate = { limit: 10, perMs: 1_000, burst: 4 }
    let tat = charged(rate, 0, start, 4)
    assert.isFalse(allows(rate, tat, start, 1))
    for (const rest of [400, 4_000_000]) {
      const now = start + 10_000_000 + rest
      assert.closeTo(tokens(rate, tat, now), 4, 1e-6)
      tat = charged(rate, tat, now, 4)
      assert.isFalse(allows(rate, tat, now, 1))
    }
  })

  it("lets what costs more than the burst start at rest, and then waits until that is paid off", () => {
    const rate = { limit: 10, perMs: 1_000, burst: 2 }
    const tat = charged(rate, 0, start, 20)
    assert.isTrue(allows(rate, 0, start, 20))
    assert.closeTo(allowedAt(rate, tat, start, 1), start + 1_900, 0.01)
  })

  it("lets nothing start twice when the clock is set back, and goes on when it has caught up", () => {
    const rate = { limit: 10, perMs: 1_000, burst: 1 }
    const tat = charged(rate, 0, start, 1)
    assert.isFalse(allows(rate, tat, start - 5_000, 1))
    assert.closeTo(allowedAt(rate, tat, start - 5_000, 1), start + 100, 0.01)
    assert.strictEqual(charged(rate, tat, start - 5_000, 1), tat + 100)
  })

  it("has by default a burst of a tenth of a second's units, at least one", () => {
    const cases: ReadonlyArray<readonly [Rate, number]> = [
      [{ limit: 1, perMs: 60_000 }, 1],
      [{ limit: 10, perMs: 1_000 }, 1],
      [{ limit: 100, perMs: 1_000 }, 10],
      [{ limit: 60_000, perMs: 60_000 }, 100]
    ]
    for (const [rate, burst] of cases) assert.strictEqual(burstOf(rate), burst)
  })
})
