/** From the plain reasons of the store file to the errors its callers see. */
import {
  StoreClosed,
  StoreCorrupt,
  StoreError,
  StoreForeign,
  StoreFull,
  StoreInUse,
  StoreNewer,
  StoreOutcomeUnknown,
  StoreReadOnly,
  StoreTampered,
  type StoreReason,
  StoreUnavailable,
  StoreUnsafe,
  StoreUntrusted
} from "../StoreError.ts"
import type { TurnResult } from "../Turn.ts"
import type { EngineTurnResult } from "./Engine.ts"
import { type Reason, reasonOf } from "./StoreFault.ts"

export const toStoreReason = ({ found = 0, known = 0, message, tag }: Reason): StoreReason => {
  switch (tag) {
    case "StoreUnavailable":
      return new StoreUnavailable({ message })
    case "StoreOutcomeUnknown":
      return new StoreOutcomeUnknown({ message })
    case "StoreFull":
      return new StoreFull({ message })
    case "StoreReadOnly":
      return new StoreReadOnly({ message })
    case "StoreCorrupt":
      return new StoreCorrupt({ message })
    case "StoreTampered":
      return new StoreTampered({ message })
    case "StoreForeign":
      return new StoreForeign({ message })
    case "StoreUntrusted":
      return new StoreUntrusted({ message })
    case "StoreNewer":
      return new StoreNewer({ message, found, known })
    case "StoreInUse":
      return new StoreInUse({ message })
    case "StoreUnsafe":
      return new StoreUnsafe({ message })
    case "StoreClosed":
      return new StoreClosed({ message })
  }
}

export const toStoreError = (operation: string, reason: Reason): StoreError =>
  new StoreError({ operation, reason: toStoreReason(reason) })

/** The error for anything thrown while working on the file `path`. */
export const storeError = (operation: string, error: unknown, path: string): StoreError =>
  toStoreError(operation, reasonOf(error, path))

/** The answer to a turn as its callers see it. */
export const toTurnResult = (result: EngineTurnResult): TurnResult => {
  if (result.notes === undefined) return { ...result, notes: undefined }
  const notes = new Map(
    [...result.notes].map(([index, note]) => [
      index,
      note._tag === "NotStored" ? { _tag: note._tag, reason: toStoreReason(note.reason) } : note
    ])
  )
  return { ...result, notes }
}
