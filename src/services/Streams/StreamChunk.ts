/** What the job of a chunk carries and answers. */
import { Schema } from "effect"

/** How far a source is cut; see `Streams/policy/ChunkCut.ts`. */
export const StreamPosition = Schema.Struct({ records: Schema.Int, bytes: Schema.Int, line: Schema.Int })

/** A part of a file the worker reads itself. It must still be the file that was cut: same size, same time of change. */
export const FileSlice = Schema.TaggedStruct("FileSlice", {
  path: Schema.String,
  size: Schema.Int,
  /** Milliseconds since 1970, with fraction. */
  mtimeMs: Schema.Finite,
  /** CSV: the delimiter, and where the header record ends, from the file's beginning. */
  csv: Schema.optionalKey(Schema.Struct({ delimiter: Schema.String, headerEnd: Schema.Int }))
})
export type FileSlice = typeof FileSlice.Type

/** Items in the payload, for sources that cannot be read a second time. */
export const InlineItems = Schema.TaggedStruct("InlineItems", {
  /** `json`: as the task's item schema encodes them. `csv`: objects of strings, one per column. */
  form: Schema.Literals(["json", "csv"]),
  values: Schema.Array(Schema.Unknown)
})

export const ChunkInput = Schema.Struct({
  stream: Schema.String,
  run: Schema.String,
  /** From 0. */
  chunk: Schema.Int,
  from: StreamPosition,
  /** Where the next chunk begins: with the chunk's job the position of the whole stream is stored. */
  to: StreamPosition,
  source: Schema.Union([FileSlice, InlineItems]),
  /** Folder for results that are too large for the job. */
  spool: Schema.String,
  maxOutputBytes: Schema.Int
})
export type ChunkInput = typeof ChunkInput.Type

/**
 * The results of a chunk: lines of JSON, each ended by LF, small ones in the job, others in a file of the spool folder.
 */
export const ChunkOutput = Schema.Struct({
  /** Items read, blank lines left out. */
  items: Schema.Int,
  results: Schema.Int,
  bytes: Schema.Int,
  lines: Schema.Union([
    Schema.TaggedStruct("Inline", { text: Schema.String }),
    // A bare name: of chunk, job and attempt.
    Schema.TaggedStruct("Spooled", { file: Schema.String.check(Schema.isPattern(/^\d+-\d+-\d+\.ndjson$/)) })
  ])
})
export type ChunkOutput = typeof ChunkOutput.Type
