/** Groups records into chunks: `size` records each, fewer where their bytes would exceed `maxBytes`. */
import type { RecordScan } from "./RecordScan.ts"

export interface CutSettings {
  /** Records of a chunk. */
  readonly size: number
  /** Bytes of a chunk. */
  readonly maxBytes: number
  /** Bytes of a record, its line end included; at most `maxBytes`. */
  readonly maxRecordBytes: number
}

/** How far a source has been cut. */
export interface Position {
  /** Records before it. */
  readonly records: number
  /** Bytes before it. */
  readonly bytes: number
  /** The line, from 1, that begins there. */
  readonly line: number
}

export interface Piece {
  readonly from: Position
  readonly to: Position
}

export type CutStep =
  /** A chunk is whole. Bytes of the block may be left: call again. */
  | { readonly _tag: "Chunk"; readonly piece: Piece }
  /** The block is used up. */
  | { readonly _tag: "More" }
  /** The record that begins on this line, the `record`-th from 1, is longer than allowed. */
  | { readonly _tag: "TooLarge"; readonly line: number; readonly record: number }

/** Cuts bytes given in blocks, in order, from a position that begins a record. */
export class ChunkCut {
  private readonly scan: RecordScan
  private readonly settings: CutSettings
  /** Where the chunk being gathered begins, and the end of its last whole record. */
  private from: Position
  private last: Position
  private block: Uint8Array = new Uint8Array()
  private blockAt: number
  private at = 0
  private to = 0

  constructor(scan: RecordScan, settings: CutSettings, from: Position) {
    this.scan = scan
    this.settings = settings
    this.from = from
    this.last = from
    this.blockAt = from.bytes
  }

  /** The next bytes, `block[0, length)`; they are not kept beyond the step that answers `More`. */
  give(block: Uint8Array, length: number): void {
    this.blockAt += this.to
    this.block = block
    this.at = 0
    this.to = length
  }

  step(): CutStep {
    while (this.at < this.to) {
      const end = this.scan.next(this.block, this.at, this.to)
      const seen = this.blockAt + (end < 0 ? this.to : end)
      if (seen - this.last.bytes > this.settings.maxRecordBytes) return this.tooLarge()
      if (end < 0) {
        this.at = this.to
        break
      }
      this.at = end
      const chunk = this.record({ records: this.last.records + 1, bytes: seen, line: this.scan.line })
      if (chunk !== undefined) return chunk
    }
    return { _tag: "More" }
  }

  /** No more bytes: what is left, a last record without a line end included. */
  end(): CutStep {
    const seen = this.blockAt + this.to
    this.at = this.to
    if (seen > this.last.bytes) {
      if (seen - this.last.bytes > this.settings.maxRecordBytes) return this.tooLarge()
      const chunk = this.record({ records: this.last.records + 1, bytes: seen, line: this.scan.line + 1 })
      if (chunk !== undefined) return chunk
    }
    return this.last.records > this.from.records ? this.cut(this.last) : { _tag: "More" }
  }

  /** Takes one more record that ends at `end`; answers the chunk it completes, or the one it has no room in. */
  private record(end: Position): CutStep | undefined {
    const before = this.last
    this.last = end
    if (before.records > this.from.records && end.bytes - this.from.bytes > this.settings.maxBytes)
      return this.cut(before)
    return end.records - this.from.records >= this.settings.size ? this.cut(end) : undefined
  }

  private cut(to: Position): CutStep {
    const piece = { from: this.from, to }
    this.from = to
    return { _tag: "Chunk", piece }
  }

  private tooLarge(): CutStep {
    return { _tag: "TooLarge", line: this.last.line, record: this.last.records + 1 }
  }
}
