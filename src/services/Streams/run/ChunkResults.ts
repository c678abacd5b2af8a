/**
 * The results of a chunk on their way out of its job: gathered as lines of JSON, kept in the job while they are few, in
 * a file of the spool folder beyond. The file bears job and attempt, so that an attempt that lost its claim writes to
 * its own and is never read.
 */
import { Effect, Schema, Scope } from "effect"
import path from "node:path"
import type { ChunkInput, ChunkOutput } from "../StreamChunk.ts"
import { type JobContext, NonRetryable } from "../../Queue/Task.ts"
import { BlockPool } from "./BlockPool.ts"
import { type FileError, type OpenFile, StreamFiles } from "./StreamFiles.ts"

/** Results up to so many bytes rest in the job: a page or two of the store, and no file to make, sync and remove. */
const inlineMost = 16 * 1024
/**
 * Bytes gathered before they are written: with room for a quarter more than the input, so that a handler that does not
 * wait is done in one go, decoding, handling and encoding. What it allocates is then dead before the garbage collector
 * could take it for old.
 */
const blockBytes = ({ from, to }: ChunkInput) =>
  Math.min(Math.max((to.bytes - from.bytes) * 1.25, 256 * 1024), 8 * 1024 * 1024)
/** Of UTF-8, that a character of a string takes at most. */
const bytesPerChar = 3

/** Name of a chunk's spool file; `spooledChunk` reads the chunk from it, and `ChunkOutput` knows its form. */
const spoolName = (chunk: number, job: JobContext<ChunkOutput, unknown>) => `${chunk}-${job.id}-${job.attempt}.ndjson`

/** The chunk a spool file belongs to. */
export const spooledChunk = (name: string): number | undefined => {
  const found = /^(\d+)-\d+-\d+\.ndjson$/.exec(name)
  return found === null ? undefined : Number(found[1])
}

export interface ChunkResults<O> {
  readonly add: (results: Iterable<O>) => Effect.Effect<void, NonRetryable | FileError>
  /** Says how many items the chunk has. */
  readonly counted: (items: number) => void
  /** Durable when it answers. */
  readonly end: Effect.Effect<ChunkOutput, FileError>
}

/** A writer per output schema. Left before its end, it removes its file. */
export const makeChunkResults = <O>(output: Schema.Codec<O, any>) => {
  const encode = Schema.encodeUnknownSync(Schema.toCodecJson(output))
  const pool = new BlockPool()

  const lineOf = (value: O): string => {
    try {
      return `${JSON.stringify(encode(value)) ?? "null"}\n`
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause)
      throw new NonRetryable({ message: `A result does not fit the task's output: ${message}` })
    }
  }

  return (
    input: ChunkInput,
    job: JobContext<ChunkOutput, unknown>
  ): Effect.Effect<ChunkResults<O>, never, Scope.Scope> =>
    Effect.gen(function* () {
      const files = yield* StreamFiles
      const scope = yield* Effect.scope
      const name = spoolName(input.chunk, job)
      const place = path.join(input.spool, name)
      const first = yield* pool.take(blockBytes(input))
      let block = first
      let filled = 0
      /** Filled ones, to be written. */
      let full: Array<Buffer> = []
      let written = 0
      let items = 0
      let results = 0
      let file: OpenFile | undefined
      let kept = false

      const opened = Effect.suspend(() => {
        if (file !== undefined) return Effect.succeed(file)
        return Effect.addFinalizer(() => (kept ? Effect.void : Effect.ignore(files.remove(place)))).pipe(
          Effect.andThen(files.open(place, "r+", "own")),
          Effect.tap((made) =>
            Effect.sync(() => {
              file = made
            })
          ),
          Scope.provide(scope)
        )
      })

      /** Writes what there is, and begins with the first block again. */
      const flush = Effect.gen(function* () {
        const to = yield* opened
        for (const bytes of [...full, block.subarray(0, filled)]) {
          yield* to.write(bytes, written)
          written += bytes.length
        }
        full = []
        block = first
        filled = 0
        return to
      })

      const tooMuch = () =>
        new NonRetryable({
          message: `Chunk ${input.chunk} of stream ${input.stream} has more than ${input.maxOutputBytes} bytes of results; make chunks smaller, or raise maxOutputBytes`
        })

      /**
       * Answers whether all had room. A plain loop that waits for nothing: where the results were taken from their
       * iterator by a generator or by hand, V8 kept those of every chunk through its minor collections, and memory grew
       * by 200 MB instead of 70 for chunks of 1 MB.
       */
      const encodeAll = (values: Iterable<O>): boolean => {
        let bytes = full.reduce((sum, { length }) => sum + length, written)
        for (const value of values) {
          const line = lineOf(value)
          const room = line.length * bytesPerChar
          if (filled + room > block.length) {
            full.push(block.subarray(0, filled))
            bytes += filled
            block = Buffer.allocUnsafeSlow(Math.max(room, first.length))
            filled = 0
          }
          filled += block.write(line, filled)
          results++
          if (bytes + filled > input.maxOutputBytes) return false
        }
        return true
      }

      return {
        add: (values) =>
          Effect.suspend((): Effect.Effect<void, NonRetryable | FileError> => {
            try {
              if (!encodeAll(values)) return Effect.fail(tooMuch())
            } catch (error) {
              return error instanceof NonRetryable ? Effect.fail(error) : Effect.die(error)
            }
            return full.length === 0 ? Effect.void : Effect.asVoid(flush)
          }),
        counted: (count) => {
          items = count
        },
        end: Effect.gen(function* () {
          if (file === undefined && filled <= inlineMost) {
            const text = block.toString("utf8", 0, filled)
            return { items, results, bytes: filled, lines: { _tag: "Inline", text } }
          }
          const to = yield* flush
          yield* to.sync
          yield* files.syncFolder(input.spool)
          kept = true
          return { items, results, bytes: written, lines: { _tag: "Spooled", file: name } }
        })
      }
    })
}
