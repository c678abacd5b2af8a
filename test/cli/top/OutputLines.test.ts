import { assert, describe, it } from "@effect/vitest"
import type { OutputPiece, OutputStream } from "../../../src/services/Queue/index.ts"
import * as OutputLines from "../../../src/cli/top/OutputLines.ts"

const bytes = (text: string, stream: OutputStream = "stdout"): OutputPiece => ({
  _tag: "Bytes",
  stream,
  bytes: new TextEncoder().encode(text)
})

const end: OutputPiece = {
  _tag: "End",
  end: { endedAt: 0, outcome: "completed", exitCode: 0, message: "" }
}

/** A log that grows: pieces that are not there yet are `undefined`. */
const logOf = (pieces: ReadonlyArray<OutputPiece | undefined>) => {
  const left = [...pieces]
  return OutputLines.make({ next: async () => left.shift(), close: () => {} })
}

describe("the lines of a command's log", () => {
  it("are given when they end, each stream by itself", async () => {
    const lines = logOf([
      bytes("one\ntw"),
      bytes("err", "stderr"),
      undefined,
      bytes("o\n"),
      bytes("or\n", "stderr"),
      undefined
    ])
    assert.deepStrictEqual(await lines.read(false), ["one"])
    assert.strictEqual(lines.unfinished(), "err")
    assert.deepStrictEqual(await lines.read(false), ["two", "error"])
    assert.isUndefined(lines.unfinished())
    assert.isFalse(lines.isAtEnd())
  })

  it("show how far a line is that writes over itself", async () => {
    const lines = logOf([bytes("10 %\r20 %\r"), undefined])
    assert.deepStrictEqual(await lines.read(false), [])
    assert.strictEqual(lines.unfinished(), "20 %")
  })

  it("end with what had no end, also of a log that was cut, or that is not there", async () => {
    const whole = logOf([bytes("a\nb"), end])
    assert.deepStrictEqual([await whole.read(false), whole.isAtEnd()], [["a", "b"], true])
    const cut = logOf([bytes("a\nb"), undefined])
    assert.deepStrictEqual([await cut.read(true), cut.isAtEnd(), cut.isEmpty()], [["a", "b"], true, false])
    const none = logOf([])
    assert.deepStrictEqual([await none.read(true), none.isAtEnd(), none.isEmpty()], [[], true, true])
  })

  it("of a long log come in parts, characters cut between pieces whole, and what was not kept is named", async () => {
    const letter = new TextEncoder().encode("é")
    const halves = [letter.subarray(0, 1), letter.subarray(1)].map(
      (part): OutputPiece => ({ _tag: "Bytes", stream: "stdout", bytes: part })
    )
    const lines = logOf([
      ...halves,
      bytes("\n"),
      { _tag: "LeftOut", stdout: 5, stderr: 2 },
      ...Array.from({ length: 40 }, (_, i) => bytes(`${i}\n`)),
      end
    ])
    const parts: Array<ReadonlyArray<string>> = []
    while (!lines.isAtEnd()) parts.push(await lines.read(false))
    assert.isAbove(parts.length, 1)
    assert.deepStrictEqual(parts.flat(), [
      "é",
      "(7 bytes were not kept)",
      ...Array.from({ length: 40 }, (_, i) => String(i))
    ])
  })
})
