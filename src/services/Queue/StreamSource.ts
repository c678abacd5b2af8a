/**
 * Where the items of a stream come from. Files are cut without being parsed, and a chunk's job names its part of the file, which the worker
 * reads: the store carries references. Other sources are put into the jobs themselves, within `maxPayloadBytes`.
 */
import { Stream } from "effect"
import { Csv, Ndjson } from "effect/encoding"

/** An NDJSON file: one JSON value per line, UTF-8, ended by LF or CRLF; the last may lack it. Blank lines are no items. */
export interface NdjsonFile {
  readonly _tag: "NdjsonFile"
  readonly path: string
}

/** A CSV file as of RFC 4180, UTF-8, whose first record names the columns; cells are decoded as `Csv.decodeSchema` does. Blank lines are no items. */
export interface CsvFile {
  readonly _tag: "CsvFile"
  readonly path: string
  readonly delimiter: string
}

/** Items as they come. `open(taken)` begins after so many: when the stream is resumed, those are in the store already. */
export interface Items<out A, out R> {
  readonly _tag: "Items"
  readonly form: "values" | "json" | "csv"
  readonly open: (taken: number) => Stream.Stream<A, unknown, R>
}

export type StreamSource<A, R = never> = NdjsonFile | CsvFile | Items<A, R>

export const ndjsonFile = (path: string): StreamSource<never> => ({ _tag: "NdjsonFile", path })

export const csvFile = (path: string, options?: { readonly delimiter?: string }): StreamSource<never> => ({
  _tag: "CsvFile",
  path,
  delimiter: options?.delimiter ?? ","
})

/**
 * Any stream of items. A stream must begin with the same items each time it is run, since a resumed one is read from its beginning and what is
 * in the store already is passed over; a function that is given their number can begin further on (`LIMIT … OFFSET`, a seek).
 */
export const items = <A, E, R>(
  stream: Stream.Stream<A, E, R> | ((taken: number) => Stream.Stream<A, E, R>)
): StreamSource<A, R> => ({
  _tag: "Items",
  form: "values",
  open: typeof stream === "function" ? stream : (taken) => Stream.drop(stream, taken)
})

/** Bytes of NDJSON, such as an HTTP response's `stream`. They are requested anew and passed over up to where the stream was when it is resumed. */
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

/** Bytes of CSV with a header record; see `ndjson` and `csvFile`. */
export const csv = <E, R>(
  bytes: Stream.Stream<Uint8Array, E, R>,
  options?: { readonly delimiter?: string }
): StreamSource<never, R> => ({
  _tag: "Items",
  form: "csv",
  open: (taken) =>
    bytes.pipe(
      Stream.pipeThroughChannel(
        Csv.decode<E>({
          headers: true,
          ignoreEmptyLines: true,
          ...(options?.delimiter === undefined ? {} : { delimiter: options.delimiter })
        })
      ),
      Stream.drop(taken)
    ) as Stream.Stream<never, unknown, R>
})
