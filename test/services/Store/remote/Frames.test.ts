import { assert, describe, it } from "@effect/vitest"
import { frame, FrameReader, FrameTooLarge, headerBytes } from "../../../../src/services/Store/remote/Frames.ts"
import { SeededRandom, seeds } from "../../../support/SeededRandom.ts"

const most = 1_000

describe("messages on a byte stream", () => {
  it("come out whole and in order however the stream cuts them", () => {
    for (const seed of seeds(200)) {
      const random = new SeededRandom(seed)
      const texts = Array.from({ length: random.below(20) }, () => "aüß€😀".repeat(random.below(40)))
      const bytes = Buffer.concat(texts.map((text) => frame(text, most)))
      const reader = new FrameReader(most)
      const read: Array<string> = []
      for (let at = 0; at < bytes.length; ) {
        const length = random.chance(0.5) ? 1 + random.below(7) : 1 + random.below(300)
        read.push(...reader.push(bytes.subarray(at, at + length)))
        at += length
      }
      assert.deepStrictEqual(read, texts, `seed ${seed}`)
    }
  })

  it("are not begun that are longer than agreed, and not read", () => {
    assert.throws(() => frame("a".repeat(most + 1), most), FrameTooLarge)
    const bytes = frame("a".repeat(most + 1), most + 1)
    assert.throws(() => new FrameReader(most).push(bytes.subarray(0, headerBytes)), FrameTooLarge)
  })

  it("may be as long as agreed, and empty", () => {
    const reader = new FrameReader(most)
    assert.deepStrictEqual(reader.push(frame("", most)), [""])
    assert.deepStrictEqual(reader.push(frame("a".repeat(most), most)), ["a".repeat(most)])
  })
})
