/** A command in a setting: the words a shell would split it into; nothing in them is replaced, and no shell runs. */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { type CommandFailure, fail } from "../Failure.ts"
import * as CommandTemplate from "./CommandTemplate.ts"

/** `name` and `source` of the setting, for the message when a quote is left open. */
export const commandWords = (
  name: string,
  source: string,
  text: string
): Effect.Effect<ReadonlyArray<string>, CommandFailure> => {
  const words = CommandTemplate.split(text)
  return Result.isFailure(words)
    ? Effect.fail(fail("usage", `${name} (${source}): ${words.failure.message}`))
    : Effect.succeed(words.success)
}
