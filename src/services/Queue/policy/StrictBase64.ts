/**
 * Base64 as RFC 4648 says it, read one way only: what a lenient reader takes for bytes may be a password with a typing
 * error in it.
 */

/**
 * The bytes; undefined when the text is not exactly what encoding them gives: another character, a line break, padding
 * left out, bits too many in the last character (Effect's decoder lets the line breaks and such bits through).
 */
export const decode = (text: string): Uint8Array | undefined => {
  const bytes = Buffer.from(text, "base64")
  return bytes.toString("base64") === text ? bytes : undefined
}
