/** The workers a command is about: those that are alive, or of them those named by session or name. */
import * as Argument from "effect/cli/Argument"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { isWorkerAlive, TaskQueue } from "../services/Queue/index.ts"
import { fail } from "./Failure.ts"
import { didYouMean } from "./input/Suggestion.ts"
import * as Sanitize from "./terminal/Sanitize.ts"

export const workersArgument = (unnamed = "") =>
  Argument.String("worker").pipe(
    Argument.withDescription(`session or name, as worker ls shows them${unnamed}`),
    Argument.variadic()
  )

/** All that are alive when none is named. Fails when one that is named is not alive. */
export const aliveWorkers = Effect.fnUntraced(function* (named: ReadonlyArray<string>) {
  const queue = yield* TaskQueue
  const now = yield* Clock.currentTimeMillis
  const alive = (yield* queue.workers).filter((worker) => isWorkerAlive(worker, now))
  const unknown = named.find((text) => !alive.some(({ name, session }) => name === text || String(session) === text))
  if (unknown !== undefined) {
    return yield* fail(
      "notFound",
      `no worker ${JSON.stringify(Sanitize.line(unknown))} is alive.${didYouMean(
        unknown,
        alive.map(({ name }) => name)
      )} See sluice worker ls`
    )
  }
  return alive.filter(
    ({ name, session }) => named.length === 0 || named.includes(name) || named.includes(String(session))
  )
})
