/**
 * The command of `sluice map`: split into arguments once, filled in once per input line.
 *
 * Words are split like a shell's (POSIX, "Token Recognition" and "Quoting"): blanks and newlines separate; `'…'` keeps
 * everything; `"…"` keeps everything but `\` before `$`, `` ` ``, `"`, `\` and newline; `\` outside quotes keeps the
 * next character, and before a newline joins the lines. Nothing is expanded and no character is an operator: `$HOME`,
 * `*`, `|`, `;`, `#` and `~` are ordinary text. For a pipeline there is `--shell`.
 *
 * Placeholders (see `Placeholder`) count inside quotes and outside; a backslash before one (outside single quotes)
 * keeps it as it is written. A job that has several inputs repeats the words with `{}` once for each.
 *
 * A replacement stays inside its argument: whatever the input holds, it is never split, expanded or read as a quote. A
 * template without any placeholder gets the input as its last argument. An input that begins with `-` is still read as
 * an option by most commands: write `cmd -- {}`.
 */
import * as Schema from "effect/Schema"
import * as Result from "effect/Result"
import * as ByteText from "./ByteText.ts"
import * as Placeholder from "./Placeholder.ts"
import { shellQuote } from "../../services/Text/index.ts"

type Piece = string | Placeholder.Placeholder

/** In a program for a shell: between the inputs of a job that has several stands `joint`. */
type ShellPiece = string | { readonly placeholder: Placeholder.Placeholder; readonly joint: string }

/** A parsed template: made by `parse`, `fromWords` or `parseShell`, filled in by `render`. */
export type CommandTemplate =
  | { readonly _tag: "Arguments"; readonly words: ReadonlyArray<ReadonlyArray<Piece>> }
  | { readonly _tag: "Shell"; readonly text: ReadonlyArray<ShellPiece> }

export interface TemplateOptions {
  /** Whether words in braces are fields of a record, or text. Default true. */
  readonly names?: boolean
}

const advices = {
  Empty: "the command is empty; name one, as in 'gzip -k -- {}'",
  UnterminatedSingleQuote: "a ' is never closed; close it, or write \\' for the character itself",
  UnterminatedDoubleQuote: 'a " is never closed; close it, or write \\" for the character itself',
  UnterminatedSubstitution: "a $( or ` is never closed; close it",
  DanglingBackslash: "it ends in a single \\; write \\\\ for the character itself",
  Arithmetic: "only {#}, {##} and {%} can stand inside $((…)), since shells evaluate what they find there",
  NothingToAppendTo: "the program does not end in a command to append the input to; write {} where the input goes",
  HereDocument: "a here-document (<<) cannot hold placeholders; pipe into the command instead: printf '%s' {} | cmd",
  NulInInput: "the input holds a NUL character, which no command can be given",
  BrokenUnicode: "the input holds half of a surrogate pair, which no command can be given",
  NoSuchField: "the record has no such field, or it is null"
} as const

/**
 * A command that cannot be built: exit code `usage`. The last three reasons lie in one input and say nothing about
 * the others, the rest in the template.
 */
export class CommandTemplateError extends Schema.TaggedError<CommandTemplateError>()("CommandTemplateError", {
  reason: Schema.Literals(Object.keys(advices) as Array<keyof typeof advices>),
  /** Where it begins: characters from the start of the template or input, from 1. */
  column: Schema.Int,
  /** The placeholder that lacks its field. */
  placeholder: Schema.optionalKey(Schema.String)
}) {
  override get message() {
    const where = this.placeholder ?? `column ${this.column}`
    return `cannot build the command (${where}): ${advices[this.reason]}`
  }
}

const everyInput: Placeholder.Placeholder = { kind: "input", written: "{}", form: "" }

const inputWord: ReadonlyArray<Piece> = [everyInput]

const isPlaceholder = (piece: unknown): boolean => typeof piece !== "string"

const withInput = (words: ReadonlyArray<ReadonlyArray<Piece>>): CommandTemplate => ({
  _tag: "Arguments",
  words: words.some((word) => word.some(isPlaceholder)) ? words : [...words, inputWord]
})

/** The placeholders of a template, as often as they stand in it. */
export const placeholdersOf = (template: CommandTemplate): ReadonlyArray<Placeholder.Placeholder> =>
  template._tag === "Arguments"
    ? template.words.flat().filter((piece) => typeof piece !== "string")
    : template.text.flatMap((piece) => (typeof piece === "string" ? [] : [piece.placeholder]))

/** Gathers text and placeholders; neighbouring text becomes one piece. */
const makePieces = <P>() => {
  const pieces: Array<string | P> = []
  return {
    pieces,
    add(piece: string | P) {
      const last = pieces.length - 1
      if (typeof piece === "string" && typeof pieces[last] === "string") pieces[last] += piece
      else pieces.push(piece)
    }
  }
}

/** Splits a template given as one text, `sluice map 'gzip -k -- {}'`. */
export const parse = (
  template: string,
  { names = true }: TemplateOptions = {}
): Result.Result<CommandTemplate, CommandTemplateError> => {
  const fail = (reason: CommandTemplateError["reason"], index: number) =>
    Result.fail(new CommandTemplateError({ reason, column: index + 1 }))

  const words: Array<ReadonlyArray<Piece>> = []
  let word: ReturnType<typeof makePieces<Placeholder.Placeholder>> | undefined
  let quote: { readonly mark: "'" | '"'; readonly index: number } | undefined
  let i = 0
  while (i < template.length) {
    const character = template[i]!
    const placeholder = Placeholder.at(template, i, names)
    if (placeholder !== undefined) {
      word ??= makePieces()
      word.add(placeholder)
      i += placeholder.written.length
    } else if (quote?.mark === character) {
      quote = undefined
      i++
    } else if (character === "\\" && quote?.mark !== "'") {
      const next = template[i + 1]
      if (next === undefined)
        return quote === undefined ? fail("DanglingBackslash", i) : fail("UnterminatedDoubleQuote", quote.index)
      const escaped = Placeholder.at(template, i + 1, names)?.written
      if (next !== "\n") word ??= makePieces()
      if (escaped !== undefined) word!.add(escaped)
      else if (next !== "\n") word!.add(quote === undefined || '$`"\\'.includes(next) ? next : character + next)
      i += 1 + (escaped?.length ?? 1)
    } else if (quote !== undefined) {
      word!.add(character)
      i++
    } else if (character === "'" || character === '"') {
      quote = { mark: character, index: i }
      // Even an empty pair of quotes is a word.
      word ??= makePieces()
      i++
    } else if (character === " " || character === "\t" || character === "\n") {
      if (word !== undefined) words.push(word.pieces)
      word = undefined
      i++
    } else {
      word ??= makePieces()
      word.add(character)
      i++
    }
  }
  if (quote !== undefined)
    return fail(quote.mark === "'" ? "UnterminatedSingleQuote" : "UnterminatedDoubleQuote", quote.index)
  if (word !== undefined) words.push(word.pieces)
  return words.length === 0 ? fail("Empty", 0) : Result.succeed(withInput(words))
}

/** The words of a text, split as those of a template; in them nothing stands for an input. */
export const split = (text: string): Result.Result<ReadonlyArray<string>, CommandTemplateError> =>
  Result.map(parse(text, { names: false }), (template) =>
    template._tag === "Arguments"
      ? template.words
          .filter((word) => word !== inputWord)
          .map((word) => word.map((piece) => (typeof piece === "string" ? piece : piece.written)).join(""))
      : []
  )

/**
 * A template that the caller's shell has split already, `sluice map -- gzip -k {}`: quotes and backslashes are ordinary
 * characters now.
 */
export const fromWords = (
  words: ReadonlyArray<string>,
  { names = true }: TemplateOptions = {}
): Result.Result<CommandTemplate, CommandTemplateError> => {
  if (words.length === 0) return Result.fail(new CommandTemplateError({ reason: "Empty", column: 1 }))
  return Result.succeed(
    withInput(
      words.map((word) => {
        const { add, pieces } = makePieces<Placeholder.Placeholder>()
        for (let i = 0; i < word.length; ) {
          const placeholder = Placeholder.at(word, i, names)
          add(placeholder ?? word[i]!)
          i += placeholder?.written.length ?? 1
        }
        return pieces
      })
    )
  )
}

/** `${}` is a `$` and a placeholder, `${1}` and `${name}` are the shell's own. */
const isOfInput = (placeholder: Placeholder.Placeholder | undefined): boolean =>
  placeholder !== undefined && placeholder.kind !== "position" && placeholder.kind !== "field"

type Context = "plain" | "double" | "backtick" | "parameter" | "arithmetic" | "parenthesis"

/** Without white space at its end; what a backslash escapes stays. */
const withoutTrailingSpace = (text: string): string => {
  const trimmed = text.trimEnd()
  return trimmed.endsWith("\\") ? text.slice(0, trimmed.length + 1) : trimmed
}

/**
 * A template for `sh -c`. The values never become program text where the placeholders stand: they are assigned,
 * single-quoted, to shell variables in front of the program, and each placeholder becomes a quoted use of its variable.
 * A shell does not parse what it expands, so an input cannot run anything even where this scanner misreads the program;
 * it is only the scanner that finds out whether a placeholder stands in quotes, so that it may be written quoted or
 * unquoted alike. `{#}` is put in as digits. What the program itself hands to another shell (`sh -c '… {}'`, `eval`,
 * `ssh`) is parsed there again: give the value to that one as an argument.
 *
 * Inside `$(…)`, write `case` patterns as `(a)`, not `a)`, for the parentheses to match.
 */
export const parseShell = (
  text: string,
  { names = true }: TemplateOptions = {}
): Result.Result<CommandTemplate, CommandTemplateError> => {
  const fail = (reason: CommandTemplateError["reason"], index: number) =>
    Result.fail(new CommandTemplateError({ reason, column: index + 1 }))
  if (text.trim() === "") return fail("Empty", 0)

  const { add, pieces } = makePieces<Exclude<ShellPiece, string>>()
  const contexts: Array<{ readonly kind: Context; readonly index: number }> = []
  let hereDocument: number | undefined
  let endsInComment = false
  let i = 0
  const enter = (kind: Context, opening: string) => {
    contexts.push({ kind, index: i })
    add(opening)
    i += opening.length
  }
  const leave = (closing: string) => {
    contexts.pop()
    add(closing)
    i += closing.length
  }
  const put = (placeholder: Placeholder.Placeholder, quoting: "none" | "double" | "single") => {
    const [before, after] =
      Placeholder.isNumber(placeholder) || quoting === "double"
        ? ["", ""]
        : quoting === "single"
          ? ["'\"", "\"'"]
          : ['"', '"']
    add(before)
    // Outside quotes each input is a word of its own.
    add({ placeholder, joint: quoting === "none" ? '" "' : " " })
    add(after)
    i += placeholder.written.length
  }
  while (i < text.length) {
    const character = text[i]!
    const context = contexts.at(-1)?.kind ?? "plain"
    const placeholder = Placeholder.at(text, i, names)
    if (placeholder !== undefined) {
      if (context === "arithmetic" && !Placeholder.isNumber(placeholder)) return fail("Arithmetic", i)
      // In `"${x:-{}}"` the double quotes around the whole already hold.
      const around = contexts.findLast(({ kind }) => kind !== "parameter")?.kind
      put(placeholder, around === "double" ? "double" : "none")
    } else if (character === "\\") {
      const escaped = Placeholder.at(text, i + 1, names)?.written
      if (i + 1 === text.length) return fail("DanglingBackslash", i)
      // `\{}` keeps the braces, in and out of quotes; the backslash itself would survive in double quotes.
      add(escaped ?? text.slice(i, i + 2))
      i += 1 + (escaped?.length ?? 1)
    } else if (context === "double" && character === '"') {
      leave('"')
    } else if (context === "backtick" && character === "`") {
      leave("`")
    } else if (character === "`") {
      enter("backtick", "`")
    } else if (text.startsWith("$((", i)) {
      enter("arithmetic", "$((")
      contexts.push({ kind: "arithmetic", index: i - 1 })
    } else if (text.startsWith("$(", i)) {
      enter("parenthesis", "$(")
    } else if (text.startsWith("${", i) && !isOfInput(Placeholder.at(text, i + 1, names))) {
      enter("parameter", "${")
    } else if (character === "}" && context === "parameter") {
      leave("}")
    } else if (context !== "double" && character === '"') {
      enter("double", '"')
    } else if (character === "(" && context !== "double" && context !== "parameter") {
      enter(context === "arithmetic" ? "arithmetic" : "parenthesis", "(")
    } else if (character === ")" && (context === "parenthesis" || context === "arithmetic")) {
      leave(")")
    } else if (context !== "double" && character === "'") {
      const opened = i
      add("'")
      i++
      while (i < text.length && text[i] !== "'") {
        const within = Placeholder.at(text, i, names)
        if (within !== undefined) put(within, "single")
        else add(text[i++]!)
      }
      if (i === text.length) return fail("UnterminatedSingleQuote", opened)
      add("'")
      i++
    } else if (
      character === "#" &&
      (context === "plain" || context === "parenthesis") &&
      (i === 0 || /[\s;&|()]/.test(text[i - 1]!))
    ) {
      // A comment, where quotes mean nothing. A placeholder in it stays as it is written.
      while (i < text.length && text[i] !== "\n") add(text[i++]!)
      endsInComment = text.slice(i).trim() === ""
    } else {
      if (text.startsWith("<<", i) && context !== "double" && context !== "arithmetic") hereDocument ??= i
      add(character)
      i++
    }
  }
  const open = contexts.at(-1)
  if (open !== undefined && open.kind === "double") return fail("UnterminatedDoubleQuote", open.index)
  if (open !== undefined) return fail("UnterminatedSubstitution", open.index)
  if (!pieces.some(isPlaceholder)) {
    // On a line of its own the input would be run as a command.
    const program = withoutTrailingSpace(pieces.join(""))
    if (endsInComment || /(?<!\\)[;&|({!]$/.test(program)) return fail("NothingToAppendTo", program.length - 1)
    pieces.splice(0, pieces.length, `${program} "`, { placeholder: everyInput, joint: '" "' }, '"')
  }
  const template: CommandTemplate = { _tag: "Shell", text: pieces }
  if (hereDocument !== undefined && !placeholdersOf(template).every(Placeholder.isNumber))
    return fail("HereDocument", hereDocument)
  return Result.succeed(template)
}

/** What one job is given. */
export interface Filling {
  /** At least one. */
  readonly inputs: ReadonlyArray<string>
  /** A field of the job's record as text; undefined where it has none. */
  readonly field?: (name: string) => string | undefined
  /** The number of the job, from 1. */
  readonly sequence: number
  readonly slot?: number
  readonly total?: number
}

/** What a placeholder stands for: one text, or one for each input. */
const textsOf = (placeholder: Placeholder.Placeholder, filling: Filling): ReadonlyArray<string> => {
  switch (placeholder.kind) {
    case "input":
      return filling.inputs.map((input) => Placeholder.formed(placeholder.form, input))
    case "position":
      return [Placeholder.formed(placeholder.form, filling.inputs[placeholder.position - 1] ?? "")]
    case "field":
      return [Placeholder.formed(placeholder.form, filling.field?.(placeholder.name) ?? "")]
    case "sequence":
      return [String(filling.sequence)]
    case "slot":
      return [String(filling.slot ?? "")]
    case "total":
      return [String(filling.total ?? "")]
    case "unknown":
      return [placeholder.written]
  }
}

const problemOf = (template: CommandTemplate, filling: Filling): CommandTemplateError | undefined => {
  const texts = [...filling.inputs]
  for (const placeholder of placeholdersOf(template)) {
    if (placeholder.kind !== "field") continue
    const text = filling.field?.(placeholder.name)
    if (text === undefined)
      return new CommandTemplateError({ reason: "NoSuchField", column: 1, placeholder: placeholder.written })
    texts.push(text)
  }
  for (const text of texts) {
    const nul = text.indexOf("\0")
    if (nul >= 0) return new CommandTemplateError({ reason: "NulInInput", column: nul + 1 })
    if (!ByteText.isWhole(text))
      return new CommandTemplateError({ reason: "BrokenUnicode", column: text.search(/\p{Surrogate}/u) + 1 })
  }
  return undefined
}

/** A word once, or once for each input where it takes them all. */
const filledIn = (word: ReadonlyArray<Piece>, filling: Filling): ReadonlyArray<string> => {
  const pieces = word.map((piece) => (typeof piece === "string" ? [piece] : textsOf(piece, filling)))
  const isRepeated = word.some((piece) => typeof piece !== "string" && piece.kind === "input")
  return Array.from({ length: isRepeated ? filling.inputs.length : 1 }, (_, i) =>
    pieces.map((texts) => (texts.length === 1 ? texts[0]! : texts[i]!)).join("")
  )
}

const formNames: { readonly [F in Placeholder.Form]: string } = {
  "": "input",
  ".": "stem",
  "/": "name",
  "//": "folder",
  "/.": "name_stem"
}

/** The shell variables of a placeholder, one for each of its texts. */
const variablesOf = (placeholder: Placeholder.Placeholder, nth: number, texts: number): ReadonlyArray<string> => {
  const base =
    placeholder.kind === "input"
      ? `sluice_${formNames[placeholder.form]}`
      : placeholder.kind === "position"
        ? `sluice_${formNames[placeholder.form]}_of_${placeholder.position}`
        : `sluice_field_${nth}`
  return Array.from({ length: texts }, (_, i) => (i === 0 ? base : `${base}_${i + 1}`))
}

/**
 * The command of one job: program and arguments, ready to be started without a shell; for a shell template `["sh",
 * "-c", text]`. Fails when an input holds what no operating system can pass in an argument, or lacks a field. Bytes
 * that are not UTF-8 stay as `ByteText` has them. How long an argument may be is for the system to say (128 KiB each on
 * Linux).
 */
export const render = (
  template: CommandTemplate,
  filling: Filling
): Result.Result<ReadonlyArray<string>, CommandTemplateError> => {
  const problem = problemOf(template, filling)
  if (problem !== undefined) return Result.fail(problem)
  if (template._tag === "Arguments") return Result.succeed(template.words.flatMap((word) => filledIn(word, filling)))
  const assigned = new Map<string, ReadonlyArray<string>>()
  let assignments = ""
  const program = template.text.map((piece) => {
    if (typeof piece === "string") return piece
    const { joint, placeholder } = piece
    const texts = textsOf(placeholder, filling)
    if (Placeholder.isNumber(placeholder)) return texts[0]!
    let variables = assigned.get(placeholder.written)
    if (variables === undefined) {
      variables = variablesOf(placeholder, assigned.size + 1, texts.length)
      assigned.set(placeholder.written, variables)
      assignments += variables.map((variable, i) => `${variable}=${shellQuote(texts[i]!)}; `).join("")
    }
    return variables.map((variable) => `\${${variable}}`).join(joint)
  })
  return Result.succeed(["sh", "-c", assignments + program.join("")])
}
