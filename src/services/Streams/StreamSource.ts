/**
 * Where the items of a stream come from. Files are cut without being parsed, and a chunk's job names its part of the
 * file, which the worker reads: the store carries references. Other sources are put into the jobs themselves, within
 * `maxPayloadBytes`.
 */
import { Effect, Schema, Stream } from "effect"
import { Csv, Ndjson } from "effect/encoding"
import { OutOfBounds, shown } from "../Queue/policy/Bounds.ts"

/**
 * An NDJSON file: one JSON value per line, UTF-8, ended by LF or CRLF; the last may lack it. Blank lines are no items.
 */
export interface NdjsonFile {
  readonly _tag: "NdjsonFile"
  readonly path: string
}

/**
 * A CSV file as of RFC 4180, UTF-8, whose first record that is not empty names the columns; cells are decoded as
 * `Csv.decodeSchema` does. Blank lines are no items.
 */
export interface CsvFile {
  readonly _tag: "CsvFile"
  readonly path: string
  readonly delimiter: string
}

/**
 * Items as they come. `open(taken)` begins after so many: when the stream is resumed, those are in the store already.
 */
export interface Items<out A, out R> {
  readonly _tag: "Items"
  readonly form: "values" | "json" | "csv"
  readonly open: (taken: number) => Stream.Stream<A, unknown, R>
}

export type StreamSource<A, R = never> = NdjsonFile | CsvFile | Items<A, R>

export const ndjsonFile = (path: string): StreamSource<never> => ({ _tag: "NdjsonFile", path })

const delimiterOf = (delimiter: unknown = ","): string => {
  const isOne = typeof delimiter === "string" && delimiter.length === 1 && delimiter.charCodeAt(0) < 128
  if (isOne && !'"\r\n\0'.includes(delimiter)) return delimiter
  throw new OutOfBounds(`delimiter is ${shown(delimiter)}; expected one ASCII character other than " and line ends`)
}

/** Throws a `RangeError` for a delimiter that is none. */
export const csvFile = (path: string, options?: { readonly delimiter?: string }): StreamSource<never> => ({
  _tag: "CsvFile",
  path,
  delimiter: delimiterOf(options?.delimiter)
})

/**
 * Any stream of items. A stream must begin with the same items each time it is run, since a resumed one is read from
 * its beginning and what is in the store already is passed over; a function that is given their number can begin
 * further on (`LIMIT … OFFSET`, a seek).
 */
export const items = <A, E, R>(
  stream: Stream.Stream<A, E, R> | ((taken: number) => Stream.Stream<A, E, R>)
): StreamSource<A, R> => ({
  _tag: "Items",
  form: "values",
  open: typeof stream === "function" ? stream : (taken) => Stream.drop(stream, taken)
})

/**
 * Bytes of NDJSON, such as an HTTP response's `stream`. They are requested anew and passed over up to where the stream
 * was when it is resumed.
 */
export const ndjson = <E, R>(
  bytes: Stream.Stream<Uint8Array, E, R>,
  options?: {
    /** Longest line in bytes. Default 1,000,000. */
    readonly maxLineBytes?: number
  }
): StreamSource<never, R> => ({
  _tag: "Items",
  form: "json",
  open: (taken) =>
    bytes.pipe(
      Stream.pipeThroughChannel(
        Ndjson.decode<E>({ ignoreEmptyLines: true, maxLineBytes: options?.maxLineBytes ?? 1_000_000 })
      ),
      Stream.drop(taken)
    ) as Stream.Stream<never, unknown, R>
})

/** The bytes of a source are no text. */
class NotUtf8 extends Schema.TaggedError<NotUtf8>()("NotUtf8", { message: Schema.String }) {}

/** The text of UTF-8 as it comes; fails with the line on which it is none. */
const textOf = <E, R>(bytes: Stream.Stream<Uint8Array, E, R>): Stream.Stream<string, E | NotUtf8, R> =>
  Stream.suspend(() => {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
    let line = 1
    const decode = (block?: Uint8Array) =>
      Effect.try({
        try: () => {
          const text = block === undefined ? decoder.decode() : decoder.decode(block, { stream: true })
          for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) line++
          return text
        },
        catch: () => new NotUtf8({ message: `it is not UTF-8, on line ${line} or soon after it` })
      })
    return Stream.concat(Stream.mapEffect(bytes, decode), Stream.fromEffect(Effect.suspend(() => decode())))
  })

/**
 * Bytes of CSV with a header record; see `ndjson` and `csvFile`. Throws a `RangeError` for a delimiter that is none.
 */
export const csv = <E, R>(
  bytes: Stream.Stream<Uint8Array, E, R>,
  options?: { readonly delimiter?: string }
): StreamSource<never, R> => {
  const delimiter = delimiterOf(options?.delimiter)
  return {
    _tag: "Items",
    form: "csv",
    open: (taken) =>
      textOf(bytes).pipe(
        Stream.pipeThroughChannel(Csv.decodeString<E | NotUtf8>({ headers: true, ignoreEmptyLines: true, delimiter })),
        Stream.drop(taken)
      ) as Stream.Stream<never, unknown, R>
  }
}
