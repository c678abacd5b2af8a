import { assert, describe, it } from "@effect/vitest"
import { usableHeap } from "../../../../src/services/Memory/heap/HeapLimit.ts"

const MiB = 1024 * 1024

describe("what may live in a heap", () => {
  it("is the old generation as it was set, less a semi-space", () => {
    assert.strictEqual(usableHeap(448 * MiB, ["--max-old-space-size=256"], undefined), 192 * MiB)
    assert.strictEqual(
      usableHeap(448 * MiB, ["", "--max-old-space-size=4096", "--max_old_space_size=256"], undefined),
      192 * MiB
    )
    assert.strictEqual(
      usableHeap(304 * MiB, ["--max-old-space-size=256", "--max-semi-space-size=16"], undefined),
      240 * MiB
    )
  })

  it("is reckoned from V8's sum where nothing was set", () => {
    assert.strictEqual(usableHeap(4288 * MiB, [], undefined), (4096 - 64) * MiB)
    assert.strictEqual(usableHeap(4144 * MiB, ["--max-semi-space-size=16"], undefined), (4096 - 16) * MiB)
  })

  it("is what a thread was given, and never less than half", () => {
    assert.strictEqual(usableHeap(224 * MiB, ["--max-old-space-size=8192"], 128), 96 * MiB)
    assert.strictEqual(usableHeap(448 * MiB, ["--max-old-space-size=32"], undefined), 16 * MiB)
  })
})
