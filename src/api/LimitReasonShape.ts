/** Which limit keeps a job, as outside programs see it. */
import * as Schema from "effect/Schema"
import type { ExplainedReason } from "../services/Queue/index.ts"

const iso = (at: number): string => new Date(at).toISOString()

export const LimitReasonShape = Schema.Struct({
  group: Schema.String,
  /** The partition key; null where the group as a whole is limited, `""` for its jobs without a key. */
  key: Schema.NullOr(Schema.String),
  /** When the next may start by time alone; null: something else has to happen first. */
  until: Schema.NullOr(Schema.String),
  /** Slots that the key holds, and how many it may; null but for `KeyFull`. */
  held: Schema.NullOr(Schema.Number),
  slots: Schema.NullOr(Schema.Number),
  /** The rate in force, which may have been found; null but for `RateSpent`. */
  rate: Schema.NullOr(Schema.Struct({ limit: Schema.Number, perMs: Schema.Number }))
})
export type LimitReasonShape = typeof LimitReasonShape.Type

/** Null for a reason that is no limit's. */
export const toLimitReasonShape = (reason: ExplainedReason): LimitReasonShape | null => {
  const of = (
    more: Partial<LimitReasonShape>,
    { group, key }: { readonly group: string; readonly key: string | undefined }
  ) => ({
    group,
    key: key ?? null,
    until: null,
    held: null,
    slots: null,
    rate: null,
    ...more
  })
  switch (reason._tag) {
    case "KeyPaused":
    case "BreakerHalfOpen":
    case "InLine":
      return of({}, reason)
    case "HeldBack":
    case "BreakerOpen":
      return of({ until: iso(reason.until) }, reason)
    case "KeyFull":
      return of({ held: reason.held, slots: reason.limit }, reason)
    case "RateSpent":
      return of({ until: iso(reason.at), rate: { limit: reason.rate.limit, perMs: reason.rate.perMs } }, reason)
    default:
      return null
  }
}
