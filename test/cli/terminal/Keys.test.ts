import { assert, describe, it } from "@effect/vitest"
import * as Keys from "../../../src/cli/terminal/Keys.ts"

const bytes = (text: string): Uint8Array => Buffer.from(text, "utf8")
const nothing = new Uint8Array()

const nameOf = (key: Keys.Key): string => (key._tag === "Named" ? `<${key.name}>` : key.character)

/** The keys in bytes that arrive in these pieces, and what was left when nothing followed. */
const keysOf = (...pieces: ReadonlyArray<Uint8Array>): string => {
  let pending: Uint8Array = nothing
  const keys: Array<Keys.Key> = []
  for (const piece of pieces) {
    const decoded = Keys.decode(pending, piece)
    keys.push(...decoded.keys)
    pending = decoded.pending
  }
  return [...keys, ...Keys.flushed(pending)].map(nameOf).join("")
}

const table: ReadonlyArray<readonly [sent: string, keys: string]> = [
  ["q", "q"],
  ["jk?/", "jk?/"],
  ["é日👍", "é日👍"],
  ["\x1b[A\x1b[B\x1b[C\x1b[D", "<up><down><right><left>"],
  ["\x1bOA\x1bOB\x1bOC\x1bOD", "<up><down><right><left>"],
  ["\x1b[5~\x1b[6~\x1b[H\x1b[F\x1b[1~\x1b[4~", "<page up><page down><home><end><home><end>"],
  ["\t\x1b[Z", "<tab><back tab>"],
  ["\r\n\x1bOM", "<enter><enter><enter>"],
  ["\x7f\x08", "<backspace><backspace>"],
  ["\x03\x1a\x0c", "<interrupt><suspend><redraw>"],
  ["\x1b", "<escape>"],
  ["\x1b\x1b", "<escape><escape>"],
  ["\x1b\x1b[A", "<escape><up>"],
  // Keys that we have no use for, and Alt with a key.
  ["\x1b[11~\x1b[1;5A\x1b[200~\x1bx\x00\x01\x04q", "q"],
  // A mouse that some program before us left on, and an answer to a question that another asked.
  ["\x1b[<0;10;20M\x1b[?62;c\x1b[24;80Rq", "q"],
  // A sequence cut off by something that cannot stand in one; one without an end.
  ["\x1b[1\x03q", "<interrupt>q"],
  [`\x1b[${"1".repeat(100)}~`, `${"1".repeat(69)}~`]
]

describe("Keys", () => {
  it("are read from what terminals send", () => {
    for (const [sent, keys] of table) assert.strictEqual(keysOf(bytes(sent)), keys, JSON.stringify(sent))
  })

  it("are the same however the bytes arrive", () => {
    for (const [sent, keys] of table) {
      const all = bytes(sent)
      assert.strictEqual(keysOf(...Array.from(all, (byte) => Uint8Array.of(byte))), keys, JSON.stringify(sent))
      for (let at = 0; at <= all.length; at++)
        assert.strictEqual(keysOf(all.subarray(0, at), all.subarray(at)), keys, `${JSON.stringify(sent)} cut at ${at}`)
    }
  })

  it("that are no UTF-8 are passed over, and keep no later key from being one", () => {
    assert.strictEqual(keysOf(Uint8Array.of(0xff, 0xc0, 0x80, 0x71)), "q")
    assert.strictEqual(keysOf(Uint8Array.of(0xe2, 0x28, 0xa1, 0x71)), "(q")
    for (let lead = 0x80; lead < 0x100; lead++) assert.include(keysOf(Uint8Array.of(lead), bytes("qqqqq")), "q")
  })

  it("leave nothing of a lost sequence behind", () => {
    assert.deepStrictEqual(Keys.flushed(bytes("\x1b[")), [])
    assert.deepStrictEqual(Keys.flushed(nothing), [])
    assert.deepStrictEqual(Keys.flushed(bytes("\x1b")).map(nameOf), ["<escape>"])
  })
})
