import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { Csv } from "effect/encoding"
import {
  ChunkCut,
  type CutSettings,
  type CutStep,
  type Piece,
  type Position
} from "../../../../src/services/Streams/policy/ChunkCut.ts"
import { CsvScan, LineScan, type RecordScan } from "../../../../src/services/Streams/policy/RecordScan.ts"
import { SeededRandom, seeds } from "../../../support/SeededRandom.ts"

const beginning: Position = { records: 0, bytes: 0, line: 1 }
const wide: CutSettings = { size: 10, maxBytes: 1_000_000, maxRecordBytes: 1_000_000 }

/** Cuts bytes given in blocks of the lengths that `lengths` says, over one buffer that is used again. */
const cutAll = (
  bytes: Uint8Array,
  scan: RecordScan,
  settings: CutSettings,
  lengths: () => number,
  from = beginning
): {
  readonly pieces: ReadonlyArray<Piece>
  readonly tooLarge?: { readonly line: number; readonly record: number }
} => {
  const cut = new ChunkCut(scan, settings, from)
  const block = new Uint8Array(64)
  const pieces: Array<Piece> = []
  const take = (step: () => CutStep) => {
    for (let found = step(); found._tag !== "More"; found = step()) {
      if (found._tag === "TooLarge") return { pieces, tooLarge: { line: found.line, record: found.record } }
      pieces.push(found.piece)
    }
    return undefined
  }
  for (let at = from.bytes; at < bytes.length; ) {
    const length = Math.min(lengths(), block.length, bytes.length - at)
    block.set(bytes.subarray(at, at + length))
    cut.give(block, length)
    at += length
    const refused = take(() => cut.step())
    if (refused !== undefined) return refused
  }
  return take(() => cut.end()) ?? { pieces }
}

const textOf = (bytes: Uint8Array, { from, to }: Piece) =>
  new TextDecoder().decode(bytes.subarray(from.bytes, to.bytes))

const parse = (text: string) =>
  Stream.make(text).pipe(
    Stream.pipeThroughChannel(Csv.decodeString({ ignoreEmptyLines: true })),
    Stream.runCollect,
    Effect.runSync
  )

const words = ["", "a", "zwölf", "日本語", "💧 drop", "x".repeat(40), "{}", " "]
const cells = [...words, 'say ""hi""', "two\nlines", "cr\rlf\r\n", ",", ";"]

describe("cutting a file into chunks", () => {
  for (const seed of seeds(3)) {
    it(`takes each line once, in order, wherever blocks end (seed ${seed})`, () => {
      const random = new SeededRandom(seed)
      for (let run = 0; run < 150; run++) {
        const count = random.below(40)
        const lines = Array.from({ length: count }, (_, i) => `${i}${words[random.below(words.length)]}`)
        const end = random.below(2) === 0 ? "\n" : "\r\n"
        const text = lines.join(end) + (random.below(2) === 0 ? end : "")
        const bytes = new TextEncoder().encode(text)
        const size = 1 + random.below(7)
        const settings = { size, maxBytes: random.below(2) === 0 ? 200 : 1e6, maxRecordBytes: 200 }
        const { pieces, tooLarge } = cutAll(bytes, new LineScan(), settings, () => 1 + random.below(9))
        assert.isUndefined(tooLarge)
        assert.deepStrictEqual(
          pieces.flatMap((piece) =>
            textOf(bytes, piece)
              .split("\n")
              .slice(0, piece.to.records - piece.from.records)
          ),
          text === "" ? [] : text.replace(/\n$/, "").split("\n")
        )
        let last = beginning
        for (const { from, to } of pieces) {
          assert.deepStrictEqual(from, last)
          assert.isAtMost(to.records - from.records, size)
          assert.isAtMost(to.bytes - from.bytes, settings.maxBytes)
          assert.strictEqual(from.line, from.records + 1)
          last = to
        }
        assert.strictEqual(last.bytes, bytes.length)
        assert.strictEqual(last.records, text === "" ? 0 : Math.max(count, 1))
      }
    })

    it(`ends CSV records where Effect's reader does, wherever blocks end (seed ${seed})`, () => {
      const random = new SeededRandom(seed)
      for (let run = 0; run < 150; run++) {
        const cell = () => {
          const text = cells[random.below(cells.length)]!
          return /[",\r\n]/.test(text) ? `"${text}"` : text
        }
        const count = 1 + random.below(20)
        const text = Array.from(
          { length: count },
          (_, i) => `${i},${cell()},${cell()}${["\n", "\r\n", "\r"][random.below(3)]}`
        ).join("")
        const bytes = new TextEncoder().encode(text)
        const settings = { ...wide, size: 1 + random.below(4) }
        const { pieces } = cutAll(bytes, new CsvScan(), settings, () => 1 + random.below(9))
        assert.deepStrictEqual(
          pieces.flatMap((piece) => parse(textOf(bytes, piece))),
          parse(text)
        )
        assert.strictEqual(pieces.at(-1)!.to.records, count)
        for (const { from } of pieces) {
          const before = text.slice(0, new TextDecoder().decode(bytes.subarray(0, from.bytes)).length)
          assert.strictEqual(from.line, 1 + (before.match(/\r\n|\n|\r/g)?.length ?? 0))
        }
      }
    })

    it(`goes on from the end of any chunk as if it had not stopped (seed ${seed})`, () => {
      const random = new SeededRandom(seed)
      const text = Array.from({ length: 50 }, (_, i) => `"line ${i}\n",${cells[random.below(3)]}\r\n`).join("")
      const bytes = new TextEncoder().encode(text)
      const settings = { ...wide, size: 3 }
      const { pieces } = cutAll(bytes, new CsvScan(), settings, () => 7)
      for (const [i, { to }] of pieces.entries()) {
        const again = cutAll(bytes, new CsvScan(",", to.line), settings, () => 1 + random.below(20), to)
        assert.deepStrictEqual(again.pieces, pieces.slice(i + 1))
      }
    })
  }

  it("names the line of a record that is too long, and the chunks before it are whole", () => {
    const bytes = new TextEncoder().encode(`a\nb\n${"c".repeat(300)}\nd\n`)
    const settings = { size: 2, maxBytes: 200, maxRecordBytes: 100 }
    const { pieces, tooLarge } = cutAll(bytes, new LineScan(), settings, () => 5)
    assert.deepStrictEqual(tooLarge, { line: 3, record: 3 })
    assert.deepStrictEqual(
      pieces.map((piece) => textOf(bytes, piece)),
      ["a\nb\n"]
    )
  })

  it("finds a quote that is never closed too long, on the line where its record began", () => {
    const bytes = new TextEncoder().encode(`a,b\n"c\n",d\n"open,${"x\n".repeat(200)}`)
    const { tooLarge } = cutAll(bytes, new CsvScan(), { size: 9, maxBytes: 200, maxRecordBytes: 100 }, () => 11)
    assert.deepStrictEqual(tooLarge, { line: 4, record: 3 })
  })
})
