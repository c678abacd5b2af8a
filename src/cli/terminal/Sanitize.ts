/**
 * What may reach a terminal. Names, payloads, errors and logs of jobs are written by strangers: an escape sequence among
 * them could retitle the window, rewrite lines already printed or feed keystrokes back to the shell, and a bidirectional
 * override could make a command read differently from what it is. Each such character is shown as an escape instead:
 * `\x1b`, `\n`, `\u{202e}`. Nothing is dropped, so a reader still sees what is there. For display only: a literal
 * backslash is not doubled, so the text cannot be parsed back.
 */

// C0, DEL and C1; Arabic letter mark, directional marks, embeddings, overrides and isolates; line and paragraph
// separators; byte order mark; deprecated format characters; interlinear annotations; surrogates without a partner.
const hostile =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this file is about
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb]|\p{Surrogate}/u

const everyHostile = new RegExp(hostile, "gu")

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

/** `text` on one line: every control character visible, tabs and newlines too. Costs one scan when nothing is found. */
export const line = (text: string): string => (hostile.test(text) ? text.replace(everyHostile, escape) : text)

/**
 * `text` as block output, for logs and the output of commands: newlines and tabs stay, CR LF becomes a newline, every
 * other control character is visible. A lone CR is escaped, since it would let later text overwrite earlier text.
 */
export const block = (text: string): string =>
  hostile.test(text)
    ? text
        .replaceAll("\r\n", "\n")
        .replace(everyHostile, (found) => (found === "\n" || found === "\t" ? found : escape(found)))
    : text

/**
 * Serialized JSON made safe to show, still the same value: `JSON.stringify` leaves DEL, C1 and bidirectional
 * characters raw inside strings, here they become `\uXXXX`. White space between tokens stays as it is.
 */
export const json = (serialized: string): string =>
  hostile.test(serialized)
    ? serialized.replace(everyHostile, (found) =>
        found === "\n" || found === "\t" || found === "\r"
          ? found
          : `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`
      )
    : serialized
