/** What a check of policy/Bounds.ts throws, as the error of whoever asked. */
import { Effect } from "effect"
import { OutOfBounds } from "../policy/Bounds.ts"
import { InvalidOption } from "../TaskQueue.ts"

/** What the check answers; what is out of bounds is the caller's typed error, anything else a defect. */
export const checked = <A>(check: () => A): Effect.Effect<A, InvalidOption> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(check())
    } catch (error) {
      return error instanceof OutOfBounds
        ? Effect.fail(new InvalidOption({ message: error.message }))
        : Effect.die(error)
    }
  })
