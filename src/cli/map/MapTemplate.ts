/**
 * The command of a map, read from the command line, and refused where it could not mean what it seems to: what a shell
 * would take for an operator where no shell runs, and braces that stand for nothing in these inputs.
 */
import * as Result from "effect/Result"
import { type CommandFailure, fail } from "../Failure.ts"
import * as CommandTemplate from "../input/CommandTemplate.ts"
import type { Placeholder } from "../input/Placeholder.ts"
import * as ShellSyntax from "../input/ShellSyntax.ts"

/** A command that people know. */
export const usage = "sluice map 'gzip -k -- {}' ::: a.log b.log"

export interface TemplateInputs {
  /** The inputs have fields. */
  readonly haveFields: boolean
  /** How many inputs a job has; infinite where that is not known before they are read. */
  readonly perJob: number
}

const parse = (words: ReadonlyArray<string>, shell: boolean, names: boolean) =>
  shell
    ? CommandTemplate.parseShell(words.join(" "), { names })
    : words.length === 1
      ? CommandTemplate.parse(words[0]!, { names })
      : CommandTemplate.fromWords(words, { names })

const perJobText = (count: number) => (count === 1 ? "each job has one input" : `each job has ${count} inputs`)

const problemOf = (placeholder: Placeholder, inputs: TemplateInputs): string | undefined => {
  const { written } = placeholder
  switch (placeholder.kind) {
    case "unknown":
      return `${written} is not known here; there are {} {.} {/} {//} {/.} {#} {%} {##}, {1} {2} and fields of records by name`
    case "field":
      return inputs.haveFields
        ? undefined
        : `${written} would be a field of a record, and the inputs are lines; say --csv, --tsv, --json, --ndjson or --header, or --no-names where the text itself is meant`
    case "position":
      return placeholder.position <= inputs.perJob
        ? undefined
        : `${written} is no input: ${perJobText(inputs.perJob)}; -N 2 gives it two, a second ::: another source`
    default:
      return undefined
  }
}

/** A template whose placeholders all stand for something in these inputs. */
export const checked = (
  template: CommandTemplate.CommandTemplate,
  inputs: TemplateInputs
): Result.Result<CommandTemplate.CommandTemplate, CommandFailure> => {
  for (const placeholder of CommandTemplate.placeholdersOf(template)) {
    const problem = problemOf(placeholder, inputs)
    if (problem !== undefined) return Result.fail(fail("usage", problem))
  }
  return Result.succeed(template)
}

/** `words` are those of the command line; one of them is a text to be split. */
export const read = (
  words: ReadonlyArray<string>,
  options: { readonly shell: boolean; readonly names: boolean },
  inputs: TemplateInputs
): Result.Result<CommandTemplate.CommandTemplate, CommandTemplate.CommandTemplateError | CommandFailure> => {
  if (words.length === 0) return Result.fail(fail("usage", `no command; write ${usage}`))
  if (!options.shell && words.length === 1) {
    const found = ShellSyntax.firstIn(words[0]!)
    if (found !== undefined)
      return Result.fail(
        fail(
          "usage",
          `no shell reads ${found.text} (column ${found.column}); add --shell to have one, or put it in quotes`
        )
      )
  }
  return Result.flatMap(
    parse(words, options.shell, options.names),
    (template): Result.Result<CommandTemplate.CommandTemplate, CommandTemplate.CommandTemplateError | CommandFailure> =>
      checked(template, inputs)
  )
}
