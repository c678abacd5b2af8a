/**
 * Control sequences that we write ourselves: colours and the movements of a display. Each carries, as its last
 * parameters, numbers that this process drew by lot and shows nobody. A screen lets sequences with these numbers
 * through, without them, and shows every other one as text: what a stranger wrote into a name can look like ours and is
 * not. So text and styles are put together as plain strings, and no command has to remember which is which.
 */
interface Signature {
  readonly text: string
  readonly signed: RegExp
}

/** Drawn for the first sequence; until then no text holds one. */
let drawn: Signature | undefined

/** Parameters of at most four digits: what measures or strips control sequences takes ours for such. */
const draw = (): Signature => {
  // Most calls colour nothing: the module of Node (5 ms) is loaded by those that do.
  const { randomInt } = process.getBuiltinModule("node:crypto")
  const text = Array.from({ length: 4 }, () => randomInt(1000, 10_000)).join(";")
  return { text, signed: new RegExp(`\\x1b\\[(\\??[\\d;:]{1,${parametersMost}});${text}([A-Za-z])`, "g") }
}

/** Characters of the parameters of one sequence: two colours of three numbers each take 33. */
export const parametersMost = 64

/** `sequence("31", "m")`: red; `sequence("?25", "l")`: a private mode, the cursor hidden. */
export const sequence = (parameters: string, final: string): string => {
  drawn ??= draw()
  return `\x1b[${parameters};${drawn.text}${final}`
}

/** Back to the beginning of the line. */
export const carriageReturn = (): string => sequence("13", "r")

// biome-ignore lint/suspicious/noControlCharactersInRegex: this is about control sequences
const unsigned = /\x1b\[([\d;]{1,16})m/g

/** Text that a formatter of ours has coloured: its colours become our own. Never for text of others. */
export const sign = (text: string): string =>
  text.replace(unsigned, (_, parameters: string) => sequence(parameters, "m"))

/** `text` with what stands between our own sequences changed by `change`, and each sequence by `keep`. */
const around = (text: string, change: (text: string) => string, keep: (found: RegExpExecArray) => string): string => {
  if (drawn === undefined || !text.includes(drawn.text)) return change(text)
  let result = ""
  let from = 0
  for (const found of text.matchAll(drawn.signed)) {
    result += change(text.slice(from, found.index)) + keep(found)
    from = found.index + found[0].length
  }
  return result + change(text.slice(from))
}

/** Changes text only; our sequences stay signed. */
export const mapText = (text: string, change: (text: string) => string): string =>
  around(text, change, ([whole]) => whole)

/** What a terminal is sent: text as `change` makes it, our sequences without their signature. */
export const unsign = (text: string, change: (text: string) => string): string =>
  around(text, change, ([whole, parameters, final]) =>
    whole === carriageReturn() ? "\r" : `\x1b[${parameters}${final}`
  )

const parameters = `[\\d;:]{0,${parametersMost}}`

/**
 * Of others, what draws within its line only: colours (group 1: their parameters), erasing in the line (group 2: how
 * much of it), carriage returns.
 */
export const lineDrawing = new RegExp(`\\x1b\\[(${parameters})m|\\x1b\\[([0-2]?)K|\\r`, "g")
/** At the end of text: what may be the beginning of one of these. */
export const cutDrawing = new RegExp(`\\x1b(?:\\[${parameters})?$`)
