/**
 * What is committed of a stream: one small file beside its sink, replaced whole with each commit. It is the one truth
 * about the sink; how far the source is cut beyond it stands in the jobs of the chunks under way.
 */
import { Effect, Schema } from "effect"
import path from "node:path"
import { StreamPosition } from "../StreamChunk.ts"
import { StateFailed, StreamError } from "../../Queue/StreamProcessor.ts"
import { type FileError, StreamFiles } from "./StreamFiles.ts"

export const StreamRecord = Schema.Struct({
  version: Schema.Literal(1),
  name: Schema.String,
  /** Tells the jobs of this start of the stream from those of others. */
  run: Schema.String,
  /** Of the source; undefined until it was opened. */
  source: Schema.optionalKey(Schema.String),
  /** Chunks below are committed. */
  below: Schema.Int,
  /** Where the first chunk that is not begins; undefined at the beginning. */
  position: Schema.optionalKey(StreamPosition),
  /** Committed chunks after that one, with their ends. */
  beyond: Schema.Array(Schema.Struct({ chunk: Schema.Int, to: StreamPosition })),
  items: Schema.Int,
  results: Schema.Int,
  skipped: Schema.Int,
  skippedChunks: Schema.Array(Schema.Int),
  /** Length of the sink file. */
  sinkBytes: Schema.Int,
  /** Chunks of the whole source, once it is cut to its end. */
  total: Schema.optionalKey(Schema.Int)
})
export type StreamRecord = typeof StreamRecord.Type

const codec = Schema.fromJsonString(StreamRecord)
const decode = Schema.decodeUnknownEffect(codec)
const encode = Schema.encodeSync(codec)

export const begin = (name: string, run: string): StreamRecord => ({
  version: 1,
  name,
  run,
  below: 0,
  beyond: [],
  items: 0,
  results: 0,
  skipped: 0,
  skippedChunks: [],
  sinkBytes: 0
})

const failed = (message: string) => new StreamError({ reason: new StateFailed({ message }) })

export const stateFailed = (file: string) => (error: FileError) =>
  failed(`The record of the stream, ${file}, cannot be kept: ${error.message}`)

/** Undefined: the stream was never run. Fails when the file is there and cannot be understood. */
export const load = (file: string, name: string): Effect.Effect<StreamRecord | undefined, StreamError> =>
  Effect.gen(function* () {
    const files = yield* StreamFiles
    const text = yield* Effect.mapError(files.readText(file), stateFailed(file))
    if (text === undefined) return undefined
    const record = yield* Effect.mapError(decode(text), () =>
      failed(`${file} is not the record of a stream; remove it, or start the stream anew with restart: true`)
    )
    if (record.name !== name) {
      return yield* failed(
        `${file} is the record of stream ${JSON.stringify(record.name)}, not of ${JSON.stringify(name)}; name another sink, or start anew with restart: true`
      )
    }
    return record
  })

/** Durable when it answers; a crash leaves the record there was or the new one. */
export const save = (file: string, record: StreamRecord): Effect.Effect<void, StreamError> =>
  Effect.gen(function* () {
    const files = yield* StreamFiles
    const fresh = `${file}.new`
    yield* Effect.scoped(
      Effect.gen(function* () {
        const bytes = Buffer.from(encode(record))
        const to = yield* files.open(fresh, "r+", "own")
        yield* to.truncate(0)
        yield* to.write(bytes, 0)
        yield* to.sync
      })
    )
    yield* files.rename(fresh, file)
    yield* files.syncFolder(path.dirname(file))
  }).pipe(Effect.mapError(stateFailed(file)))
