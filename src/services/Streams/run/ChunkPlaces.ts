/**
 * The paths in a chunk's job, before anything is opened there. They come out of the store, and whoever writes the store
 * may have written others: they count when the stream's own record, which lies beside its sink and not in the store,
 * speaks of the same run and source.
 */
import { Effect, Option, Schema } from "effect"
import path from "node:path"
import type { ChunkInput } from "../StreamChunk.ts"
import { NonRetryable } from "../../Queue/Task.ts"
import { identityOf } from "./FileSource.ts"
import { type FileError, notOwnCode, StreamFiles } from "./StreamFiles.ts"
import { StreamRecord } from "./StreamRecord.ts"

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(StreamRecord))

/** Runs of streams that a process remembers: it asks once for each. */
const runsKept = 64

const ending = ".d"

const refused = (input: ChunkInput, why: string) =>
  new NonRetryable({ message: `The job of chunk ${input.chunk} of stream ${input.stream} names ${why}` })

/** Fails with `NonRetryable` when the stream knows nothing of these paths. */
export const makeChunkPlaces = () => {
  const known = new Set<string>()
  return (input: ChunkInput): Effect.Effect<void, NonRetryable | FileError> =>
    Effect.suspend(() => {
      const { run, source, spool, stream } = input
      const identity = source._tag === "FileSlice" ? identityOf(source) : undefined
      const key = JSON.stringify([stream, run, spool, identity])
      if (known.has(key)) return Effect.void
      if (!path.isAbsolute(spool) || path.normalize(spool) !== spool || !spool.endsWith(ending))
        return Effect.fail(refused(input, "no folder of a stream"))
      return Effect.gen(function* () {
        const files = yield* StreamFiles
        const text = yield* files
          .readText(spool.slice(0, -ending.length))
          .pipe(Effect.catch((error) => Effect.fail(error.code === notOwnCode ? refused(input, error.message) : error)))
        const record = Option.getOrUndefined(decode(text ?? ""))
        if (record === undefined || record.name !== stream || record.run !== run)
          return yield* refused(input, `a folder that this run of it does not keep: ${spool}`)
        if (source._tag === "FileSlice" && record.source !== identity)
          return yield* refused(input, `a file that is not its source: ${source.path}`)
        if (known.size >= runsKept) known.clear()
        known.add(key)
      })
    })
}
