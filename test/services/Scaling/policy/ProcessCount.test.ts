import { assert, describe, it } from "@effect/vitest"
import { unlimited } from "../../../../src/services/Queue/ResourceGroup.ts"
import { processCount, roomInMemory, slotsPerProcess } from "../../../../src/services/Scaling/policy/ProcessCount.ts"
import { SeededRandom } from "../../../support/SeededRandom.ts"

const idle = { processes: 0, others: false }

describe("slots of one process", () => {
  it("are those it is declared with, else an even share of the group's limit", () => {
    assert.strictEqual(slotsPerProcess(4, 100, unlimited, 8), 4)
    assert.strictEqual(slotsPerProcess(undefined, 100, unlimited, 8), 13)
    assert.strictEqual(slotsPerProcess(undefined, 3, unlimited, 8), 1)
  })

  it("are unknown where there are none or no limit says how many", () => {
    assert.isUndefined(slotsPerProcess(0, 100, unlimited, 8))
    assert.isUndefined(slotsPerProcess(undefined, unlimited, unlimited, 8))
    assert.isUndefined(slotsPerProcess(undefined, 0, unlimited, 8))
  })
})

describe("the number of processes", () => {
  const bounds = { min: 1, max: 8 }

  it("is what the group that needs most of them needs, within the bounds", () => {
    const needs = [
      { slots: 5, perProcess: 2 },
      { slots: 20, perProcess: 10 }
    ]
    assert.strictEqual(processCount(needs, bounds, idle), 3)
    assert.strictEqual(processCount([{ slots: 100, perProcess: 2 }], bounds, idle), 8)
    assert.strictEqual(processCount([{ slots: 0, perProcess: 2 }], bounds, idle), 1)
    assert.strictEqual(processCount([{ slots: 50, perProcess: undefined }], bounds, idle), 1)
  })

  it("does not fall while groups that are not scaled have work", () => {
    assert.strictEqual(processCount([{ slots: 2, perProcess: 2 }], bounds, { processes: 5, others: true }), 5)
    assert.strictEqual(processCount([{ slots: 14, perProcess: 2 }], bounds, { processes: 5, others: true }), 7)
  })

  it("always has room for the slots or is at its bound, never falls as need grows, and stays with constant need", () => {
    const random = new SeededRandom(4)
    const int = (most: number) => random.below(most + 1)
    for (let round = 0; round < 2000; round++) {
      const min = 1 + int(5)
      const max = min + int(20)
      const perProcess = 1 + int(9)
      const slots = int(200)
      const count = processCount([{ slots, perProcess }], { min, max }, idle)
      assert.isTrue(count >= min && count <= max)
      assert.isTrue(count * perProcess >= slots || count === max)
      assert.isTrue(count === min || (count - 1) * perProcess < slots)
      assert.isAtLeast(processCount([{ slots: slots + int(50), perProcess }], { min, max }, idle), count)
      assert.strictEqual(processCount([{ slots, perProcess }], { min, max }, { processes: count, others: true }), count)
    }
  })
})

describe("room in memory", () => {
  it("leaves a fifth of what is free, and is never negative", () => {
    assert.strictEqual(roomInMemory(1000, 100), 8)
    assert.strictEqual(roomInMemory(124, 100), 0)
    assert.strictEqual(roomInMemory(-5, 100), 0)
  })
})
