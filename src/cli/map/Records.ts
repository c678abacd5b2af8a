/**
 * Records whose fields a command names: `--from x.csv`, `.tsv`, `.json`, `.ndjson`, and the flags of these names. Read
 * as they come.
 */
import * as Csv from "effect/encoding/Csv"
import * as JsonArray from "effect/encoding/JsonArray"
import * as Stream from "effect/Stream"
import { type CommandFailure, fail } from "../Failure.ts"
import * as ByteText from "../input/ByteText.ts"
import * as Lines from "./Lines.ts"
import type { MapInput, MapInputStream } from "./MapInput.ts"
import type { RecordFormat } from "./RecordFormat.ts"

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const ofValue = (text: string, value: unknown): MapInput =>
  isRecord(value)
    ? { text, inputs: [text], record: value }
    : { text, inputs: [text], problem: 'it is no JSON object; expected one, like {"name": "a"}' }

/** A line that is no JSON says nothing about the others. */
const ofLine = (text: string): MapInput => {
  try {
    return ofValue(text, JSON.parse(text))
  } catch {
    return { text, inputs: [text], problem: 'it is not JSON; expected one object per line, like {"name": "a"}' }
  }
}

const byteOrderMark = "\ufeff"

const ofRow = (row: ReadonlyArray<string>, header: ReadonlyArray<string> | undefined): MapInput => ({
  text: row.join(" "),
  inputs: row,
  ...(header === undefined
    ? {}
    : { record: Object.fromEntries(row.map((cell, i) => [header[i] ?? String(i + 1), cell])) })
})

/**
 * The syntax of CSV is ASCII, so bytes pass through the parser as characters of their number, and become text cell by
 * cell.
 */
const ofTable = (
  bytes: Stream.Stream<Uint8Array, CommandFailure>,
  name: string,
  delimiter: string,
  hasHeader: boolean
): MapInputStream =>
  bytes.pipe(
    Stream.map((chunk) => Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString("latin1")),
    Stream.pipeThroughChannel(Csv.decodeString({ delimiter, ignoreEmptyLines: true })),
    Stream.mapError((error) =>
      error._tag === "CsvError"
        ? fail("usage", `line ${error.line} of ${name} is no ${hasHeader ? "record" : "row"}: ${error.message}`)
        : error
    ),
    Stream.map((row) => row.map((cell) => ByteText.decode(Buffer.from(cell, "latin1")))),
    Stream.mapAccum(
      (): ReadonlyArray<string> | undefined => undefined,
      (header, row) => {
        if (!hasHeader) return [header, [ofRow(row, undefined)]]
        if (header !== undefined) return [header, [ofRow(row, header)]]
        return [row.map((cell, i) => (i === 0 && cell.startsWith(byteOrderMark) ? cell.slice(1) : cell)), []]
      }
    )
  )

/**
 * `name` is what messages call the source. A table begins with the names of its columns, unless `hasHeader` is false.
 */
export const read = (
  bytes: Stream.Stream<Uint8Array, CommandFailure>,
  name: string,
  format: RecordFormat,
  hasHeader: boolean
): MapInputStream => {
  switch (format) {
    case "csv":
      return ofTable(bytes, name, ",", hasHeader)
    case "tsv":
      return ofTable(bytes, name, "\t", hasHeader)
    case "ndjson":
      return Lines.split(10)(bytes).pipe(
        Stream.filter((line) => line.trim() !== ""),
        Stream.map(ofLine)
      )
    case "json":
      return bytes.pipe(
        Stream.pipeThroughChannel(JsonArray.decode()),
        Stream.mapError((error) =>
          error._tag === "JsonArrayError"
            ? fail("usage", `${name} is no JSON array of objects: ${error.message}`)
            : error
        ),
        Stream.map((value) => ofValue(JSON.stringify(value), value))
      )
  }
}
