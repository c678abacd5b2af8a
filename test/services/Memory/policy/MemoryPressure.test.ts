import { assert, describe, it } from "@effect/vitest"
import {
  learnRowBytes,
  levelOf,
  levels,
  type MemoryReading,
  rankOf,
  retryAfterMs,
  rowsUntilLook,
  shareOf,
  slope,
  slotsAt,
  totalAt
} from "../../../../src/services/Memory/policy/MemoryPressure.ts"
import { defaults } from "../../../../src/services/Queue/QueueSettings.ts"
import { SeededRandom } from "../../../support/SeededRandom.ts"

const { thresholds } = defaults.memory
const MiB = 1024 * 1024

const reading = (heap: number, memory = 0): MemoryReading => ({
  heapUsedBytes: heap * 256 * MiB,
  heapLimitBytes: 256 * MiB,
  memoryUsedBytes: memory * 1024 * MiB,
  memoryLimitBytes: 1024 * MiB
})

describe("the level of a reading", () => {
  it("rises at the thresholds when nothing in the heap is garbage", () => {
    const at = (share: number) => levelOf(reading(share), true, "ok", thresholds)
    assert.deepStrictEqual([0, 0.549, 0.55, 0.65, 0.749, 0.75, 1].map(at), [
      "ok",
      "ok",
      "elevated",
      "high",
      "high",
      "critical",
      "critical"
    ])
  })

  it("forgives a tenth of the limit to garbage, but not in memory that is no heap", () => {
    assert.strictEqual(levelOf(reading(0.84), false, "ok", thresholds), "high")
    assert.strictEqual(levelOf(reading(0.86), false, "ok", thresholds), "critical")
    assert.strictEqual(levelOf(reading(0.1, 0.76), false, "ok", thresholds), "critical")
  })

  it("falls only well below where it began", () => {
    assert.strictEqual(levelOf(reading(0.71), true, "critical", thresholds), "critical")
    assert.strictEqual(levelOf(reading(0.69), true, "critical", thresholds), "high")
    assert.strictEqual(levelOf(reading(0.3), true, "critical", thresholds), "ok")
    // Garbage may hide what lives: the whole of it must be below.
    assert.strictEqual(levelOf(reading(0.78), false, "critical", thresholds), "critical")
  })

  it("never says less than what surely lives, nor shuts the door below the threshold (property)", () => {
    const random = new SeededRandom(7)
    for (let i = 0; i < 20_000; i++) {
      const at = reading(random.next(), random.next())
      const before = random.pick(levels)
      const level = levelOf(at, random.chance(0.5), before, thresholds)
      if (shareOf(at) < thresholds.critical && before !== "critical") assert.notStrictEqual(level, "critical")
      if (shareOf(at) >= thresholds.critical + 0.1) assert.strictEqual(level, "critical")
      if (shareOf(at) < thresholds.elevated - 0.05) assert.strictEqual(level, "ok")
    }
  })
})

describe("slots under pressure", () => {
  it("are fewer the higher the level, memory-intensive ones first, and never none", () => {
    const of = (isHungry: boolean, slots: number) => levels.map((level) => slotsAt(level, slots, isHungry))
    assert.deepStrictEqual(of(false, 10), [10, 10, 5, 1])
    assert.deepStrictEqual(of(true, 10), [10, 5, 1, 1])
    assert.deepStrictEqual(of(true, 1), [1, 1, 1, 1])
    assert.deepStrictEqual(of(false, 0), [0, 0, 0, 0])
  })

  it("of all groups together are half, then a tenth, and ten of them are always left", () => {
    const of = (total: number) => levels.map((level) => totalAt(level, total))
    assert.deepStrictEqual(of(1000), [1000, 1000, 500, 100])
    assert.deepStrictEqual(of(15), [15, 15, 10, 10])
    assert.deepStrictEqual(of(4), [4, 4, 4, 4])
  })

  it("never grow with the level (property)", () => {
    for (let slots = 0; slots < 200; slots++) {
      for (const isHungry of [true, false]) {
        const counts = levels.map((level) => slotsAt(level, slots, isHungry))
        for (let i = 1; i < counts.length; i++) assert.isAtMost(counts[i]!, counts[i - 1]!)
        const totals = levels.map((level) => totalAt(level, slots))
        for (let i = 1; i < totals.length; i++) assert.isAtMost(totals[i]!, totals[i - 1]!)
        assert.strictEqual(counts[0], slots)
        assert.isAtLeast(Math.min(...counts), Math.min(slots, 1))
      }
    }
  })
})

describe("looking again and coming again", () => {
  it("is sooner the less room there is, and the more a job needs", () => {
    const kB = 1024
    assert.strictEqual(rowsUntilLook(reading(0.1), thresholds, 16 * kB), 4096)
    assert.strictEqual(rowsUntilLook(reading(0.65), thresholds, 16 * kB), 819)
    assert.strictEqual(rowsUntilLook(reading(0.65), thresholds, 128 * kB), 102)
    assert.strictEqual(rowsUntilLook(reading(0.1, 0.74), thresholds, 16 * kB), 327)
    assert.strictEqual(rowsUntilLook(reading(0.9), thresholds, 16 * kB), 16)
  })

  it("learns what a job needs from how memory grew, at once when it is more, slowly when it is less", () => {
    assert.strictEqual(learnRowBytes(10_000, 2_000_000, 100), 20_000)
    assert.strictEqual(learnRowBytes(10_000, 500_000, 100), 9_000)
    assert.strictEqual(learnRowBytes(10_000, -2_000_000, 100), 9_000)
    assert.strictEqual(learnRowBytes(10_000, 2_000_000, 0), 10_000)
    assert.strictEqual(learnRowBytes(100, 0, 10), 4096)
  })

  it("is told to a refused caller as long as the door has been shut, within bounds", () => {
    assert.deepStrictEqual([0, 100, 1000, 60_000].map(retryAfterMs), [250, 250, 1000, 5000])
  })

  it("orders levels", () => {
    assert.deepStrictEqual(levels.map(rankOf), [0, 1, 2, 3])
  })
})

describe("the slope of a line", () => {
  it("is that of least squares", () => {
    assert.strictEqual(slope([]), undefined)
    assert.strictEqual(slope([[1, 1]]), undefined)
    assert.strictEqual(
      slope([
        [1, 1],
        [1, 2]
      ]),
      undefined
    )
    assert.closeTo(
      slope([
        [0, 1],
        [1, 3],
        [2, 2],
        [3, 6]
      ])!,
      1.4,
      1e-12
    )
  })
})
