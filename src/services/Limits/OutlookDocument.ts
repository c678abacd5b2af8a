/** The outlook of a group as it rests in the store. */
import { Option, Schema } from "effect"

/** The kind of its documents, one for each group that has had deferrable jobs of late. */
export const outlookKind = "load-outlook"

/** How often outlooks are made, in milliseconds. */
export const outlookEveryMs = 60_000

/** An outlook that nobody has asked for this long is not made any more, in milliseconds: a month's work is known. */
export const askedForMs = 32 * 24 * 3_600_000

const numbers = Schema.Array(Schema.Finite)

const OutlookDocument_ = Schema.Struct({
  /** When a job was last to be placed by it, to within a day; milliseconds since 1970. */
  askedAt: Schema.Finite,
  /** `null`: nothing is known that could be trusted. */
  outlook: Schema.NullOr(
    Schema.Struct({
      from: Schema.Finite,
      stepMs: Schema.Finite,
      busy: numbers,
      busyAtMost: numbers,
      scheduled: numbers,
      slots: numbers,
      backlogMs: Schema.Finite
    })
  ),
  /** By task, in milliseconds. */
  runs: Schema.Record(Schema.String, Schema.Struct({ meanMs: Schema.Finite, mostMs: Schema.Finite }))
})
export type OutlookDocument = typeof OutlookDocument_.Type

const Text = Schema.fromJsonString(OutlookDocument_)
export const outlookText = Schema.encodeSync(Text)
const decode = Schema.decodeOption(Text)

/** Undefined: of another version of the program. It is made anew. */
export const outlookIn = (text: string): OutlookDocument | undefined => Option.getOrUndefined(decode(text))
