/** Why a store could not do what was asked. `reason` is named for the caller's next step. */
import { Schema } from "effect"

/** The store is gone for now, or busy. What was asked was not done: try again. */
export class StoreUnavailable extends Schema.TaggedError<StoreUnavailable>()("StoreUnavailable", {
  message: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {}

/**
 * The answer was lost: what was asked was done whole, or not at all. A store that remembers calls tells which, when it
 * is asked again as the same call (`Asked`), as the turns of a process are; otherwise look before asking again, or ask
 * for what may be asked twice: an enqueue with a unique key.
 */
export class StoreOutcomeUnknown extends Schema.TaggedError<StoreOutcomeUnknown>()("StoreOutcomeUnknown", {
  message: Schema.String
}) {}

/** The disk is full, or its reserve for completions would be touched. Enqueue again when there is room. */
export class StoreFull extends Schema.TaggedError<StoreFull>()("StoreFull", { message: Schema.String }) {}

/** The file cannot be written. Check its owner and mode; nothing was changed. */
export class StoreReadOnly extends Schema.TaggedError<StoreReadOnly>()("StoreReadOnly", { message: Schema.String }) {}

/** The file is damaged or a checksum does not match. Restore a backup; the file is left untouched. */
export class StoreCorrupt extends Schema.TaggedError<StoreCorrupt>()("StoreCorrupt", { message: Schema.String }) {}

/**
 * Somebody added triggers or indexes to the store that would act on its jobs. Nothing was run; the message names them.
 */
export class StoreTampered extends Schema.TaggedError<StoreTampered>()("StoreTampered", { message: Schema.String }) {}

/** The file belongs to another program. Name another; it is left untouched. */
export class StoreForeign extends Schema.TaggedError<StoreForeign>()("StoreForeign", { message: Schema.String }) {}

/**
 * The file, its folder or what lies beside it is another user's, or others may write it; or a link stands where a file
 * must. Mend owner and mode, or open it as shared; it is left untouched.
 */
export class StoreUntrusted extends Schema.TaggedError<StoreUntrusted>()("StoreUntrusted", {
  message: Schema.String
}) {}

/** The file was written by a newer Sluice. Upgrade; it is left untouched. */
export class StoreNewer extends Schema.TaggedError<StoreNewer>()("StoreNewer", {
  message: Schema.String,
  found: Schema.Int,
  known: Schema.Int
}) {}

/** Someone else has open what would be replaced. Stop them, or name another file; nothing was changed. */
export class StoreInUse extends Schema.TaggedError<StoreInUse>()("StoreInUse", { message: Schema.String }) {}

/**
 * This Node carries an SQLite that may corrupt a file shared by several processes. Use the Node named in the message.
 */
export class StoreUnsafe extends Schema.TaggedError<StoreUnsafe>()("StoreUnsafe", { message: Schema.String }) {}

/** The store's layer is closed. A defect of the caller: it outlived its scope. */
export class StoreClosed extends Schema.TaggedError<StoreClosed>()("StoreClosed", { message: Schema.String }) {}

export const StoreReason = Schema.Union([
  StoreUnavailable,
  StoreOutcomeUnknown,
  StoreFull,
  StoreReadOnly,
  StoreCorrupt,
  StoreTampered,
  StoreForeign,
  StoreUntrusted,
  StoreNewer,
  StoreInUse,
  StoreUnsafe,
  StoreClosed
])
export type StoreReason = typeof StoreReason.Type

/** The one error a store fails with. */
export class StoreError extends Schema.TaggedError<StoreError>()("StoreError", {
  operation: Schema.String,
  reason: StoreReason
}) {
  override get message() {
    return this.reason.message
  }
}
