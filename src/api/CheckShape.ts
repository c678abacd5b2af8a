import * as Schema from "effect/Schema"

/** One check of `doctor` and `db doctor`. */
export const CheckShape = Schema.Struct({
  name: Schema.String,
  state: Schema.Literals(["ok", "warning", "problem"]),
  /** What was found. */
  found: Schema.String,
  /** What to do; empty when all is well. */
  advice: Schema.String
})
export type CheckShape = typeof CheckShape.Type
