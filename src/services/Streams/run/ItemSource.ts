/** Chunks of items that come as an Effect stream; they are put into the jobs. */
import { Cause, Effect, Pull, Schema, type Scope, Stream } from "effect"
import type { CutSettings, Position } from "../policy/ChunkCut.ts"
import { ItemTooLarge, SourceFailed, StreamError } from "../../Queue/StreamProcessor.ts"
import type { Items } from "../StreamSource.ts"
import type { ChunkSource, CutChunk } from "./ChunkSource.ts"

const beginning: Position = { records: 0, bytes: 0, line: 1 }

/** With what is behind it: the readers of NDJSON and CSV say there what was wrong. */
const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}: ${messageOf(error.cause)}`
}

const failed = (record: number, cause: unknown) =>
  new StreamError({
    reason: new SourceFailed({
      message: `The source failed after item ${record}: ${messageOf(cause)}`,
      cause
    })
  })

export const itemSource = <A, R>(
  source: Items<A, R>,
  item: Schema.Codec<A, any>,
  settings: CutSettings,
  from: Position = beginning
): Effect.Effect<ChunkSource, StreamError, R | Scope.Scope> =>
  Effect.gen(function* () {
    const context = yield* Effect.context<R | Scope.Scope>()
    const pull = yield* Stream.toPull(source.open(from.records))
    const encode =
      source.form === "values" ? Schema.encodeUnknownSync(Schema.toCodecJson(item)) : (value: unknown) => value
    const form = source.form === "csv" ? ("csv" as const) : ("json" as const)
    let pulled: ReadonlyArray<unknown> = []
    let at = 0
    let ended = false
    let last = from
    let values: Array<unknown> = []
    /** An encoded item that did not fit the chunk before. */
    let over: { readonly value: unknown; readonly bytes: number } | undefined

    const take = (value: unknown, bytes: number) => {
      values.push(value)
      last = { records: last.records + 1, bytes: last.bytes + bytes, line: last.line + 1 }
    }

    const gather = (begin: Position): Effect.Effect<CutChunk | undefined, StreamError> =>
      Effect.suspend(() => {
        if (over !== undefined) {
          take(over.value, over.bytes)
          over = undefined
        }
        while (at < pulled.length && values.length < settings.size) {
          let value: unknown
          let bytes: number
          try {
            value = encode(pulled[at])
            // With the comma after it.
            bytes = Buffer.byteLength(JSON.stringify(value) ?? "null") + 1
          } catch (cause) {
            return Effect.fail(failed(last.records, cause))
          }
          at++
          if (bytes > settings.maxRecordBytes) {
            return Effect.fail(
              new StreamError({
                reason: new ItemTooLarge({
                  message: `Item ${last.records + 1} has ${bytes} bytes; at most ${settings.maxRecordBytes} are taken. Raise maxItemBytes and memoryLimit`,
                  line: last.records + 1,
                  maxBytes: settings.maxRecordBytes
                })
              })
            )
          }
          if (values.length > 0 && last.bytes + bytes - begin.bytes > settings.maxBytes) {
            over = { value, bytes }
            return Effect.succeed(cut(begin))
          }
          take(value, bytes)
        }
        if (values.length >= settings.size) return Effect.succeed(cut(begin))
        if (ended) return Effect.succeed(values.length === 0 ? undefined : cut(begin))
        return Pull.matchEffect(pull, {
          onSuccess: (items) => {
            pulled = items
            at = 0
            return gather(begin)
          },
          onFailure: (cause) => Effect.fail(failed(last.records, Cause.squash(cause))),
          onDone: () => {
            pulled = []
            at = 0
            ended = true
            return gather(begin)
          }
        }).pipe(Effect.provideContext(context))
      })

    const cut = (begin: Position): CutChunk => {
      const chunk = {
        from: begin,
        to: last,
        source: { _tag: "InlineItems" as const, form, values },
        bytes: last.bytes - begin.bytes
      }
      values = []
      return chunk
    }

    return { identity: JSON.stringify(["Items", source.form]), start: from, next: Effect.suspend(() => gather(last)) }
  })
