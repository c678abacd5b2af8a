/** `--notify` of a command that waits for its jobs itself. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Invocation } from "../Invocation.ts"
import { output } from "../Output.ts"
import type { Notice } from "./Notice.ts"
import * as Notifier from "./Notifier.ts"

/** Says what stands in the way, before anybody waits in vain. */
export const sayObstacle = (flag: Option.Option<Notifier.Target>) =>
  Effect.gen(function* () {
    const { env } = yield* Invocation
    const out = yield* output
    const why = Option.isNone(flag) ? undefined : Notifier.obstacle(flag.value, env)
    if (why !== undefined) yield* out.note(`sluice: ${why}`)
    return why === undefined
  })

/** Tells of one end, in the caller's surroundings; tells nothing without the flag. */
export const of = (flag: Option.Option<Notifier.Target>) =>
  Effect.gen(function* () {
    const { cwd, env } = yield* Invocation
    const out = yield* output
    const isPossible = yield* sayObstacle(flag)
    const notifier = Notifier.make(out.note)
    return (notice: Notice): Effect.Effect<void> =>
      Option.isNone(flag) || !isPossible ? Effect.void : notifier.tell(flag.value, notice, { cwd, env })
  })
