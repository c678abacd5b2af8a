/** What each line of a map's output begins with: `--tag`, `--tagstring`. */
import * as Result from "effect/Result"
import { type CommandFailure, fail } from "../Failure.ts"
import * as CommandTemplate from "../input/CommandTemplate.ts"
import type { Placeholder } from "../input/Placeholder.ts"
import { fieldOf, type MapInput } from "./MapInput.ts"
import * as MapTemplate from "./MapTemplate.ts"

export interface Tags {
  readonly placeholders: ReadonlyArray<Placeholder>
  readonly of: (input: MapInput, number: number, total: number | undefined) => string
}

/** `--tag`. */
export const ofInput: Tags = { placeholders: [], of: ({ text }) => text }

/** `text` as it was given with `--tagstring`; placeholders in it are those of the command. */
export const read = (
  text: string,
  options: { readonly names: boolean },
  inputs: MapTemplate.TemplateInputs
): Result.Result<Tags, CommandTemplate.CommandTemplateError | CommandFailure> =>
  Result.flatMap(CommandTemplate.fromWords([text], options), (template) => {
    const placeholders = CommandTemplate.placeholdersOf(template)
    // Without a placeholder the input is added as a word, as of a command.
    if (template._tag === "Arguments" && template.words.length > 1)
      return Result.succeed({ placeholders: [], of: () => text })
    return Result.flatMap(MapTemplate.checked(template, inputs), (): Result.Result<Tags, CommandFailure> => {
      if (placeholders.some(({ kind }) => kind === "slot"))
        return Result.fail(
          fail("usage", "{%} is known when a line starts, not when it is printed again; tag by {} or {#}")
        )
      return Result.succeed({
        placeholders,
        of: (input, sequence, total) => {
          const filling = { inputs: input.inputs, field: (name: string) => fieldOf(input, name), sequence }
          const rendered = CommandTemplate.render(template, total === undefined ? filling : { ...filling, total })
          // A field that one record lacks.
          return Result.isFailure(rendered) ? "" : rendered.success.join(" ")
        }
      })
    })
  })
