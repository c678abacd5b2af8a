import { assert, describe, it } from "@effect/vitest"
import {
  ErlangMargin,
  erlangC,
  requiredServers,
  waitExceeds
} from "../../../../../src/services/Scaling/policy/staffing/ErlangC.ts"
import { SeededRandom } from "../../../../support/SeededRandom.ts"

/** Erlang C by its sum, for loads where that neither overflows nor cancels. */
const bySum = (c: number, a: number): number => {
  let term = 1
  let sum = 1
  for (let k = 1; k < c; k++) {
    term *= a / k
    sum += term
  }
  const last = ((term * a) / c) * (c / (c - a))
  return last / (sum + last)
}

describe("Erlang C", () => {
  it("is the sum it is defined by", () => {
    for (const [c, a] of [
      [1, 0.5],
      [2, 1],
      [5, 4],
      [20, 15],
      [60, 55]
    ] as const)
      assert.closeTo(erlangC(c, a), bySum(c, a), 1e-12)
  })

  it("is half for one server at half load, and a third for two at a load of one", () => {
    assert.closeTo(erlangC(1, 0.5), 0.5, 1e-12)
    assert.closeTo(erlangC(2, 1), 1 / 3, 1e-12)
  })

  it("makes everybody wait when the load is more than the servers, and nobody without a load", () => {
    assert.strictEqual(erlangC(3, 3), 1)
    assert.strictEqual(erlangC(3, 0), 0)
    assert.strictEqual(erlangC(0, 0), 0)
  })

  it("goes over into the limit for large loads without a jump", () => {
    for (const share of [0.001, 0.05, 0.3]) {
      const objective = { patience: 0.001, share }
      assert.closeTo(requiredServers(4001, objective) - requiredServers(4000, objective), 1.5, 1.5)
    }
  })

  it("promises no objective with one server less than required, and keeps it with those", () => {
    const random = new SeededRandom(7)
    for (let i = 0; i < 200; i++) {
      const a = 10 ** (4 * random.next() - 1)
      const objective = { patience: random.next(), share: 0.001 + 0.2 * random.next() }
      const c = requiredServers(a, objective)
      assert.isAtMost(waitExceeds(c, a, objective.patience), objective.share)
      assert.isAbove(waitExceeds(c - 1, a, objective.patience), objective.share)
    }
  })

  it("asks for no fewer servers when the load grows", () => {
    const objective = { patience: 0.1, share: 0.05 }
    let before = 0
    for (let a = 0.01; a < 20_000; a *= 1.07) {
      const c = requiredServers(a, objective)
      assert.isAtLeast(c, before)
      before = c
    }
  })

  it("remembers margins that never promise too little", () => {
    const objective = { patience: 0.2, share: 0.05 }
    const margin = new ErlangMargin(objective)
    for (let a = 0.02; a < 3000; a *= 1.13)
      assert.isAtMost(waitExceeds(Math.ceil(a + margin.above(a) + 0.01 * a + 1e-9), a, 0.2), 0.05)
  })

  it("answers for any number", () => {
    for (const a of [Number.NaN, -1, 0, 1e-300, 1e12, Number.POSITIVE_INFINITY])
      for (const patience of [Number.NaN, -1, 0, 1e9]) {
        assert.isTrue(Number.isSafeInteger(requiredServers(a, { patience, share: 0.05 })), `${a} ${patience}`)
        assert.isTrue(Number.isFinite(new ErlangMargin({ patience, share: 0.05 }).above(a)))
      }
  })
})
