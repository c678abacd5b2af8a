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
  const parsed = CommandTemplate.parse(text, { names: false })
  if (Result.isFailure(parsed)) return Effect.fail(fail("usage", `${name} (${source}): ${parsed.failure.message}`))
  const template = parsed.success
  const words = template._tag === "Arguments" ? template.words : []
  // A template without a place for its input has one at its end.
  return Effect.succeed(
    words
      .map((word) => word.map((piece) => (typeof piece === "string" ? piece : piece.written)).join(""))
      .filter((word, i) => !(i === words.length - 1 && word === "{}"))
  )
}
