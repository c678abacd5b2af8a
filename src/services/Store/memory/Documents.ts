/** Documents and journals of the services around the queue, in maps by kind. */
import type { JournalEntry, StoredDocument } from "../StoredDocument.ts"

export class Documents {
  private readonly kinds = new Map<string, Map<string, StoredDocument>>()
  /** Oldest first. */
  private readonly journals = new Map<string, Array<JournalEntry>>()
  private lastVersion = 0
  private lastSeq = 0

  get(kind: string, key: string): StoredDocument | undefined {
    return this.kinds.get(kind)?.get(key)
  }

  all(kind: string): ReadonlyArray<StoredDocument> {
    return [...(this.kinds.get(kind)?.values() ?? [])].sort((a, b) => (a.key < b.key ? -1 : 1))
  }

  put(
    kind: string,
    key: string,
    text: string | undefined,
    now: number,
    version: number | undefined
  ): number | undefined {
    let documents = this.kinds.get(kind)
    if (version !== undefined && version !== (documents?.get(key)?.version ?? 0)) return undefined
    if (text === undefined) {
      documents?.delete(key)
      return 0
    }
    if (documents === undefined) {
      documents = new Map()
      this.kinds.set(kind, documents)
    }
    documents.set(key, { key, text, version: ++this.lastVersion, at: now })
    return this.lastVersion
  }

  append(
    kind: string,
    entries: ReadonlyArray<{ readonly key: string; readonly text: string }>,
    now: number,
    keep: number
  ): void {
    const journal = this.journals.get(kind) ?? []
    const excess = new Map<string, number>()
    for (const { key, text } of entries) {
      journal.push({ seq: ++this.lastSeq, key, at: now, text })
      excess.set(key, -keep)
    }
    for (const { key } of journal) if (excess.has(key)) excess.set(key, excess.get(key)! + 1)
    this.journals.set(
      kind,
      journal.filter(({ key }) => {
        const left = excess.get(key) ?? 0
        if (left > 0) excess.set(key, left - 1)
        return left <= 0
      })
    )
  }

  journal(kind: string, key: string | undefined, before: number, limit: number): ReadonlyArray<JournalEntry> {
    const found: Array<JournalEntry> = []
    const journal = this.journals.get(kind) ?? []
    for (let i = journal.length - 1; i >= 0 && found.length < limit; i--) {
      const entry = journal[i]!
      if (entry.seq < before && (key === undefined || key === entry.key)) found.push(entry)
    }
    return found
  }
}
