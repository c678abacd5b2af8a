import type { Readable } from "node:stream"

/** Standard input, as far as keys may come from it. */
export interface Keyboard extends Readable {
  readonly isTTY?: boolean
  readonly setRawMode?: (raw: boolean) => unknown
}
