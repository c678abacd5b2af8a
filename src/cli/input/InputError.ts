import * as Schema from "effect/Schema"
import * as DisplayWidth from "../terminal/DisplayWidth.ts"
import * as Sanitize from "../terminal/Sanitize.ts"

/**
 * A value on the command line that cannot be read: exit code `usage`. `message` is one line for the terminal: what was
 * given, what is wrong with it and an example that works.
 */
export class InputError extends Schema.TaggedError<InputError>()("InputError", {
  kind: Schema.Literals(["duration", "rate", "size", "time"]),
  /** `syntax`: not of this form at all; `unit`: a unit is missing or unknown; `range`: well formed, but not usable. */
  reason: Schema.Literals(["syntax", "unit", "range"]),
  /** As it was given, not made safe to show. */
  input: Schema.String,
  /** What is wrong and what to write instead. */
  advice: Schema.String
}) {
  override get message() {
    return `"${DisplayWidth.truncate(Sanitize.line(this.input), 60)}" is not a ${this.kind}: ${this.advice}`
  }
}
