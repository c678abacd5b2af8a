/**
 * Keeps alerts from the sinks for a time. They are watched on, shown by `sluice alert ls`, and told when they still
 * fire at the silence's end.
 */
import { Schema } from "effect"

export const Silence = Schema.Struct({
  id: Schema.String,
  /** Rules it is about: a name, or a glob with `*` and `?`. */
  rule: Schema.String,
  /** Groups, tasks or workers it is about, as `rule`. The store has the empty name, which `*` matches. */
  subject: Schema.String,
  /** Milliseconds since 1970. */
  from: Schema.Finite,
  until: Schema.Finite,
  by: Schema.String,
  why: Schema.String
})
export type Silence = typeof Silence.Type
