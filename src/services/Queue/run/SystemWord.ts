/**
 * What the operating system takes for an argument, a path or a variable: any bytes but NUL. Text as long as it is
 * UTF-8, which it nearly always is; a file name of another time, in Latin-1, is bytes.
 */
import { Effect, Schema, SchemaIssue, SchemaTransformation } from "effect"
import * as StrictBase64 from "../policy/StrictBase64.ts"

const holdsNul = "a NUL character cannot be passed to a process; remove it"

/** The operating system ends a string at NUL, so an argument that holds one would silently lose its rest. */
export const SystemString = Schema.String.check(Schema.makeFilter((text) => !text.includes("\0") || holdsNul))

/** In JSON `{ "base64": "…" }`. */
export const SystemBytes = Schema.Struct({ base64: Schema.String }).pipe(
  Schema.decodeTo(
    Schema.Uint8Array.check(Schema.makeFilter((bytes) => !bytes.includes(0) || holdsNul)),
    SchemaTransformation.transformEffect({
      decode: ({ base64 }) => {
        const bytes = StrictBase64.decode(base64)
        return bytes === undefined
          ? Effect.fail(
              new SchemaIssue.InvalidValue({ message: "expected base64, as RFC 4648 has it, without line breaks" })
            )
          : Effect.succeed(bytes)
      },
      encode: (bytes) =>
        Effect.succeed({ base64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64") })
    })
  )
)

export const SystemWord = Schema.Union([SystemString, SystemBytes])
export type SystemWord = typeof SystemWord.Type

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** Bytes as a word: text when they are UTF-8. */
export const fromBytes = (bytes: Uint8Array): SystemWord => {
  try {
    return utf8.decode(bytes)
  } catch {
    return bytes
  }
}

export const toBytes = (word: SystemWord): Buffer =>
  typeof word === "string" ? Buffer.from(word, "utf8") : Buffer.from(word.buffer, word.byteOffset, word.byteLength)

/** Characters of UTF-8 as they are, `\xE9` for every byte that belongs to none. For people; not to be read back. */
export const shown = (word: SystemWord | typeof SystemBytes.Encoded): string => {
  if (typeof word === "string") return word
  const bytes = word instanceof Uint8Array ? toBytes(word) : Buffer.from(word.base64, "base64")
  let text = ""
  let at = 0
  while (at < bytes.length) {
    const lead = bytes[at]!
    const width = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
    const character = fromBytes(bytes.subarray(at, at + width))
    const isWhole = typeof character === "string"
    text += isWhole ? character : `\\x${lead.toString(16).toUpperCase().padStart(2, "0")}`
    at += isWhole ? width : 1
  }
  return text
}
