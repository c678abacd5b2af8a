/**
 * A row of a store that nothing can read, moved to where it stops nobody: as a document of this kind, to look at, keep
 * elsewhere and remove.
 */
import type { StoredDocument } from "./StoredDocument.ts"

export const setAsideKind = "set-aside"

/** What a column held: what JSON can carry as it is, else its bytes or its digits. */
export type SetAsideValue = string | number | null | { readonly hex: string } | { readonly integer: string }

export interface SetAsideRow {
  readonly table: string
  /** In words. */
  readonly why: string
  readonly columns: Readonly<Record<string, SetAsideValue>>
}

/** Undefined: the document is no such row. */
export const setAsideRow = ({ text }: StoredDocument): SetAsideRow | undefined => {
  try {
    const row = JSON.parse(text) as Partial<SetAsideRow> | null
    return typeof row?.table === "string" && typeof row.why === "string" && typeof row.columns === "object"
      ? (row as SetAsideRow)
      : undefined
  } catch {
    return undefined
  }
}
