/** Puts the results of chunks into a sink, in the order it is given them. */
import { Effect, Option, Schema, type Scope, Stream } from "effect"
import { Csv, Ndjson } from "effect/encoding"
import path from "node:path"
import type { ChunkOutput } from "../StreamChunk.ts"
import { InvalidStream, SinkChanged, SinkFailed, StreamError } from "../../Queue/StreamProcessor.ts"
import type { CsvSink, CustomSink, NdjsonSink, StreamSink } from "../StreamSink.ts"
import { type FileError, type OpenFile, StreamFiles } from "./StreamFiles.ts"

export interface SinkWriter<R> {
  readonly append: (chunk: number, output: ChunkOutput) => Effect.Effect<void, StreamError, R>
  /** All that was appended is durable; answers the length of the sink file. */
  readonly commit: Effect.Effect<number, StreamError>
}

interface GrowingFile {
  readonly write: (bytes: Uint8Array) => Effect.Effect<void, FileError>
}

/** Bytes copied or decoded at a time. */
const blockBytes = 256 * 1024

const messageOf = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause))

const failedAt = (what: string) => (cause: unknown) =>
  new StreamError({ reason: new SinkFailed({ message: `${what}: ${messageOf(cause)}`, cause }) })

/** The bytes of a chunk's results, in blocks. */
const bytesOf = (spool: string, { lines }: ChunkOutput): Stream.Stream<Uint8Array, FileError> => {
  if (lines._tag === "Inline") return lines.text === "" ? Stream.empty : Stream.make(Buffer.from(lines.text))
  return Stream.scoped(
    Stream.unwrap(
      Effect.gen(function* () {
        const files = yield* StreamFiles
        const file = yield* files.open(path.join(spool, lines.file), "r", "own")
        return Stream.paginate(0, (at: number) => {
          const block = Buffer.allocUnsafe(blockBytes)
          return Effect.map(file.read(block, block.length, at), (read) =>
            read === 0 ? ([[], Option.none()] as const) : ([[block.subarray(0, read)], Option.some(at + read)] as const)
          )
        })
      })
    )
  )
}

const openSinkFile = (sinkPath: string, length: number): Effect.Effect<OpenFile, StreamError, Scope.Scope> =>
  Effect.gen(function* () {
    const files = yield* StreamFiles
    const failed = failedAt(`${sinkPath} cannot be written`)
    const file = yield* Effect.mapError(files.open(sinkPath, "r+", "named"), failed)
    const { size } = yield* Effect.mapError(file.stat, failed)
    if (size < length) {
      return yield* new StreamError({
        reason: new SinkChanged({
          message: `${sinkPath} has ${size} bytes, and ${length} were committed to it; put it back, or start anew with restart: true`
        })
      })
    }
    // What was written after the last commit.
    yield* Effect.mapError(file.truncate(length), failed)
    yield* Effect.mapError(files.syncFolder(path.dirname(sinkPath)), failed)
    return file
  })

/** A sink file, written on from its committed length. */
const fileWriter = (
  sink: NdjsonSink | CsvSink,
  length: number,
  put: (file: GrowingFile, output: ChunkOutput) => Effect.Effect<void, unknown>,
  head: Stream.Stream<Uint8Array, unknown>
): Effect.Effect<SinkWriter<never>, StreamError, Scope.Scope> =>
  Effect.gen(function* () {
    const file = yield* openSinkFile(sink.path, length)
    let at = length
    const growing: GrowingFile = {
      write: (bytes) => {
        const from = at
        at += bytes.length
        return file.write(bytes, from)
      }
    }
    if (at === 0) {
      yield* Stream.runForEach(head, growing.write).pipe(Effect.mapError(failedAt(`${sink.path} cannot be written`)))
    }
    return {
      append: (chunk, output) =>
        Effect.mapError(
          put(growing, output),
          failedAt(`The results of chunk ${chunk} cannot be written to ${sink.path}`)
        ),
      commit: Effect.map(Effect.mapError(file.sync, failedAt(`${sink.path} cannot be made durable`)), () => at)
    }
  })

/** Lines are taken over as they are. */
const copyTo = (spool: string) => {
  const block = Buffer.allocUnsafeSlow(blockBytes)
  return (to: GrowingFile, { lines }: ChunkOutput): Effect.Effect<void, FileError> => {
    if (lines._tag === "Inline") return lines.text === "" ? Effect.void : to.write(Buffer.from(lines.text))
    return Effect.gen(function* () {
      const files = yield* StreamFiles
      const file = yield* files.open(path.join(spool, lines.file), "r", "own")
      for (let at = 0; ; ) {
        const read = yield* file.read(block, block.length, at)
        if (read === 0) return
        yield* to.write(block.subarray(0, read))
        at += read
      }
    }).pipe(Effect.scoped)
  }
}

/** The writer of a sink whose file has `length` committed bytes. */
export const openSink = <O, R>(
  sink: StreamSink<O, R>,
  output: Schema.Codec<O, any>,
  spool: string,
  length: number
): Effect.Effect<SinkWriter<R>, StreamError, Scope.Scope> => {
  switch (sink._tag) {
    case "NdjsonSink":
      return fileWriter(sink, length, copyTo(spool), Stream.empty)
    case "CsvSink":
      return Effect.flatMap(csvEncoders(sink, output), ({ head, rows }) =>
        fileWriter(
          sink,
          length,
          (file, chunk) => Stream.runForEach(rows(resultsOf(spool, chunk, output)), file.write),
          head
        )
      )
    case "CustomSink":
      return Effect.succeed(customWriter(sink, output, spool))
  }
}

const resultsOf = <O>(spool: string, chunk: ChunkOutput, output: Schema.Codec<O, any>) =>
  bytesOf(spool, chunk).pipe(Stream.pipeThroughChannel(Ndjson.decodeSchema(Schema.toCodecJson(output))()))

const csvEncoders = <O>(sink: CsvSink, output: Schema.Codec<O, any>) =>
  Effect.try({
    try: () => {
      const options = {
        delimiter: sink.delimiter,
        newline: "\n" as const,
        ...(sink.columns === undefined ? {} : { columns: sink.columns as never })
      }
      const rows = Csv.encodeSchema(output)<unknown>(options)
      const head = Csv.encodeSchema(output)<unknown>({ ...options, headers: true })
      return {
        rows: (results: Stream.Stream<O, unknown>) => Stream.pipeThroughChannel(results, rows),
        head: Stream.pipeThroughChannel(Stream.empty as Stream.Stream<O, unknown>, head)
      }
    },
    catch: (error) =>
      new StreamError({
        reason: new InvalidStream({
          message: `The task's output cannot be written as CSV to ${sink.path}: ${messageOf(error)}`
        })
      })
  })

const customWriter = <O, R>(sink: CustomSink<O, R>, output: Schema.Codec<O, any>, spool: string): SinkWriter<R> => ({
  append: (chunk, written) =>
    Effect.mapError(
      sink.write({ chunk, count: written.results, results: Stream.orDie(resultsOf(spool, written, output)) }),
      failedAt(`The sink refused chunk ${chunk}`)
    ),
  commit: Effect.succeed(0)
})
