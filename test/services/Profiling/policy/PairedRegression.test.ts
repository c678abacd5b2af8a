import { assert, describe, it } from "@effect/vitest"
import { comparePairs, fewestPairs } from "../../../../src/services/Profiling/policy/PairedRegression.ts"
import { SeededRandom } from "../../../support/SeededRandom.ts"

interface Machine {
  /** Deviation from process to process. */
  readonly noise: number
  /** What being loaded first costs. */
  readonly order: number
  /** Share of processes that are 10 % off, either way. */
  readonly unlucky: number
}

const quiet: Machine = { noise: 0.01, order: 0.01, unlucky: 0 }
const shared: Machine = { noise: 0.02, order: 0.04, unlucky: 0.05 }
const crowded: Machine = { noise: 0.05, order: 0.04, unlucky: 0.1 }

const bar = { floor: 0.025 }
const most = 60

/** Processes one after the other until it is decided, as the check does it. */
const check = (seed: number, change: number, { noise, order, unlucky }: Machine) => {
  const source = new SeededRandom(seed)
  const normal = () => Math.sqrt(-2 * Math.log(1 - source.next())) * Math.cos(2 * Math.PI * source.next())
  const ratios: Array<number> = []
  for (;;) {
    const luck = source.next() < unlucky ? (source.next() < 0.5 ? -0.1 : 0.1) : 0
    ratios.push(change * Math.exp((ratios.length % 2 === 0 ? order : -order) + noise * normal() + luck))
    const compared = comparePairs(ratios, bar)
    if (compared.verdict !== "undecided" || ratios.length === most) return { ...compared, processes: ratios.length }
  }
}

const trials = 2000
const count = (machine: Machine, change: number) => {
  const found = { regression: 0, improvement: 0, unchanged: 0, undecided: 0, "too few runs": 0, processes: 0 }
  for (let seed = 1; seed <= trials; seed++) {
    const { processes, verdict } = check(seed, change, machine)
    found[verdict]++
    found.processes += processes / trials
  }
  return found
}

describe("comparing pairs", () => {
  it("passes a commit against itself, and fails 5 %, on a quiet machine with some seven processes", () => {
    const same = count(quiet, 1)
    const slower = count(quiet, 1.05)
    assert.deepInclude(same, { unchanged: trials })
    assert.deepInclude(slower, { regression: trials })
    assert.isBelow(same.processes, 8)
    assert.isBelow(slower.processes, 8)
  })

  it("is wrong less than once in 500 on a shared machine, where one process in twenty is 10 % off, and decides nearly always", () => {
    const same = count(shared, 1)
    assert.isAtMost(same.regression, trials / 500)
    assert.isAtLeast(same.unchanged, trials * 0.98)
    const slower = count(shared, 1.05)
    assert.isAtMost(slower.unchanged, trials / 500)
    assert.isAtLeast(slower.regression, trials * 0.98)
  })

  it("takes more processes, and then says that it is undecided, where the noise is as large as what is looked for", () => {
    const same = count(crowded, 1)
    assert.isAtMost(same.regression, trials / 50)
    assert.isAbove(same.processes, count(shared, 1).processes)
    assert.isAbove(same.undecided, 0)
  })

  it("names an improvement, and calls 1 % unchanged either way", () => {
    assert.deepInclude(count(quiet, 0.94), { improvement: trials })
    for (const change of [0.99, 1.01]) assert.isAtLeast(count(quiet, change).unchanged, trials * 0.99)
  })

  it("estimates the change, with an interval that holds it 95 times in 100", () => {
    let held = 0
    for (let seed = 1; seed <= 1000; seed++) {
      const source = new SeededRandom(seed)
      const normal = () => Math.sqrt(-2 * Math.log(1 - source.next())) * Math.cos(2 * Math.PI * source.next())
      const { high, low } = comparePairs(Array.from({ length: 20 }, () => 1.05 * Math.exp(0.02 * normal())))
      if (low <= 1.05 && high >= 1.05) held++
    }
    assert.isAtLeast(held, 930)
  })

  it("decides nothing before it has seen both orders three times, nor by a process without its counterpart", () => {
    const twice = Array.from({ length: 2 * fewestPairs }, () => 2)
    assert.strictEqual(comparePairs(twice, bar).verdict, "regression")
    assert.strictEqual(comparePairs(twice.slice(1), bar).verdict, "undecided")
    assert.strictEqual(comparePairs([], bar).verdict, "undecided")
    assert.deepStrictEqual(comparePairs([...twice, 0.001], bar), comparePairs(twice, bar))
  })
})
