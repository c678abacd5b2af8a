import { Effect, Schema, SchemaIssue, SchemaTransformation } from "effect"
import * as StrictBase64 from "../policy/StrictBase64.ts"

/** Keeps a byte order mark, which is part of the data, and throws at the first byte that is not UTF-8. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** Text while the bytes are UTF-8, so that results stay readable where they are stored; base64 otherwise. */
const Encoded = Schema.Union([Schema.String, Schema.Struct({ base64: Schema.String })])

const encodeBytes = (bytes: Uint8Array): typeof Encoded.Type => {
  try {
    return utf8.decode(bytes)
  } catch {
    return { base64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64") }
  }
}

const encode = (bytes: Uint8Array) => Effect.succeed(encodeBytes(bytes))

const decode = (encoded: typeof Encoded.Type): Effect.Effect<Uint8Array, SchemaIssue.Issue> => {
  const bytes = typeof encoded === "string" ? Buffer.from(encoded, "utf8") : StrictBase64.decode(encoded.base64)
  return bytes === undefined
    ? Effect.fail(new SchemaIssue.InvalidValue({ message: "expected base64, as RFC 4648 has it, without line breaks" }))
    : Effect.succeed(bytes)
}

/**
 * What a command reads or writes: any bytes. In JSON it is a string when the bytes are valid UTF-8, else `{ "base64":
 * "…" }`; the way back gives the same bytes in both cases.
 */
export const OutputBytes = Encoded.pipe(
  Schema.decodeTo(Schema.Uint8Array, SchemaTransformation.transformEffect({ decode, encode }))
)
