/**
 * What operators know and no history tells: a sale, a holiday, a migration. While an event lasts, its factor or its
 * arrivals take the place of the forecast's. Documents of kind `scale-event`.
 */
import { Schema } from "effect"
import { lastTime } from "../Queue/policy/Bounds.ts"
import { namePattern } from "../Queue/policy/StoredName.ts"

const Time = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: lastTime }))

/** Once: from and to, milliseconds since 1970. */
export const Once = Schema.TaggedStruct("Once", { from: Time, to: Time })

/**
 * Again and again: a cron expression of five fields for the start, in a time zone, and how long it lasts. It comes at
 * least once a leap year, and not before its last time has ended.
 */
export const Recurring = Schema.TaggedStruct("Recurring", {
  cron: Schema.String,
  timeZone: Schema.String,
  durationMs: Schema.Finite.check(Schema.isBetween({ minimum: 1000, maximum: 31 * 86_400_000 }))
})

/** Times what is forecast. */
export const Factor = Schema.TaggedStruct("Factor", {
  factor: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1000 }))
})

/** Instead of what is forecast: jobs per minute. */
export const Arrivals = Schema.TaggedStruct("Arrivals", {
  perMinute: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1e9 }))
})

export const ScaleEvent = Schema.Struct({
  /** Chosen by the caller; a second one of the same id replaces the first. */
  id: Schema.String.check(Schema.isPattern(namePattern)),
  /** A group, or `*` for every one. */
  group: Schema.Union([Schema.Literal("*"), Schema.String.check(Schema.isPattern(namePattern))]),
  when: Schema.Union([Once, Recurring]),
  load: Schema.Union([Factor, Arrivals]),
  /** For people. */
  note: Schema.String.check(Schema.isMaxLength(500))
})
export type ScaleEvent = typeof ScaleEvent.Type
