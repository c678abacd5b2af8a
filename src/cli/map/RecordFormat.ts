/** How records are written: by flag, or by the end of a file's name. */

export type RecordFormat = "csv" | "tsv" | "json" | "ndjson"

export const formatOf = (file: string): RecordFormat | undefined => {
  const end = /\.(csv|tsv|json|ndjson|jsonl)$/i.exec(file)?.[1]?.toLowerCase()
  return end === "jsonl" ? "ndjson" : (end as RecordFormat | undefined)
}
