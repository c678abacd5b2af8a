/** Points in time as programs give them; see `Bounds.ts`. */
import { DateTime } from "effect"
import * as Bounds from "./Bounds.ts"

/** Milliseconds since 1970, a `Date`, or a `DateTime` of any zone. */
export type TimeInput = number | Date | DateTime.DateTime

/** Milliseconds since 1970, not yet checked; what is no time stays as it is. */
export const millisOf = (input: unknown): unknown => {
  if (DateTime.isDateTime(input)) return DateTime.toEpochMillis(input)
  return input instanceof Date ? input.getTime() : input
}

/** A time in whole milliseconds since 1970. Fractions are rounded up: nothing happens before its time. */
export const time = (name: string, input: unknown): number => Bounds.time(name, millisOf(input))
