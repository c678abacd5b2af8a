/** A row of a store that nothing can read, moved to where it stops nobody: as a document of this kind, to look at, keep elsewhere and remove. */
import { Option, Schema } from "effect"
import type { StoredDocument } from "./StoredDocument.ts"

export const setAsideKind = "set-aside"

/** What a column held; what is no text, number or null as hexadecimal digits or decimal digits. */
export const SetAsideValue = Schema.Union([
  Schema.String,
  Schema.Number,
  Schema.Null,
  Schema.Struct({ hex: Schema.String }),
  Schema.Struct({ integer: Schema.String })
])

export const SetAsideRow = Schema.Struct({
  table: Schema.String,
  /** In words. */
  why: Schema.String,
  columns: Schema.Record(Schema.String, SetAsideValue)
})
export type SetAsideRow = typeof SetAsideRow.Type

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(SetAsideRow))

/** Undefined: the document is no such row. */
export const setAsideRow = ({ text }: StoredDocument): SetAsideRow | undefined => Option.getOrUndefined(decode(text))
