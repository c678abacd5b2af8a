/**
 * Templates over records, `--from FILE.ndjson`: `{name}` becomes the field `name` of the line's JSON object, inside one argument and
 * never split, as every placeholder. Text is put in as it is, numbers, booleans, arrays and objects as JSON. A field that is
 * missing or null is an error of that line. `{}` is the whole line; the other placeholders work on it.
 */
import { type CommandFailure, fail } from "../Failure.ts"
import type { CommandTemplate } from "../input/CommandTemplate.ts"

const field = /\{([A-Za-z_][A-Za-z0-9_-]*)\}/g

const isPlaceholder = (piece: unknown): boolean => typeof piece !== "string"

const isInputAlone = (word: ReadonlyArray<unknown>): boolean => {
  const [piece] = word
  return (
    word.length === 1 &&
    typeof piece === "object" &&
    piece !== null &&
    "placeholder" in piece &&
    piece.placeholder === "{}"
  )
}

/** Fields the template names. */
const fieldsOf = (template: CommandTemplate): ReadonlySet<string> => {
  const pieces = template._tag === "Arguments" ? template.words.flat() : template.text
  return new Set(
    pieces.flatMap((piece) => (typeof piece === "string" ? [...piece.matchAll(field)].map((found) => found[1]!) : []))
  )
}

const parseRecord = (line: string, number: number): Readonly<Record<string, unknown>> => {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw fail("usage", `line ${number} of the records is not JSON; expected one object per line, like {"name": "a"}`)
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw fail("usage", `line ${number} of the records is not an object; expected one per line, like {"name": "a"}`)
  }
  return value as Readonly<Record<string, unknown>>
}

const textOf = (record: Readonly<Record<string, unknown>>, name: string, number: number): string => {
  const value = Object.hasOwn(record, name) ? record[name] : undefined
  if (value === undefined || value === null)
    throw fail("usage", `line ${number} of the records has no field ${JSON.stringify(name)}, which the command names`)
  return typeof value === "string" ? value : JSON.stringify(value)
}

export interface RecordTemplate {
  /** The template of one line, its fields put in. Throws `CommandFailure` when the line lacks one. */
  readonly fill: (line: string, number: number) => CommandTemplate
}

/** `words` are what `template` was read from. Fails for `--shell`, where a field's value could become program text. */
export const make = (template: CommandTemplate, words: ReadonlyArray<string>): RecordTemplate | CommandFailure => {
  const names = fieldsOf(template)
  if (template._tag === "Shell") {
    return names.size === 0
      ? { fill: () => template }
      : fail(
          "usage",
          "fields of records cannot be put into --shell; pass them as arguments: sh -c 'cmd \"$1\"' _ {name}"
        )
  }
  // The parser adds {} to a command without placeholders; here it is the fields that take the input.
  const isAdded =
    names.size > 0 &&
    template.words.flat().filter(isPlaceholder).length === 1 &&
    isInputAlone(template.words.at(-1)!) &&
    !/(?<!\\)\{\}["']?\s*$/.test(words.at(-1)!)
  const filled = isAdded ? template.words.slice(0, -1) : template.words
  return {
    fill: (line, number) => {
      const record = parseRecord(line, number)
      return {
        _tag: "Arguments",
        words: filled.map((word) =>
          word.map((piece) =>
            typeof piece === "string" ? piece.replace(field, (_, name: string) => textOf(record, name, number)) : piece
          )
        )
      }
    }
  }
}
