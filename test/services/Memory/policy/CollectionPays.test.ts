import { assert, describe, it } from "@effect/vitest"
import {
  type CollectionInput,
  collectionVerdict,
  expectedPauseMs
} from "../../../../src/services/Memory/policy/CollectionPays.ts"

const MiB = 1024 * 1024

const idle: CollectionInput = {
  usedBytes: 200 * MiB,
  livedBytes: 100 * MiB,
  externalBytes: 0,
  livedExternalBytes: 0,
  utilization: 0.01,
  isShort: false,
  sinceLastMs: Number.POSITIVE_INFINITY,
  lastPauseMs: 0,
  fruitless: 0
}

describe("whether a collection pays", () => {
  it("does when the process is idle and much may be garbage", () => {
    assert.strictEqual(collectionVerdict(idle), "pays")
    assert.strictEqual(collectionVerdict({ ...idle, usedBytes: 30 * MiB, livedBytes: 20 * MiB }), "little-garbage")
    assert.strictEqual(collectionVerdict({ ...idle, usedBytes: 200 * MiB, livedBytes: 170 * MiB }), "little-garbage")
  })

  it("counts buffers that objects in the heap hold", () => {
    const buffers = { ...idle, livedBytes: 200 * MiB, externalBytes: 300 * MiB, livedExternalBytes: 10 * MiB }
    assert.strictEqual(collectionVerdict(buffers), "pays")
  })

  it("leaves it to V8 while jobs run, unless jobs are refused and the pause is short", () => {
    const busy = { ...idle, utilization: 0.9 }
    assert.strictEqual(collectionVerdict(busy), "busy")
    assert.strictEqual(collectionVerdict({ ...busy, isShort: true }), "pays")
    assert.isAbove(expectedPauseMs(1024 * MiB), 250)
    assert.strictEqual(collectionVerdict({ ...busy, isShort: true, usedBytes: 1024 * MiB }), "busy")
    assert.strictEqual(collectionVerdict({ ...idle, isShort: true, usedBytes: 1024 * MiB }), "pays")
  })

  it("takes a tenth of the time at most, a fifth while jobs are refused", () => {
    const again = { ...idle, lastPauseMs: 200 }
    assert.strictEqual(collectionVerdict({ ...again, sinceLastMs: 1999 }), "too-soon")
    assert.strictEqual(collectionVerdict({ ...again, sinceLastMs: 2000 }), "pays")
    assert.strictEqual(collectionVerdict({ ...again, isShort: true, sinceLastMs: 999 }), "too-soon")
    assert.strictEqual(collectionVerdict({ ...again, isShort: true, sinceLastMs: 1000 }), "pays")
    assert.strictEqual(collectionVerdict({ ...again, lastPauseMs: 5, sinceLastMs: 999 }), "too-soon")
  })

  it("rests twice as long after each that freed little, but not while jobs are refused", () => {
    const again = { ...idle, lastPauseMs: 200, fruitless: 3 }
    assert.strictEqual(collectionVerdict({ ...again, sinceLastMs: 15_999 }), "too-soon")
    assert.strictEqual(collectionVerdict({ ...again, sinceLastMs: 16_000 }), "pays")
    assert.strictEqual(collectionVerdict({ ...again, isShort: true, sinceLastMs: 1000 }), "pays")
    assert.strictEqual(collectionVerdict({ ...again, fruitless: 1000, sinceLastMs: 512_000 }), "pays")
  })
})
