import { assert, describe, it } from "@effect/vitest"
import { type HeapSample, leakHints } from "../../../../src/services/Profiling/policy/HeapSlope.ts"
import { SeededRandom } from "../../../support/SeededRandom.ts"

/** Heap after full collections of a worker with three tasks, of which some leave bytes behind. */
const worker = (
  seed: number,
  leaves: readonly [number, number, number],
  options: { readonly inStep?: boolean } = {}
) => {
  const source = new SeededRandom(seed)
  const random = () => source.next()
  const attempts = [0, 0, 0]
  return Array.from({ length: 40 }, (): HeapSample => {
    const share = options.inStep === true ? 0.5 : random()
    attempts[0]! += Math.round(1000 * share)
    attempts[1]! += Math.round(1000 * (1 - share))
    attempts[2]! += Math.round(20 * random())
    const kept = attempts.reduce((sum, count, task) => sum + count * leaves[task]!, 0)
    return { heap: 30e6 + kept + 2e6 * (random() - 0.5), attempts: [...attempts] }
  })
}

const names = ["busy", "other", "rare"]

describe("leak hints", () => {
  it("name the task that leaves a kilobyte per attempt, with its size, and no other", () => {
    for (let seed = 1; seed <= 50; seed++) {
      const hints = leakHints(names, worker(seed, [0, 1024, 0]))
      assert.deepStrictEqual(
        hints.map(({ task }) => task),
        ["other"]
      )
      assert.approximately(hints[0]!.bytesPerAttempt, 1024, 2 * hints[0]!.within)
    }
  })

  it("stay silent on a heap that only sways: in at least 98 of 100 workers", () => {
    const told = Array.from({ length: 100 }, (_, seed) => leakHints(names, worker(seed + 1, [0, 0, 0]))).filter(
      (hints) => hints.length > 0
    )
    assert.isAtMost(told.length, 2)
  })

  it("say that tasks which always run in step cannot be told apart", () => {
    const [hint] = leakHints(names, worker(3, [0, 1024, 0], { inStep: true }))
    assert.deepStrictEqual([hint!.task, ...hint!.orOneOf].sort(), ["busy", "other"])
  })

  it("wait for enough collections", () => {
    assert.deepStrictEqual(leakHints(names, worker(1, [0, 1024, 0]).slice(0, 7)), [])
  })

  it("take a heap that grew once and stayed, such as a cache that filled, for no leak", () => {
    const filled = worker(5, [0, 0, 0]).map((sample, i) => ({
      ...sample,
      heap: sample.heap + (i < 6 ? i * 5e6 : 30e6)
    }))
    assert.deepStrictEqual(leakHints(names, filled), [])
  })
})
