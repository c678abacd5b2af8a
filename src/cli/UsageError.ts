/** What the parser did not understand, as one line that says what was wrong and what to write instead. */
import type { NonShowHelpErrors } from "effect/cli/CliError"
import { didYouMean } from "./input/Suggestion.ts"
import * as Sanitize from "./terminal/Sanitize.ts"

const quoted = (text: string): string =>
  JSON.stringify(Sanitize.line(text.length > 60 ? `${text.slice(0, 59)}…` : text))

const meant = (suggestions: ReadonlyArray<string>): string =>
  suggestions.length === 0 ? "" : ` Did you mean ${suggestions.join(" or ")}?`

const sentence = (text: string): string => (/[.?!]$/.test(text) ? text : `${text}.`)

/** What the library's readers of numbers say, in words for people. */
const expectations: ReadonlyMap<string, string> = new Map([
  ["a string representing a finite number", "a number"],
  ["a finite number", `a number of at most ${Number.MAX_VALUE}`],
  ["an integer", `a whole number of at most ${Number.MAX_SAFE_INTEGER}`]
])

/** How GNU parallel and xargs spell what goes by another name in `map`. */
const otherNames: ReadonlyMap<string, string> = new Map([
  ["-a", "--from"],
  ["--arg-file", "--from"],
  ["-P", "-j"],
  ["--max-procs", "-j"],
  ["-n", "-N"],
  ["-L", "-N"],
  ["--max-lines", "-N"],
  ["-m", "-X"],
  ["--colsep", "--csv or --tsv"],
  ["--link", ":::+"],
  ["--resume-failed", "--retry-failed"]
])

/** One letter is near to every other. */
const nearFlags = (option: string, suggestions: ReadonlyArray<string>, command: string | undefined): string => {
  if (option === "--retries" && ["run", "add", "map", "enqueue"].includes(command ?? "")) return meant(["--retry"])
  const other = command === "map" ? otherNames.get(option) : undefined
  if (other !== undefined) return ` Here it is ${other}.`
  return option.length === 2 ? "" : meant(suggestions)
}

const describe = (
  error: NonShowHelpErrors,
  commandNames: ReadonlyArray<string>,
  command: string | undefined
): string => {
  switch (error._tag) {
    case "UnrecognizedOption":
      return `unknown flag ${quoted(error.option)}.${nearFlags(error.option, error.suggestions, command)}`
    case "UnknownSubcommand":
      return error.parent?.length === 1
        ? `unknown command ${quoted(error.subcommand)}.${didYouMean(error.subcommand, commandNames)}`
        : `unknown command ${quoted(error.subcommand)}.${meant(error.suggestions)}`
    case "MissingOption":
      return `--${error.option} is missing.`
    case "MissingArgument":
      return `<${error.argument}> is missing.`
    case "UnexpectedArgument":
      return `${quoted(error.arguments[0] ?? "")} is one word too many.`
    case "InvalidValue": {
      const where = error.kind === "flag" ? `--${error.option}` : `<${error.option}>`
      const said = error.expected.replace(/^Expected:? /, "")
      const expected = expectations.get(said) ?? said
      return error.value === ""
        ? `${where} needs a value: ${sentence(expected)}`
        : `${quoted(error.value)} does not fit ${where}: ${sentence(expected)}`
    }
    default:
      return Sanitize.line(error.message)
  }
}

export const usageLine = (
  commandPath: ReadonlyArray<string>,
  errors: ReadonlyArray<NonShowHelpErrors>,
  commandNames: ReadonlyArray<string>
): string => {
  // An unknown command makes errors of its flags, which are beside the point.
  const first = errors.find(({ _tag }) => _tag === "UnknownSubcommand") ?? errors[0]!
  return `${commandPath.join(" ")}: ${describe(first, commandNames, commandPath.at(-1))} See ${commandPath.join(" ")} --help.`
}
