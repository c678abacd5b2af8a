/** Documents and journals of the services around the queue: rows of their own, apart from the jobs. */
import type { JournalEntry, StoredDocument } from "../StoredDocument.ts"
import type { Database, Query } from "./Database.ts"
import type { LaneCounters } from "./LaneCounters.ts"
import { UnreadableRow } from "./RowRules.ts"

export class Documents {
  private readonly laneCounters: LaneCounters
  private readonly select: Query<[text: string, version: number, at: number]>
  private readonly selectAll: Query<[key: string, text: string, version: number, at: number]>
  private readonly selectVersion: Query<[version: number]>
  private readonly upsert: Query<[]>
  private readonly lastVersion: Query<[version: number]>
  private readonly remove: Query<[]>
  private readonly insertEntry: Query<[]>
  private readonly trimEntries: Query<[]>
  private readonly selectEntries: Query<[seq: number, key: string, at: number, text: string]>
  private readonly selectEntriesOf: Query<[seq: number, key: string, at: number, text: string]>

  constructor(db: Database, laneCounters: LaneCounters) {
    this.laneCounters = laneCounters
    this.select = db.prepare("SELECT text, version, at FROM document WHERE kind = ? AND key = ?")
    this.selectAll = db.prepare("SELECT key, text, version, at FROM document WHERE kind = ? ORDER BY key")
    this.selectVersion = db.prepare("SELECT version FROM document WHERE kind = ? AND key = ?")
    // A replaced row gets the next number of the table, which never comes again: that is its version.
    this.upsert = db.prepare("INSERT OR REPLACE INTO document(kind, key, text, at) VALUES (?, ?, ?, ?)")
    this.lastVersion = db.prepare("SELECT last_insert_rowid()")
    this.remove = db.prepare("DELETE FROM document WHERE kind = ? AND key = ?")
    this.insertEntry = db.prepare("INSERT INTO journal(kind, key, at, text) VALUES (?, ?, ?, ?)")
    this.trimEntries = db.prepare(
      `DELETE FROM journal WHERE kind = ?1 AND key = ?2 AND seq <= (
        SELECT seq FROM journal WHERE kind = ?1 AND key = ?2 ORDER BY seq DESC LIMIT 1 OFFSET ?3)`
    )
    this.selectEntries = db.prepare(
      "SELECT seq, key, at, text FROM journal WHERE kind = ? AND seq < ? ORDER BY seq DESC LIMIT ?"
    )
    this.selectEntriesOf = db.prepare(
      "SELECT seq, key, at, text FROM journal WHERE kind = ? AND key = ? AND seq < ? ORDER BY seq DESC LIMIT ?"
    )
  }

  get(kind: string, key: string): StoredDocument | undefined {
    const row = this.select.get(kind, key)
    if (row === undefined) return undefined
    const [text, version, at] = row
    check(key, text, at)
    return { key, text, version, at }
  }

  all(kind: string): ReadonlyArray<StoredDocument> {
    return this.selectAll.all(kind).map(([key, text, version, at]) => {
      check(key, text, at)
      return { key, text, version, at }
    })
  }

  put(
    kind: string,
    key: string,
    text: string | undefined,
    now: number,
    version: number | undefined
  ): number | undefined {
    if (version !== undefined && version !== (this.selectVersion.get(kind, key)?.[0] ?? 0)) return undefined
    this.laneCounters.controlChanged()
    if (text === undefined) {
      this.remove.run(kind, key)
      return 0
    }
    this.upsert.run(kind, key, text, now)
    return this.lastVersion.get()![0]
  }

  append(
    kind: string,
    entries: ReadonlyArray<{ readonly key: string; readonly text: string }>,
    now: number,
    keep: number
  ): void {
    for (const { key, text } of entries) this.insertEntry.run(kind, key, now, text)
    for (const key of new Set(entries.map((entry) => entry.key))) this.trimEntries.run(kind, key, keep)
  }

  journal(kind: string, key: string | undefined, before: number, limit: number): ReadonlyArray<JournalEntry> {
    const rows =
      key === undefined
        ? this.selectEntries.all(kind, before, limit)
        : this.selectEntriesOf.all(kind, key, before, limit)
    return rows.map(([seq, key, at, text]) => {
      check(key, text, at)
      return { seq, key, at, text }
    })
  }
}

const check = (key: string, text: string, at: number): void => {
  if (typeof key !== "string" || typeof text !== "string" || !(Math.abs(at) <= 8.64e15))
    throw new UnreadableRow("a document cannot be read")
}
