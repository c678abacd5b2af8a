import { assert, describe, it } from "@effect/vitest"
import {
  bucketOf,
  empty,
  type Histogram,
  merge,
  pack,
  quantile,
  Recorder,
  unpack,
  valueOf
} from "../../../../src/services/Queue/policy/Histogram.ts"
import { SeededRandom, seeds } from "../../../support/SeededRandom.ts"

/** Durations over twelve orders of magnitude, in milliseconds, at least 64 µs: where the error is relative. */
const durations = (random: SeededRandom, count: number) =>
  Array.from({ length: count }, () => 0.064 * 10 ** (random.next() * 10))

const recorded = (values: ReadonlyArray<number>): Histogram => {
  const recorder = new Recorder()
  for (const value of values) recorder.record(value)
  return recorder.snapshot()
}

const same = (a: Histogram, b: Histogram) => {
  assert.deepStrictEqual([a.count, a.max, a.buckets], [b.count, b.max, b.buckets])
  assert.closeTo(a.sum, b.sum, Math.abs(a.sum) * 1e-12)
}

describe("Histogram", () => {
  it("has buckets that follow each other without gap, the value of each within it", () => {
    for (let index = 1; index < 3500; index++) {
      const middle = valueOf(index)
      assert.isAbove(middle, valueOf(index - 1))
      if (index >= 64) assert.strictEqual(bucketOf(middle), index)
    }
  })

  it("takes what is below a microsecond, and what is no duration at all, as nothing", () => {
    for (const value of [0, -5, 0.0009, Number.NaN]) assert.strictEqual(bucketOf(value), 0)
  })

  it("is off by at most a microsecond below 64 µs", () => {
    for (let micros = 0; micros < 64; micros += 0.25) {
      assert.isAtMost(Math.abs(valueOf(bucketOf(micros / 1000)) - micros / 1000), 0.001 + 1e-12)
    }
  })

  it("answers 0 for every quantile of nothing", () => assert.strictEqual(quantile(empty, 0.5), 0))

  it("never answers more than the greatest value recorded", () => {
    const histogram = recorded([10.01])
    assert.strictEqual(quantile(histogram, 0.5), 10.01)
    assert.strictEqual(quantile(histogram, 1), 10.01)
  })

  it("starts anew after a take, and grows its window either way", () => {
    const recorder = new Recorder()
    recorder.record(100, 3)
    recorder.record(0.001)
    recorder.record(3_600_000)
    assert.strictEqual(recorder.take().count, 5)
    assert.deepStrictEqual(recorder.take(), empty)
    recorder.record(100)
    same(recorder.snapshot(), recorded([100]))
  })

  for (const seed of seeds(5)) {
    const random = new SeededRandom(seed)
    const [a, b, c] = [durations(random, 500), durations(random, 3), durations(random, 200)]

    it(`reads back every value within 0.8 % (seed ${seed})`, () => {
      for (const value of a) assert.isAtMost(Math.abs(valueOf(bucketOf(value)) - value) / value, 0.008)
    })

    it(`has quantiles within 1 % of the exact ones (seed ${seed})`, () => {
      const sorted = [...a].sort((x, y) => x - y)
      for (const fraction of [0.01, 0.1, 0.5, 0.9, 0.95, 0.99, 1]) {
        const exact = sorted[Math.max(0, Math.ceil(sorted.length * fraction) - 1)]!
        assert.isAtMost(Math.abs(quantile(recorded(a), fraction) - exact) / exact, 0.01)
      }
    })

    it(`merges in any order and grouping to what one recorder would have seen (seed ${seed})`, () => {
      const [x, y, z] = [recorded(a), recorded(b), recorded(c)]
      same(merge(merge(x, y), z), recorded([...a, ...b, ...c]))
      same(merge(x, merge(y, z)), merge(merge(x, y), z))
      same(merge(x, y), merge(y, x))
      same(merge(x, empty), x)
    })

    it(`is the same after packing and unpacking (seed ${seed})`, () => {
      const { buckets } = recorded(a)
      assert.deepStrictEqual(unpack(pack(buckets)), buckets)
    })
  }
})
