/**
 * What the services around the queue keep with it, so that every process sees the same: documents (settings, states,
 * rules) and journals (what was decided, and when). Small and rarely written; the texts are the services' own.
 */
import { Context, type Effect } from "effect"
import type { StoreError } from "./StoreError.ts"
import type { JournalEntry, StoredDocument } from "./StoredDocument.ts"

export class Documents extends Context.Service<
  Documents,
  {
    readonly get: (kind: string, key: string) => Effect.Effect<StoredDocument | undefined, StoreError>
    /** All documents of a kind, by key. */
    readonly all: (kind: string) => Effect.Effect<ReadonlyArray<StoredDocument>, StoreError>
    /**
     * Replaces one whole; `text` undefined removes it. With `version` only while that is still its version (0: only
     * while there is none). Returns the new version (0: removed), or undefined when it had moved on: read it again and
     * decide anew. Wakes as `control`.
     */
    readonly put: (
      kind: string,
      key: string,
      text: string | undefined,
      options: { readonly now: number; readonly version?: number }
    ) => Effect.Effect<number | undefined, StoreError>
    /** Newest first, of one key or of all; `before` (a `seq`) continues. */
    readonly journal: (
      kind: string,
      options: { readonly key?: string; readonly before?: number; readonly limit: number }
    ) => Effect.Effect<ReadonlyArray<JournalEntry>, StoreError>
    /** Appends in order, in one transaction; of each kind and key the newest `keep` (at least 1) stay. */
    readonly append: (
      kind: string,
      entries: ReadonlyArray<{ readonly key: string; readonly text: string }>,
      options: { readonly now: number; readonly keep: number }
    ) => Effect.Effect<void, StoreError>
  }
>()("sluice/services/Store/Documents") {}
