import { assert, describe, it } from "@effect/vitest"
import { bytesPerInputByte, StreamWindow } from "../../../../src/services/Streams/policy/StreamWindow.ts"
import { SeededRandom, seeds } from "../../../support/SeededRandom.ts"

describe("the window of a stream", () => {
  for (const order of ["source", "completion"] as const) {
    for (const seed of seeds(3)) {
      it(`keeps its bounds and commits each chunk once, by ${order} (seed ${seed})`, () => {
        const random = new SeededRandom(seed)
        for (let run = 0; run < 100; run++) {
          const maxBytes = 4000
          const window = new StreamWindow<undefined, string>({ maxChunks: 5, maxBytes, order }, 0, [])
          const live: Array<number> = []
          const committed: Array<number> = []
          let next = 0
          while (committed.length < 30) {
            const bytes = 1 + random.below(250)
            if (next < 30 && random.below(2) === 0 && window.admits(bytes)) {
              window.add(next, bytes, undefined)
              live.push(next++)
            } else if (live.length > 0) {
              const [chunk] = live.splice(random.below(live.length), 1)
              window.end(chunk!, `end ${chunk}`)
              window.end(chunk!, "told twice")
            }
            assert.isAtMost(window.size, 5)
            const ready = window.ready()
            for (const { chunk, end } of ready) assert.strictEqual(end, `end ${chunk}`)
            window.committed(ready)
            committed.push(...ready.map(({ chunk }) => chunk))
            assert.deepStrictEqual(
              [...committed].sort((a, b) => a - b),
              [...Array.from({ length: window.below }, (_, i) => i), ...window.after]
            )
          }
          assert.isAtMost(window.peakBytes, maxBytes)
          assert.strictEqual(window.size, 0)
          if (order === "source")
            assert.deepStrictEqual(
              committed,
              [...committed].sort((a, b) => a - b)
            )
        }
      })
    }
  }

  it("admits a chunk to an empty window whatever its size, and none beside it", () => {
    const window = new StreamWindow<undefined, string>({ maxChunks: 5, maxBytes: 800, order: "source" }, 0, [])
    assert.isTrue(window.admits(1000))
    window.add(0, 1000, undefined)
    assert.isFalse(window.admits(1))
    assert.strictEqual(window.peakBytes, 1000 * bytesPerInputByte)
  })

  it("goes on behind chunks that were committed out of order before", () => {
    const window = new StreamWindow<undefined, string>({ maxChunks: 5, maxBytes: 800, order: "source" }, 2, [3, 5])
    for (const chunk of [2, 4]) window.add(chunk, 1, undefined)
    for (const chunk of [4, 2]) window.end(chunk, "done")
    const ready = window.ready()
    assert.deepStrictEqual(
      ready.map(({ chunk }) => chunk),
      [2, 4]
    )
    window.committed(ready)
    assert.strictEqual(window.below, 6)
    assert.deepStrictEqual(window.after, [])
  })
})
