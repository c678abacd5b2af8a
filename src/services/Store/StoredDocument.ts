/** What the services around the queue keep in its store. */

/** A piece of a service's own knowledge, kept with the queue: settings, states, rules. */
export interface StoredDocument {
  readonly key: string
  readonly text: string
  /** Greater with every write of any document, never used twice. */
  readonly version: number
  /** When it was written, by the writer's clock. */
  readonly at: number
}

/** One line of a journal. */
export interface JournalEntry {
  /** Greater than that of every entry before it. */
  readonly seq: number
  readonly key: string
  readonly at: number
  readonly text: string
}
