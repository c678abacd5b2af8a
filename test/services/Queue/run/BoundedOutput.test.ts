import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as BoundedOutput from "../../../../src/services/Queue/run/BoundedOutput.ts"
import { OutputBytes } from "../../../../src/services/Queue/run/OutputBytes.ts"

const text = (output: BoundedOutput.BoundedOutput) => Buffer.from(output.bytes()).toString("utf8")

const pushed = (limitBytes: number, bytes: Uint8Array, chunkBytes: number) => {
  const output = BoundedOutput.make(limitBytes)
  for (let at = 0; at < bytes.length; at += chunkBytes) output.push(bytes.subarray(at, at + chunkBytes))
  return output
}

describe("BoundedOutput", () => {
  it("keeps everything up to the limit, whatever the chunks", () => {
    for (const chunkBytes of [1, 3, 7, 100]) {
      const output = pushed(10, Buffer.from("0123456789"), chunkBytes)
      assert.strictEqual(text(output), "0123456789")
      assert.strictEqual(output.dropped(), 0)
    }
  })

  it("keeps the beginning and the end beyond the limit and names what is missing", () => {
    for (const chunkBytes of [1, 3, 4, 7, 26]) {
      const output = pushed(8, Buffer.from("abcdefghijklmnopqrstuvwxyz"), chunkBytes)
      assert.strictEqual(text(output), "abcd\n[... 18 bytes left out ...]\nwxyz")
      assert.strictEqual(output.dropped(), 18)
    }
  })

  it("cuts between characters, so that text stays text", () => {
    const characters = "ä€😀".repeat(20)
    const bytes = Buffer.from(characters)
    for (let limit = 8; limit < 40; limit++) {
      const output = pushed(limit, bytes, 5)
      const kept = new TextDecoder("utf-8", { fatal: true }).decode(output.bytes()).split(/\n\[.*\]\n/)
      assert.strictEqual(kept.length, 2)
      assert.isTrue(characters.startsWith(kept[0]!) && characters.endsWith(kept[1]!))
      assert.strictEqual(Buffer.byteLength(kept.join("")) + output.dropped(), bytes.length)
    }
  })

  it("counts every byte when nothing may be kept", () => {
    const output = pushed(0, Buffer.from("abc"), 1)
    assert.strictEqual(output.dropped(), 3)
    assert.strictEqual(text(output), "\n[... 3 bytes left out ...]\n")
  })
})

describe("OutputBytes", () => {
  it.effect("is readable text in JSON when the bytes are UTF-8, base64 when not, and the same bytes again after", () =>
    Effect.gen(function* () {
      const samples = [
        Buffer.from(""),
        Buffer.from("grüß\u0000\u001b[31m"),
        Buffer.from("\ufeffbom"),
        Buffer.from([0xff, 0x00, 0x80])
      ]
      const encoded = yield* Effect.forEach(samples, (bytes) => Schema.encodeEffect(OutputBytes)(bytes))
      assert.deepStrictEqual(encoded, ["", "grüß\u0000\u001b[31m", "\ufeffbom", { base64: "/wCA" }])
      const back = yield* Schema.decodeUnknownEffect(Schema.Array(OutputBytes))(JSON.parse(JSON.stringify(encoded)))
      assert.deepStrictEqual(
        back.map((bytes) => Buffer.from(bytes)),
        samples
      )
    })
  )
})
