/** The items of a chunk, read and decoded where its job runs. */
import { Effect, Schema, type Scope, Stream } from "effect"
import { Csv } from "effect/encoding"
import { isUtf8 } from "node:buffer"
import type { ChunkInput } from "../StreamChunk.ts"
import { NonRetryable } from "../../Queue/Task.ts"
import { BlockPool } from "./BlockPool.ts"
import { type FileError, type OpenFile, StreamFiles } from "./StreamFiles.ts"

type Source<Tag> = Extract<ChunkInput["source"], { readonly _tag: Tag }>

const messageOf = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause))

const refused = (message: string, line: number) => new NonRetryable({ message, detail: { line } })

/** Reads into the beginning of a block; shorter than asked for when the file is. */
const readPart = (file: OpenFile, block: Buffer, from: number, to: number) =>
  Effect.gen(function* () {
    const bytes = block.subarray(0, to - from)
    let at = 0
    while (at < bytes.length) {
      const read = yield* file.read(bytes.subarray(at), bytes.length - at, from + at)
      if (read === 0) break
      at += read
    }
    return bytes.subarray(0, at)
  })

/** Lines of a slice; blank ones are no items. */
const decodeLines = <A>(bytes: Buffer, path: string, firstLine: number, decode: (value: unknown) => A): Array<A> => {
  const items: Array<A> = []
  for (let from = 0, line = firstLine; from < bytes.length; line++) {
    const end = bytes.indexOf(10, from)
    const to = end < 0 ? bytes.length : end
    // The whole was checked to be UTF-8; a byte order mark is no part of the first line.
    let text = bytes.toString("utf8", from, to)
    if (line === 1 && text.charCodeAt(0) === 0xfeff) text = text.slice(1)
    from = to + 1
    if (text.trim() === "") continue
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch (cause) {
      throw refused(`Line ${line} of ${path} is not JSON: ${messageOf(cause)}`, line)
    }
    try {
      items.push(decode(value))
    } catch (cause) {
      throw refused(`Line ${line} of ${path} does not fit the task's item: ${messageOf(cause)}`, line)
    }
  }
  return items
}

/** The first line of a slice that is not UTF-8. */
const brokenLine = (bytes: Buffer, firstLine: number): number => {
  let line = firstLine
  for (let from = 0; from < bytes.length; line++) {
    const end = bytes.indexOf(10, from)
    const to = end < 0 ? bytes.length : end + 1
    if (!isUtf8(bytes.subarray(from, to))) break
    from = to
  }
  return line
}

/** Decoders of one item schema. */
export const makeChunkReader = <A>(item: Schema.Codec<A, any>) => {
  const decodeJson = Schema.decodeUnknownSync(Schema.toCodecJson(item))
  const pool = new BlockPool()
  const decodeCells = Schema.decodeUnknownSync(Schema.toCodecStringTree(item))

  /** The bytes of a slice and, for CSV, of its header; the file is closed again. The buffers are the scope's. */
  const bytesOf = (input: ChunkInput, { csv, mtimeMs, path, size }: Source<"FileSlice">) =>
    Effect.gen(function* () {
      const { from, to } = input
      const bytes = yield* pool.take(to.bytes - from.bytes)
      const header = csv === undefined ? undefined : yield* pool.take(csv.headerEnd)
      return yield* Effect.scoped(
        Effect.gen(function* () {
          const files = yield* StreamFiles
          const file = yield* files.open(path, "r", "named")
          const found = yield* file.stat
          if (found.size !== size || found.mtimeMs !== mtimeMs) {
            return yield* refused(
              `${path} has changed since it was cut; put it back, or start the stream anew`,
              from.line
            )
          }
          return {
            bytes: yield* readPart(file, bytes, from.bytes, to.bytes),
            header: header === undefined ? undefined : yield* readPart(file, header, 0, csv!.headerEnd)
          }
        })
      )
    })

  const ofSlice = (input: ChunkInput, source: Source<"FileSlice">) =>
    Effect.flatMap(bytesOf(input, source), ({ bytes, header }): Effect.Effect<Array<A>, NonRetryable> => {
      const { csv, path } = source
      const { from } = input
      if (!isUtf8(bytes)) {
        const line = brokenLine(bytes, from.line)
        return Effect.fail(refused(`Line ${line} of ${path} is not UTF-8`, line))
      }
      if (header !== undefined && !isUtf8(header)) {
        const line = brokenLine(header, 1)
        return Effect.fail(refused(`Line ${line} of ${path}, of its header, is not UTF-8`, line))
      }
      if (csv === undefined || header === undefined) {
        return Effect.try({
          try: () => decodeLines(bytes, path, from.line, decodeJson),
          catch: (error) => error as NonRetryable
        })
      }
      return Stream.make(header, bytes).pipe(
        Stream.pipeThroughChannel(
          Csv.decodeSchema(item)({
            headers: true,
            ignoreEmptyLines: true,
            delimiter: csv.delimiter,
            maxRecordSize: Number.POSITIVE_INFINITY
          })
        ),
        Stream.runCollect,
        Effect.mapError((error) => refusedCsv(error, header, path, from))
      )
    })

  const ofPayload = (input: ChunkInput, { form, values }: Source<"InlineItems">) =>
    Effect.suspend(() => {
      const decode = form === "csv" ? decodeCells : decodeJson
      const items: Array<A> = []
      for (let i = 0; i < values.length; i++) {
        try {
          items.push(decode(values[i]))
        } catch (cause) {
          const number = input.from.records + i + 1
          return Effect.fail(refused(`Item ${number} does not fit the task's item: ${messageOf(cause)}`, number))
        }
      }
      return Effect.succeed(items)
    })

  /**
   * Fails with `NonRetryable` where another attempt reads the same; with the system's error where it may not. Nothing
   * waits after the decoding.
   */
  return (input: ChunkInput): Effect.Effect<Array<A>, NonRetryable | FileError, Scope.Scope> =>
    input.source._tag === "FileSlice" ? ofSlice(input, input.source) : ofPayload(input, input.source)
}

/** Line and record of Csv's errors count from the header, which stands before every slice. */
const refusedCsv = (
  error: Csv.CsvError | Schema.SchemaError,
  header: Buffer,
  path: string,
  from: ChunkInput["from"]
): NonRetryable => {
  if (!Csv.isCsvError(error)) {
    const record = from.records + 1
    return refused(
      `A record of ${path}, counted from record ${record} as the second, does not fit the task's item: ${error.message}`,
      from.line
    )
  }
  const line = from.line + error.line - linesOf(header) - 1
  return refused(`The record on line ${line} of ${path} is not CSV: ${error.message}`, line)
}

/** Line ends in a header record: CRLF, LF or CR. */
const linesOf = (header: Buffer): number => header.toString("utf8").match(/\r\n|\n|\r/g)?.length ?? 0
