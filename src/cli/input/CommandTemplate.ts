/**
 * The command of `sluice map`: split into arguments once, filled in once per input line.
 *
 * Words are split like a shell's (POSIX, "Token Recognition" and "Quoting"): blanks and newlines separate; `'…'` keeps
 * everything; `"…"` keeps everything but `\` before `$`, `` ` ``, `"`, `\` and newline; `\` outside quotes keeps the next
 * character, and before a newline joins the lines. Nothing is expanded and no character is an operator: `$HOME`, `*`, `|`,
 * `;`, `#` and `~` are ordinary text. For a pipeline there is `--shell`.
 *
 * Placeholders, with the meaning GNU parallel gives them, inside quotes and outside; a backslash before one (outside
 * single quotes) keeps it as it is written:
 *
 * | placeholder | becomes | `dir/photo.tar.gz` |
 * |---|---|---|
 * | `{}` | the input | `dir/photo.tar.gz` |
 * | `{.}` | without its extension: the last `.` after the last `/`, and what follows it | `dir/photo.tar` |
 * | `{/}` | what follows the last `/` | `photo.tar.gz` |
 * | `{//}` | its folder, as `dirname` says; `.` when there is none | `dir` |
 * | `{/.}` | `{/}` without extension | `photo.tar` |
 * | `{#}` | the number of the job, from 1 | `7` |
 *
 * A replacement stays inside its argument: whatever the input holds, it is never split, expanded or read as a quote. A
 * template without any placeholder gets the input as its last argument. An input that begins with `-` is still read as
 * an option by most commands: write `cmd -- {}`.
 */
import * as Schema from "effect/Schema"
import * as Result from "effect/Result"

const placeholders = ["{}", "{.}", "{/}", "{//}", "{/.}", "{#}"] as const

/** What a template can ask for. */
export type Placeholder = (typeof placeholders)[number]

type Piece = string | { readonly placeholder: Placeholder }

/** A parsed template: made by `parse`, `fromWords` or `parseShell`, filled in by `render`. */
export type CommandTemplate =
  | { readonly _tag: "Arguments"; readonly words: ReadonlyArray<ReadonlyArray<Piece>> }
  | { readonly _tag: "Shell"; readonly text: ReadonlyArray<Piece>; readonly used: ReadonlyArray<Placeholder> }

const advices = {
  Empty: "the command is empty; name one, as in 'gzip -k -- {}'",
  UnterminatedSingleQuote: "a ' is never closed; close it, or write \\' for the character itself",
  UnterminatedDoubleQuote: 'a " is never closed; close it, or write \\" for the character itself',
  UnterminatedSubstitution: "a $( or ` is never closed; close it",
  DanglingBackslash: "it ends in a single \\; write \\\\ for the character itself",
  Arithmetic: "only {#} can stand inside $((…)), since shells evaluate what they find there",
  NothingToAppendTo: "the program does not end in a command to append the input to; write {} where the input goes",
  HereDocument: "a here-document (<<) cannot hold placeholders; pipe into the command instead: printf '%s' {} | cmd",
  NulInInput: "the input holds a NUL character, which no command can be given",
  BrokenUnicode: "the input holds half of a surrogate pair, which no command can be given"
} as const

/**
 * A command that cannot be built: exit code `usage`. The last two reasons lie in one input and say nothing about
 * the others, the rest in the template.
 */
export class CommandTemplateError extends Schema.TaggedError<CommandTemplateError>()("CommandTemplateError", {
  reason: Schema.Literals(Object.keys(advices) as Array<keyof typeof advices>),
  /** Where it begins: characters from the start of the template or input, from 1. */
  column: Schema.Int
}) {
  override get message() {
    return `cannot build the command (column ${this.column}): ${advices[this.reason]}`
  }
}

const placeholderAt = (text: string, index: number): Placeholder | undefined =>
  text[index] === "{" ? placeholders.find((placeholder) => text.startsWith(placeholder, index)) : undefined

const inputWord: ReadonlyArray<Piece> = [{ placeholder: "{}" }]

const isPlaceholder = (piece: Piece): boolean => typeof piece !== "string"

const withInput = (words: ReadonlyArray<ReadonlyArray<Piece>>): CommandTemplate => ({
  _tag: "Arguments",
  words: words.some((word) => word.some(isPlaceholder)) ? words : [...words, inputWord]
})

/** Gathers text and placeholders; neighbouring text becomes one piece. */
const makePieces = () => {
  const pieces: Array<Piece> = []
  return {
    pieces,
    add(piece: Piece) {
      const last = pieces.length - 1
      if (typeof piece === "string" && typeof pieces[last] === "string") pieces[last] += piece
      else pieces.push(piece)
    }
  }
}

/** Splits a template given as one text, `sluice map 'gzip -k -- {}'`. */
export const parse = (template: string): Result.Result<CommandTemplate, CommandTemplateError> => {
  const fail = (reason: CommandTemplateError["reason"], index: number) =>
    Result.fail(new CommandTemplateError({ reason, column: index + 1 }))

  const words: Array<ReadonlyArray<Piece>> = []
  let word: ReturnType<typeof makePieces> | undefined
  let quote: { readonly mark: "'" | '"'; readonly index: number } | undefined
  let i = 0
  while (i < template.length) {
    const character = template[i]!
    const placeholder = placeholderAt(template, i)
    if (placeholder !== undefined) {
      word ??= makePieces()
      word.add({ placeholder })
      i += placeholder.length
    } else if (quote?.mark === character) {
      quote = undefined
      i++
    } else if (character === "\\" && quote?.mark !== "'") {
      const next = template[i + 1]
      if (next === undefined)
        return quote === undefined ? fail("DanglingBackslash", i) : fail("UnterminatedDoubleQuote", quote.index)
      const escaped = placeholderAt(template, i + 1)
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

/**
 * A template that the caller's shell has split already, `sluice map -- gzip -k {}`: quotes and backslashes are ordinary
 * characters now.
 */
export const fromWords = (words: ReadonlyArray<string>): Result.Result<CommandTemplate, CommandTemplateError> => {
  if (words.length === 0) return Result.fail(new CommandTemplateError({ reason: "Empty", column: 1 }))
  return Result.succeed(
    withInput(
      words.map((word) => {
        const { add, pieces } = makePieces()
        for (let i = 0; i < word.length; ) {
          const placeholder = placeholderAt(word, i)
          add(placeholder === undefined ? word[i]! : { placeholder })
          i += placeholder?.length ?? 1
        }
        return pieces
      })
    )
  )
}

type Context = "plain" | "double" | "backtick" | "parameter" | "arithmetic" | "parenthesis"

/** Without white space at its end; what a backslash escapes stays. */
const withoutTrailingSpace = (text: string): string => {
  const trimmed = text.trimEnd()
  return trimmed.endsWith("\\") ? text.slice(0, trimmed.length + 1) : trimmed
}

/**
 * A template for `sh -c`. The values never become program text where the placeholders stand: they are assigned, single-quoted,
 * to shell variables in front of the program, and each placeholder becomes a quoted use of its variable. A shell does not
 * parse what it expands, so an input cannot run anything even where this scanner misreads the program; it is only the
 * scanner that finds out whether a placeholder stands in quotes, so that it may be written quoted or unquoted alike.
 * `{#}` is put in as digits. What the program itself hands to another shell (`sh -c '… {}'`, `eval`, `ssh`) is parsed there
 * again: give the value to that one as an argument.
 *
 * Inside `$(…)`, write `case` patterns as `(a)`, not `a)`, for the parentheses to match.
 */
export const parseShell = (text: string): Result.Result<CommandTemplate, CommandTemplateError> => {
  const fail = (reason: CommandTemplateError["reason"], index: number) =>
    Result.fail(new CommandTemplateError({ reason, column: index + 1 }))
  if (text.trim() === "") return fail("Empty", 0)

  const { add, pieces } = makePieces()
  const used = new Set<Placeholder>()
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
  const put = (placeholder: Placeholder, quoting: "none" | "double" | "single") => {
    const number = placeholder === "{#}"
    if (!number) used.add(placeholder)
    const [before, after] =
      number || quoting === "double" ? ["", ""] : quoting === "single" ? ["'\"", "\"'"] : ['"', '"']
    add(before)
    add({ placeholder })
    add(after)
    i += placeholder.length
  }
  while (i < text.length) {
    const character = text[i]!
    const context = contexts.at(-1)?.kind ?? "plain"
    const placeholder = placeholderAt(text, i)
    if (placeholder !== undefined) {
      if (context === "arithmetic" && placeholder !== "{#}") return fail("Arithmetic", i)
      // In `"${x:-{}}"` the double quotes around the whole already hold.
      const around = contexts.findLast(({ kind }) => kind !== "parameter")?.kind
      put(placeholder, around === "double" ? "double" : "none")
    } else if (character === "\\") {
      const escaped = placeholderAt(text, i + 1)
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
    } else if (text.startsWith("${", i) && placeholderAt(text, i + 1) === undefined) {
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
        const within = placeholderAt(text, i)
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
    const program = withoutTrailingSpace((pieces as Array<string>).join(""))
    if (endsInComment || /(?<!\\)[;&|({!]$/.test(program)) return fail("NothingToAppendTo", program.length - 1)
    used.add("{}")
    pieces.splice(0, pieces.length, `${program} "`, { placeholder: "{}" }, '"')
  }
  if (hereDocument !== undefined && used.size > 0) return fail("HereDocument", hereDocument)
  return Result.succeed({ _tag: "Shell", text: pieces, used: Array.from(used) })
}

const withoutExtension = (path: string): string => path.replace(/\.[^/.]*$/, "")

const baseName = (path: string): string => path.slice(path.lastIndexOf("/") + 1)

/** Without the slashes at its end; the first character stays. */
const withoutTrailingSlashes = (path: string): string => {
  let end = path.length
  while (end > 1 && path[end - 1] === "/") end--
  return path.slice(0, end)
}

const folder = (path: string): string => {
  const named = withoutTrailingSlashes(path)
  const slash = named.lastIndexOf("/")
  return slash < 0 ? "." : withoutTrailingSlashes(named.slice(0, slash)) || "/"
}

/** What `placeholder` stands for: `sequence` is the number of the job, from 1. */
export const replacement = (placeholder: Placeholder, input: string, sequence: number): string => {
  switch (placeholder) {
    case "{}":
      return input
    case "{.}":
      return withoutExtension(input)
    case "{/}":
      return baseName(input)
    case "{//}":
      return folder(input)
    case "{/.}":
      return withoutExtension(baseName(input))
    case "{#}":
      return String(sequence)
  }
}

/** `text` as one word of a POSIX shell, whatever it holds. */
export const shellQuote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

const variables: { readonly [P in Placeholder]: string } = {
  "{}": "sluice_input",
  "{.}": "sluice_stem",
  "{/}": "sluice_name",
  "{//}": "sluice_folder",
  "{/.}": "sluice_name_stem",
  "{#}": ""
}

/**
 * The command of one job: program and arguments, ready to be started without a shell; for a shell template
 * `["sh", "-c", text]`. `sequence` is the number of the job, from 1. Fails when the input holds what no operating system
 * can pass in an argument. How long an argument may be is for the system to say (128 KiB each on Linux).
 */
export const render = (
  template: CommandTemplate,
  input: string,
  sequence: number
): Result.Result<ReadonlyArray<string>, CommandTemplateError> => {
  const nul = input.indexOf("\0")
  if (nul >= 0) return Result.fail(new CommandTemplateError({ reason: "NulInInput", column: nul + 1 }))
  if (!input.isWellFormed()) {
    const broken = input.search(/\p{Surrogate}/u)
    return Result.fail(new CommandTemplateError({ reason: "BrokenUnicode", column: broken + 1 }))
  }
  if (template._tag === "Arguments") {
    return Result.succeed(
      template.words.map((word) =>
        word
          .map((piece) => (typeof piece === "string" ? piece : replacement(piece.placeholder, input, sequence)))
          .join("")
      )
    )
  }
  const assignments = template.used.map(
    (placeholder) => `${variables[placeholder]}=${shellQuote(replacement(placeholder, input, sequence))}; `
  )
  const program = template.text.map((piece) =>
    typeof piece === "string"
      ? piece
      : piece.placeholder === "{#}"
        ? String(sequence)
        : `\${${variables[piece.placeholder]}}`
  )
  return Result.succeed(["sh", "-c", assignments.join("") + program.join("")])
}
