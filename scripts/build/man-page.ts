/** `sluice(1)`, made from what the commands say of themselves. */
import * as Option from "effect/Option"
import type { FlagDoc } from "effect/cli/HelpDoc"
import { exitMeanings } from "../../src/cli/ExitCode.ts"
import type { HelpPage } from "./help-pages.ts"

/** Text as roff takes it: nothing of it is a request or an escape. */
const text = (line: string): string =>
  line
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("'", "\\(aq")
    .replaceAll("`", "\\(ga")
    .replaceAll("^", "\\(ha")
    .replaceAll("~", "\\(ti")
    .replace(/^\./, "\\&.")
    .replaceAll(/\s*\n\s*/g, " ")
    .replaceAll(
      /[^\x20-\x7e]/gu,
      (character) => `\\[u${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}]`
    )

const spelling = ({ aliases, name, type }: FlagDoc): string => {
  const value = type === "boolean" ? "" : ` \\fI${text(type)}\\fR`
  return [...aliases, `--${name}`].map((flag) => `\\fB${text(flag)}\\fR${value}`).join(", ")
}

const flagLines = (flags: ReadonlyArray<FlagDoc>): ReadonlyArray<string> =>
  flags.flatMap((flag) => [".TP", spelling(flag), text(Option.getOrElse(flag.description, () => ""))])

const commandLines = ({ doc, path }: HelpPage): ReadonlyArray<string> => [
  `.SS ${text(path.slice(1).join(" "))}`,
  `.B ${text(doc.usage)}`,
  ".PP",
  text(doc.description),
  ...(doc.args ?? []).flatMap(({ description, name }) =>
    Option.isSome(description) ? [".TP", `\\fI${text(name)}\\fR`, text(description.value)] : []
  ),
  ...flagLines(doc.flags),
  ...exampleLines(doc.examples ?? [])
]

const exampleLines = (examples: NonNullable<HelpPage["doc"]["examples"]>): ReadonlyArray<string> =>
  examples.flatMap(({ command, description }) => [
    ".PP",
    ...(description === undefined ? [] : [`${text(description)}:`, ".br"]),
    `\\fB${text(command)}\\fR`
  ])

/** The page as roff. The first of `pages` is that of `sluice` itself. */
export const manPage = ([root, ...commands]: ReadonlyArray<HelpPage>, version: string): string => {
  const { doc } = root!
  const lines = [
    `.TH SLUICE 1 "" "sluice ${text(version)}"`,
    ".SH NAME",
    `sluice \\- ${text(doc.description.replace(/^A /, "a ").replace(/\.$/, ""))}`,
    ".SH SYNOPSIS",
    `.B ${text(doc.usage)}`,
    ".SH DESCRIPTION",
    "One job per command: queued durably, run within limits, resumed after a crash.",
    "\\fBsluice help\\fR \\fIcommand\\fR says what stands here of one command.",
    ".SH EXAMPLES",
    ...exampleLines(doc.examples ?? []),
    ".SH OPTIONS OF EVERY COMMAND",
    ...flagLines(doc.globalFlags ?? []),
    ".SH COMMANDS",
    ...commands.flatMap(commandLines),
    ".SH EXIT STATUS",
    ...exitMeanings.flatMap(({ code, meaning }) => [".TP", `\\fB${code}\\fR`, text(meaning)]),
    ".PP",
    "\\fBsluice run\\fR passes the exit code of its command on."
  ]
  return `${lines.filter((line) => line !== "").join("\n")}\n`
}
