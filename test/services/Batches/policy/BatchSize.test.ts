import { assert, describe, it } from "@effect/vitest"
import * as BatchSize from "../../../../src/services/Batches/policy/BatchSize.ts"
import { SeededRandom, seeds } from "../../../support/SeededRandom.ts"

type Cost = (size: number) => number

/** Milliseconds of a call, as services are: an overhead per call, and what each item adds. */
const shapes: Readonly<Record<string, Cost>> = {
  "a fixed cost and a linear one": (n) => 10 + 0.1 * n,
  "a cost that grows with the square": (n) => 5 + 0.2 * n + 0.005 * n * n,
  "a cost that grows with the power 1.5": (n) => 20 + 0.5 * n + 0.05 * n ** 1.5,
  "a cost that grows as sorting does": (n) => 30 + 0.2 * n * Math.log2(n + 1)
}
const max = 500
const options: BatchSize.BatchSizeOptions = { max, latencyMs: undefined }

const perItem = (cost: Cost, size: number) => cost(size) / size

const least = (cost: Cost) => Math.min(...Array.from({ length: max }, (_, i) => perItem(cost, i + 1)))

/** A tuner and the noise around what it measures: log-normal, about 10 %. */
const tuning = (seed: number, among = options) => {
  const random = new SeededRandom(seed)
  const noise = () => {
    const sum = random.next() + random.next() + random.next() + random.next() - 2
    return Math.exp(0.1 * sum * Math.sqrt(3))
  }
  let state = BatchSize.initial
  const sizes: Array<number> = []
  return {
    sizes,
    state: () => state,
    /** Mean cost per item over so many calls, tries included. */
    run: (cost: Cost, calls: number): number => {
      let ms = 0
      let items = 0
      for (let i = 0; i < calls; i++) {
        const size = BatchSize.next(state, among)
        sizes.push(size)
        ms += cost(size)
        items += size
        state = BatchSize.observe(state, { size, ms: cost(size) * noise() })
      }
      return ms / items
    }
  }
}

describe("the tuned batch size", () => {
  for (const [name, cost] of Object.entries(shapes)) {
    it(`costs at most 10 % more per item than the best fixed size, its tries included: ${name}`, () => {
      for (const seed of seeds(60)) {
        const tuner = tuning(seed)
        tuner.run(cost, 30)
        const ratio = tuner.run(cost, 200) / least(cost)
        assert.isAtMost(ratio, 1.1, `seed ${seed}: ${ratio}`)
      }
    })
  }

  it("follows a change of the cost within 50 calls, from every shape to every other", () => {
    const all = Object.values(shapes)
    for (const from of all) {
      for (const to of all) {
        if (from === to) continue
        let sum = 0
        const runs = seeds(30)
        for (const seed of runs) {
          const tuner = tuning(seed)
          tuner.run(from, 100)
          tuner.run(to, 50)
          const ratio = tuner.run(to, 50) / least(to)
          assert.isAtMost(ratio, 1.2, `seed ${seed}: ${ratio}`)
          sum += ratio
        }
        assert.isAtMost(sum / runs.length, 1.1)
      }
    }
  })

  it("keeps calls within the time they may take", () => {
    for (const seed of seeds(50)) {
      const cost = shapes["a fixed cost and a linear one"]!
      const tuner = tuning(seed, { max, latencyMs: 30 })
      tuner.run(cost, 40)
      tuner.sizes.length = 0
      tuner.run(cost, 200)
      const mean = tuner.sizes.reduce((sum, size) => sum + cost(size), 0) / tuner.sizes.length
      assert.isBelow(mean, 33, `seed ${seed}`)
      assert.isAbove(mean, 24, `seed ${seed}: the time is used`)
    }
  })

  it("says one where items gain nothing from company", () => {
    const tuner = tuning(1)
    tuner.run((n) => 0.01 + n + 0.5 * n * n, 60)
    assert.strictEqual(BatchSize.best(tuner.state(), options), 1)
  })

  it("starts small, at most doubles, and stays within 1 and the most", () => {
    for (const seed of seeds(50)) {
      const tuner = tuning(seed, { max: 100, latencyMs: undefined })
      tuner.run((n) => 1000 + 0.001 * n, 40)
      assert.strictEqual(tuner.sizes[0], 4)
      tuner.sizes.forEach((size, i) => {
        assert.isTrue(size >= 1 && size <= 100)
        if (i > 0) assert.isAtMost(size, 2.5 * Math.max(...tuner.sizes.slice(Math.max(0, i - 3), i)))
      })
      assert.include(tuner.sizes.slice(0, 12), 100)
    }
  })

  it("finds the three parts of a cost that has just these", () => {
    const tuner = tuning(7)
    tuner.run((n) => 5 + 0.2 * n + 0.005 * n * n, 10)
    let state = tuner.state()
    for (const size of [5, 10, 20, 40, 80, 160, 5, 10, 20, 40, 80, 160])
      state = BatchSize.observe(state, { size, ms: 5 + 0.2 * size + 0.005 * size * size })
    const { fixedMs, growthMs, itemMs } = BatchSize.model(state)
    assert.closeTo(fixedMs, 5, 1)
    assert.closeTo(itemMs, 0.2, 0.1)
    assert.closeTo(growthMs, 0.005, 0.001)
  })
})
