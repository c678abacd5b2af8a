/**
 * Text of strangers, made safe to show. Names, payloads, errors and logs of jobs are written by anybody: an escape
 * sequence among them could retitle the window, rewrite lines already printed or feed keystrokes back to the shell; a
 * bidirectional override or an invisible character makes a name read differently from what it is; a line end forges a
 * line of a log. Each such character is shown as an escape instead: `\x1b`, `\n`, `\u{202e}`. Nothing is dropped, so a
 * reader still sees what is there. For display only: a literal backslash is not doubled, so the text cannot be parsed
 * back.
 *
 * What counts as such: control characters (C0, DEL, C1), line and paragraph separators, format characters
 * (bidirectional marks, soft hyphen, joiners, tags), whatever else Unicode lets be drawn as nothing (fillers, variation
 * selectors, U+034F), the blank braille cell, noncharacters, surrogates without a partner, and the ninth and later of
 * the marks on one letter. Not: what joins or chooses the form of an emoji or an ideograph (👩‍👩‍👧, 🏴󠁧󠁢󠁥󠁮󠁧󠁿, ❤️, 葛󠄀),
 * and spaces of any width.
 */

const printableAscii = /^[\x20-\x7e]*$/
const printableLines = /^[\n\t\x20-\x7e]*$/

const hidden = String.raw`[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\u2800]`

const mark = String.raw`[\p{M}--\p{Default_Ignorable_Code_Point}]`

/** The most marks in a row that are drawn: more of them than any language stacks cover the lines above and below. */
const marksMost = 8

const suspicious = new RegExp(`${hidden}|${mark}{${marksMost + 1}}`, "v")

const emojiElement = String.raw`\p{Extended_Pictographic}[\ufe0e\ufe0f\p{Emoji_Modifier}]?`

/**
 * Sequences that are drawn as one character: an emoji, a keycap, a flag of the three that tags spell, an ideograph in
 * one of its forms.
 */
const drawnAsOne = [
  String.raw`\p{RGI_Emoji_Tag_Sequence}`,
  `${emojiElement}(?:\\u200d${emojiElement}){0,5}`,
  String.raw`[#*0-9]\ufe0f\u20e3?`,
  String.raw`\p{Ideographic}[\ufe00-\ufe02\u{e0100}-\u{e01ef}]`
].join("|")

/** Group 1: to be kept; else one character to be escaped. */
const decided = new RegExp(`(${drawnAsOne}|(?<!${mark})${mark}{1,${marksMost}})|${hidden}|${mark}`, "gv")

const named = new Map([
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
  ["\0", "\\0"]
])

const escape = (character: string): string => {
  const name = named.get(character)
  if (name !== undefined) return name
  const code = character.codePointAt(0)!
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`
}

/** `text` with each unsafe character as `spell` writes it. Linear; one scan when there is none. */
export const replace = (text: string, spell: (character: string) => string): string =>
  printableAscii.test(text) || !suspicious.test(text)
    ? text
    : text.replace(decided, (found, kept: string | undefined) => kept ?? spell(found))

/** `text` on one line: every unsafe character visible, tabs and line ends too. */
export const line = (text: string): string => replace(text, escape)

/**
 * `text` as block output, for logs and the output of commands: newlines and tabs stay, CR LF becomes a newline, every
 * other unsafe character is visible. A lone CR is escaped, since it would let later text overwrite earlier text.
 */
export const block = (text: string): string =>
  printableLines.test(text)
    ? text
    : replace(text.replaceAll("\r\n", "\n"), (found) => (found === "\n" || found === "\t" ? found : escape(found)))

/**
 * Serialized JSON made safe to show, still the same value: `JSON.stringify` leaves DEL, C1, bidirectional and invisible
 * characters raw inside strings, here they become `\uXXXX`. White space between tokens stays as it is.
 */
export const json = (serialized: string): string =>
  replace(serialized, (found) =>
    found === "\n" || found === "\t" || found === "\r"
      ? found
      : Array.from({ length: found.length }, (_, i) => `\\u${found.charCodeAt(i).toString(16).padStart(4, "0")}`).join(
          ""
        )
  )
