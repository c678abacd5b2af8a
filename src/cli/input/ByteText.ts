/**
 * Bytes as text that can be cut and joined, and bytes again without loss. File names and lines are bytes; where they
 * are not UTF-8, each byte that is none becomes the lone surrogate U+DC80 to U+DCFF (0xDC00 + the byte), which no UTF-8
 * decodes to, as Python's `surrogateescape` has it (PEP 383).
 */
import { isUtf8 } from "node:buffer"

/** With the `u` flag halves of pairs are not matched. */
const escape = /[\udc80-\udcff]/gu

const lengthOf = (first: number): number => (first < 0xc2 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4)

export const decode = (bytes: Buffer): string => {
  if (isUtf8(bytes)) return bytes.toString("utf8")
  let text = ""
  for (let from = 0; from < bytes.length; ) {
    const character = bytes.subarray(from, from + lengthOf(bytes[from]!))
    const isWhole = isUtf8(character)
    text += isWhole ? character.toString("utf8") : String.fromCharCode(0xdc00 + bytes[from]!)
    from += isWhole ? character.length : 1
  }
  return text
}

/** Whether bytes that are not UTF-8 are in it. */
export const hasBytes = (text: string): boolean => !text.isWellFormed() && text.search(escape) >= 0

/** Whether it is text, such bytes apart: no half of a pair stands alone. */
export const isWhole = (text: string): boolean => text.isWellFormed() || text.replace(escape, "").isWellFormed()

export const encode = (text: string): Buffer =>
  hasBytes(text)
    ? Buffer.concat(
        text
          .split(/([\udc80-\udcff])/u)
          .map((part, i) => (i % 2 === 0 ? Buffer.from(part) : Buffer.of(part.charCodeAt(0) - 0xdc00)))
      )
    : Buffer.from(text)

/** To be shown: such bytes as `\xff`. */
export const shown = (text: string): string =>
  text.replace(escape, (byte) => `\\x${(byte.charCodeAt(0) - 0xdc00).toString(16)}`)

/** As a command takes it: text, or bytes where it is not UTF-8. */
export const word = (text: string): string | Uint8Array => (hasBytes(text) ? encode(text) : text)
