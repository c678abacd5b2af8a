/** A source as chunks, one after the other, from where the stream is. */
import type { Effect } from "effect"
import type { Position } from "../policy/ChunkCut.ts"
import type { ChunkInput } from "../StreamChunk.ts"
import type { StreamError } from "../../Queue/StreamProcessor.ts"

export interface CutChunk {
  readonly from: Position
  readonly to: Position
  readonly source: ChunkInput["source"]
  /** Of input: of the file's part, or of the items as JSON. */
  readonly bytes: number
}

export interface ChunkSource {
  /** What must be the same when the stream goes on; told apart by text. */
  readonly identity: string
  readonly start: Position
  /** The next chunk; undefined at the end. Called by one at a time. */
  readonly next: Effect.Effect<CutChunk | undefined, StreamError>
}
