/** Settings are checked where they come into force. */
import { Effect, Schema } from "effect"
import { OutOfBounds } from "./policy/Bounds.ts"

/** A setting outside its range. A defect of the program: what it is a setting of dies of it as it is built. */
export class InvalidSetting extends Schema.TaggedError<InvalidSetting>()("InvalidSetting", {
  message: Schema.String
}) {}

/** The settings as `check` answers them; dies of `InvalidSetting`, whose message begins with `whose`. */
export const checkedBy = <A, R>(
  whose: string,
  settings: Effect.Effect<A, never, R>,
  check: (settings: A) => A
): Effect.Effect<A, never, R> =>
  Effect.flatMap(settings, (given) => {
    try {
      return Effect.succeed(check(given))
    } catch (error) {
      if (!(error instanceof OutOfBounds)) throw error
      return Effect.die(new InvalidSetting({ message: `${whose} ${error.message}` }))
    }
  })
