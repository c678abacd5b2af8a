/** Cuts a file without parsing it: reads it in blocks, looks for the ends of records, and names the parts. */
import { Effect, type Scope } from "effect"
import { ChunkCut, type CutSettings, type CutStep, type Position } from "../policy/ChunkCut.ts"
import { CsvScan, LineScan } from "../policy/RecordScan.ts"
import { ItemTooLarge, SourceFailed, StreamError } from "../../Queue/StreamProcessor.ts"
import type { FileSlice } from "../StreamChunk.ts"
import type { CsvFile, NdjsonFile } from "../StreamSource.ts"
import type { ChunkSource } from "./ChunkSource.ts"
import { type OpenFile, StreamFiles } from "./StreamFiles.ts"

/** Bytes of a block: large enough that a read costs little beside its scan. */
const blockBytes = 256 * 1024

const beginning: Position = { records: 0, bytes: 0, line: 1 }

export const tooLarge = (path: string, line: number, maxBytes: number) =>
  new StreamError({
    reason: new ItemTooLarge({
      message: `Line ${line} of ${path} begins an item of more than ${maxBytes} bytes; raise maxItemBytes and memoryLimit, or repair the file`,
      line,
      maxBytes
    })
  })

export const sourceFailed = (path: string) => (cause: unknown) =>
  new StreamError({
    reason: new SourceFailed({
      message: `${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause
    })
  })

/** Blocks of a file up to the size it had when it was opened, handed to a cut. */
const cutter = (file: OpenFile, path: string, size: number, cut: ChunkCut, from: number, maxRecordBytes: number) => {
  const block = Buffer.allocUnsafe(blockBytes)
  let read = from
  let ended = false
  const step: Effect.Effect<CutStep, StreamError> = Effect.suspend(() => {
    const found = ended ? cut.end() : cut.step()
    if (found._tag === "TooLarge") return Effect.fail(tooLarge(path, found.line, maxRecordBytes))
    if (found._tag === "Chunk" || ended) return Effect.succeed(found)
    return file.read(block, Math.min(block.length, size - read), read).pipe(
      Effect.mapError(sourceFailed(path)),
      Effect.flatMap((bytes) => {
        if (bytes === 0) ended = true
        else {
          cut.give(block, bytes)
          read += bytes
        }
        return step
      })
    )
  })
  return step
}

/** What is written down of a file, to know it again. */
export const identityOf = ({ csv, mtimeMs, path, size }: FileSlice): string =>
  JSON.stringify([csv === undefined ? "NdjsonFile" : "CsvFile", path, size, mtimeMs, csv?.delimiter ?? null])

const byteOrderMark = Buffer.from("\ufeff")

const isBlank = (record: Buffer) => record.every((byte) => byte === 10 || byte === 13)

/** So many bytes, fewer where the file ends. */
const readAt = (file: OpenFile, path: string) => (at: number, length: number) => {
  const bytes = Buffer.alloc(length)
  return Effect.map(Effect.mapError(file.read(bytes, length, at), sourceFailed(path)), (read) =>
    bytes.subarray(0, read)
  )
}

/** The source, from `from` or its beginning. The header of a CSV file is its first record that is not empty. */
export const fileSource = (
  source: NdjsonFile | CsvFile,
  settings: CutSettings,
  from: Position | undefined
): Effect.Effect<ChunkSource, StreamError, Scope.Scope> =>
  Effect.gen(function* () {
    const files = yield* StreamFiles
    const { path } = source
    const file = yield* Effect.mapError(files.open(path, "r", "named"), sourceFailed(path))
    const { mtimeMs, size } = yield* Effect.mapError(file.stat, sourceFailed(path))
    const scanFrom = (line: number) =>
      source._tag === "CsvFile" ? new CsvScan(source.delimiter, line) : new LineScan(line)
    const cutFrom = (at: Position, cutSettings: CutSettings) =>
      cutter(file, path, size, new ChunkCut(scanFrom(at.line), cutSettings, at), at.bytes, cutSettings.maxRecordBytes)
    let start = from ?? beginning
    let csv: { readonly delimiter: string; readonly headerEnd: number } | undefined
    if (source._tag === "CsvFile") {
      const read = readAt(file, path)
      const marked = (yield* read(0, byteOrderMark.length)).equals(byteOrderMark)
      // A mark is no part of the first cell, which may be quoted.
      let end = marked ? { ...beginning, bytes: byteOrderMark.length } : beginning
      const header = cutFrom(end, { ...settings, size: 1 })
      for (let blank = true; blank; ) {
        const found = yield* header
        if (found._tag !== "Chunk") break
        const { from: begin, to } = found.piece
        end = to
        blank = to.bytes - begin.bytes <= 2 && isBlank(yield* read(begin.bytes, to.bytes - begin.bytes))
      }
      csv = { delimiter: source.delimiter, headerEnd: end.bytes }
      start = from ?? { ...end, records: 0 }
    }
    const part = { _tag: "FileSlice" as const, path, size, mtimeMs, ...(csv === undefined ? {} : { csv }) }
    const step = cutFrom(start, settings)
    return {
      identity: identityOf(part),
      start,
      next: Effect.map(step, (found) =>
        found._tag === "Chunk"
          ? { ...found.piece, source: part, bytes: found.piece.to.bytes - found.piece.from.bytes }
          : undefined
      )
    }
  })
