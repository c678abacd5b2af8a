/**
 * What a stranger may write where a name, a message or any other text is expected; and what of it must never come out
 * raw.
 */

/** `canary`: a file that a shell would make, were one to read the text. */
export const hostileTexts = (canary: string): ReadonlyArray<string> => [
  "\x1b[2J\x1b[31mred\x1b]0;title\x07",
  "\x1b]52;c;cm0gLXJmIH4=\x07\x1bP$q\x1b\\",
  "\x9b31m\x9d0;title\x9c\x85\x84",
  "safe\u202egpj.exe\u2066\u200f\u061c",
  "zero\u200bwid\u00adth\u2060\u3164\u115f\uffa0\u180e\u2800\u{e0001}\u{e0072}\ufe0f",
  `line\n{"level":"fatal","message":"forged"}\r\n2026-01-01T00:00:00.000Z FATAL forged\u2028next\u2029`,
  `x$(touch ${canary})\`touch ${canary}\`';touch ${canary};"|touch ${canary}`,
  "__proto__",
  "constructor",
  "null\0byte",
  "half\ud83dpair",
  `<img src=x onerror=alert(1)>"&'`,
  "../../../../etc/passwd",
  "--store=/dev/null",
  "%n%s%d{{7*7}}${7*7}",
  `z${"\u0301".repeat(200)}`,
  ""
]

/** Long enough to be slow where anything takes the square of it. */
export const longTexts: ReadonlyArray<string> = ["a/".repeat(50_000), " ".repeat(100_000), "\x1b".repeat(100_000)]

/** Of numbers: below zero, at the ends of what fits 64 bits and a double, and what is no number. */
export const hostileNumbers: ReadonlyArray<number | bigint | string> = [
  -1,
  0,
  9_223_372_036_854_775_807n,
  -9_223_372_036_854_775_808n,
  1e308,
  -0.5,
  "NaN",
  "1e999",
  "\x1b[31m7"
]

const raw = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\u2800]/u

/**
 * What Sluice itself sends to a terminal: colours (those of a help among them), and the movements of its progress
 * display.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control sequences are what is looked for
const own = /\x1b\[(?:0|1|2|22|31|32|33|34|36|39)m|\x1b\[\d+F|\x1b\[0[JK]/g

/** The first character of an output that acts on a terminal or hides, as `U+1B in "…"`; undefined: there is none. */
export const rawCharacterIn = (output: string, isTerminal: boolean): string | undefined => {
  const text = (isTerminal ? output.replaceAll(own, "") : output).replaceAll("\n", "")
  const found = raw.exec(text)
  return found === null
    ? undefined
    : `U+${text.codePointAt(found.index)!.toString(16)} in ${JSON.stringify(text.slice(Math.max(0, found.index - 40), found.index + 20))}`
}
