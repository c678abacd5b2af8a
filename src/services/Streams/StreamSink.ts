/**
 * Where the results of a stream go. A chunk is committed when its results are in the sink and durable; a file holds
 * exactly the results of the committed chunks after a crash and resume, since it is cut back to where the stream's
 * record says.
 */
import type { Effect, Stream } from "effect"

/** A line of JSON per result. */
export interface NdjsonSink {
  readonly _tag: "NdjsonSink"
  readonly path: string
}

/** A record per result, the columns named in the first. */
export interface CsvSink {
  readonly _tag: "CsvSink"
  readonly path: string
  readonly columns: ReadonlyArray<string> | undefined
  readonly delimiter: string
}

/** The results of a chunk on their way into a sink of one's own. */
export interface SinkChunk<out O> {
  /** From 0; the chunk's number in its stream, the same after a crash. */
  readonly chunk: number
  /** Number of results. */
  readonly count: number
  /** Read as they are pulled: no more than a block of text in memory. */
  readonly results: Stream.Stream<O>
}

/** A program's own sink, asked for one chunk after the other. */
export interface CustomSink<in O, out R> {
  readonly _tag: "CustomSink"
  /** Path of the stream's record. */
  readonly state: string
  readonly write: (chunk: SinkChunk<O>) => Effect.Effect<void, unknown, R>
}

export type StreamSink<O, R = never> = NdjsonSink | CsvSink | CustomSink<O, R>

/** The stream's record is `PATH.stream`, its spool folder `PATH.stream.d`. */
export const ndjsonFile = (path: string): StreamSink<unknown> => ({ _tag: "NdjsonSink", path })

/** `columns` default to the fields of the task's output, which must be a struct. */
export const csvFile = (
  path: string,
  options?: { readonly columns?: ReadonlyArray<string>; readonly delimiter?: string }
): StreamSink<unknown> => ({
  _tag: "CsvSink",
  path,
  columns: options?.columns,
  delimiter: options?.delimiter ?? ","
})

/**
 * Calls `write` for each chunk. When it has answered, the chunk is committed; a crash in between calls it again with
 * the same chunk, so let it be idempotent by `chunk` (an upsert, a transaction that also keeps the number). `state` is
 * the path of the stream's record.
 */
export const forEachChunk = <O, E, R>(
  state: string,
  write: (chunk: SinkChunk<O>) => Effect.Effect<void, E, R>
): StreamSink<O, R> => ({ _tag: "CustomSink", state, write })
